import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';

/**
 * A program: runs one of the project's commands after another, each as if it had a process of its own, with modules that
 * are loaded once. `Commands` in command.ts talks to it.
 */
export interface CommandCall {
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Base64. */
  readonly stdin: string;
}

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Thrown by `process.exit`, which does not return. */
class Exit extends Error {}

let run = 0;
let output = { stdout: '', stderr: '' };
let isRunning = false;

function finish(status: number): void {
  if (!isRunning) return;
  isRunning = false;
  process.exitCode = undefined;
  // Until the next call arrives, only the channel keeps this process.
  process.channel?.ref();
  process.send?.({ status, ...output } satisfies CommandResult);
}

for (const name of ['stdout', 'stderr'] as const) {
  process[name].write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    output[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    const done = rest.find((one) => typeof one === 'function') as (() => void) | undefined;
    if (done) process.nextTick(done);
    return true;
  };
}

process.exit = (status): never => {
  finish(Number(status ?? process.exitCode ?? 0));
  throw new Exit();
};

function fail(error: unknown): void {
  if (error instanceof Exit) return;
  process.stderr.write(`${(error as Error).stack}\n`);
  finish(1);
}

process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
// A command ends as its process would: when nothing is left that it waits for.
process.on('beforeExit', () => finish(Number(process.exitCode ?? 0)));

process.on('message', ({ script, args, env, cwd, stdin }: CommandCall) => {
  output = { stdout: '', stderr: '' };
  isRunning = true;
  process.channel?.unref();
  process.chdir(cwd);
  process.argv = [process.argv[0] as string, script, ...args];
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  Object.defineProperty(process, 'stdin', { value: Readable.from([Buffer.from(stdin, 'base64')]), configurable: true });
  run += 1;
  // The script itself is evaluated each time, and what it imports is shared.
  import(`${pathToFileURL(script).href}?run=${run}`).catch(fail);
});
