import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NO_WARNINGS } from './command.ts';
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
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const url = `http://127.0.0.1:${port}`;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const gone = once(child, 'exit');
    child.kill(signal);
    return (await gone)[0] as number | null;
  };
  for (let tries = 0; ; tries++) {
    const ready = await fetch(`${url}/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) break;
    if (tries === 300 || child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the gateway did not start: ${output}`);
    await sleep(50);
  }
  return {
    url,
    pid: child.pid as number,
    gone,
    output: () => output,
    async kill() {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
  };
}
