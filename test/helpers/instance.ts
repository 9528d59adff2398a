import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { NO_WARNINGS } from './command.ts';
import { capture, end, untilReady } from './process.ts';
import { freePort } from './redis.ts';

/** A gateway in a process of its own, as its users start it. */
export type Instance = Awaited<ReturnType<typeof startInstance>>;

/**
 * @param settings by variable names; nothing else is in its environment but `PATH`
 * @param flags of Node
 * @param launcher command that starts Node
 */
export async function startInstance(
  settings: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
  launcher: readonly string[] = [],
) {
  const port = await freePort();
  const [command, ...args] = [...launcher, process.execPath, NO_WARNINGS, ...flags, resolve('src/start.js')] as const;
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', PORT: String(port), ...settings },
  });
  const output = capture(child.stdout, child.stderr);
  const url = `http://127.0.0.1:${port}`;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await untilReady('the gateway', child, `${url}/ready`, output);
  return {
    url,
    pid: child.pid as number,
    /** Resolves when the process has ended, for whatever reason. */
    gone,
    /** Its log and whatever else it wrote. */
    output,
    async kill(): Promise<void> {
      await end(child);
    },
    /** Ends it as an orchestrator does; gives its exit code. */
    stop: () => end(child, 'SIGTERM'),
  };
}
