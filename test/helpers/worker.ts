import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { NO_WARNINGS, PROCESS_ENV } from './command.ts';
import { capture } from './process.ts';

export type TestWorker = ReturnType<typeof startWorker>;

/** Starts `npm run worker`; it is up when its log says `Worker ready`. */
export function startWorker(env: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const child = spawn(process.execPath, [NO_WARNINGS, 'packages/import/worker.ts', ...args], {
    env: { ...PROCESS_ENV, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: Record<string, unknown>[] = [];
  const stderr = capture(child.stderr);
  let rest = '';
  child.stdout.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() as string;
    log.push(...lines.map((line) => JSON.parse(line)));
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stderr: stderr() }));
  return { child, log, ended };
}
