import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { NO_WARNINGS } from './command.ts';
import { capture, end, untilReady } from './process.ts';
import { freePort } from './redis.ts';

/** A gateway in a process of its own, as its users start it. */
export interface Instance {
  readonly url: string;
  readonly pid: number;
  /** Resolves when the process has ended, for whatever reason. */
  readonly gone: Promise<void>;
  /** Its log and whatever else it wrote. */
  output(): string;
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>;
  /** Ends it as an orchestrator does; gives its exit code. */
  stop(): Promise<number | null>;
}

/**
 * @param settings by variable names; nothing else is in its environment but `PATH`
 * @param flags of Node
 * @param launcher command that starts Node
 */
export async function startInstance(
  settings: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
  launcher: readonly string[] = [],
): Promise<Instance> {
  const port = await freePort();
  const [command, ...args] = [...launcher, process.execPath, NO_WARNINGS, ...flags, resolve('src/start.js')] as const;
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', PORT: String(port), ...settings },
  });
  const output = capture(child.stdout, child.stderr);
  const url = `http://127.0.0.1:${port}`;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await untilReady(child, `${url}/ready`, () => `the gateway did not start: ${output()}`);
  return {
    url,
    pid: child.pid as number,
    gone,
    output,
    async kill() {
      await end(child);
    },
    stop: () => end(child, 'SIGTERM'),
  };
}
