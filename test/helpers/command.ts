import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { afterAll } from 'vitest';
import type { CommandCall, CommandResult } from './command-host.ts';

/** The flag that the scripts in package.json have: undici's decompression is experimental, and says so. */
export const NO_WARNINGS = '--disable-warning=ExperimentalWarning';

/** What a process of a test has in its environment. Node keeps compiled sources: half of what a start costs. */
export const PROCESS_ENV: Readonly<Record<string, string>> = {
  PATH: process.env.PATH ?? '',
  NODE_COMPILE_CACHE: resolve('node_modules/.cache/tests'),
};

interface RunOptions {
  /** Default: nothing */
  readonly stdin?: string | Buffer;
  /** Working directory. Default: the project's */
  readonly cwd?: string;
}

/** Runs one of the project's commands in a process of its own; without blocking, since the API that it asks is in this process. */
export function runCommand(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { stdin = '', cwd = '.' }: RunOptions = {},
): Promise<CommandResult> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [NO_WARNINGS, resolve(script), ...args],
      { env: { ...PROCESS_ENV, ...env }, cwd },
      (_error, stdout, stderr) => done({ status: child.exitCode ?? -1, stdout, stderr }),
    );
    // A command that reads nothing may have ended.
    child.stdin?.on('error', () => undefined).end(stdin);
  });
}

/**
 * Runs commands one after another in a single process, which loads their modules once: that is nearly all of a command's
 * time. It ends with the test file. That a command starts and ends by itself is for `runCommand` to show.
 */
export class Commands {
  #host: ChildProcess | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor() {
    afterAll(async () => {
      if (!this.#host || this.#host.exitCode !== null) return;
      const gone = once(this.#host, 'exit');
      this.#host.kill('SIGKILL');
      await gone;
    });
  }

  run(
    script: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    { stdin = '', cwd = '.' }: RunOptions = {},
  ): Promise<CommandResult> {
    const call: CommandCall = {
      script: resolve(script),
      args,
      env: { PATH: PROCESS_ENV.PATH as string, ...env },
      cwd: resolve(cwd),
      stdin: Buffer.from(stdin).toString('base64'),
    };
    const result = this.#last.then(() => this.#ask(call));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #ask(call: CommandCall): Promise<CommandResult> {
    this.#host ??= fork(resolve('test/helpers/command-host.ts'), {
      execArgv: [NO_WARNINGS],
      env: { ...PROCESS_ENV, NODE_ENV: 'production' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const host = this.#host;
    const heard = new AbortController();
    const { signal } = heard;
    try {
      const answer = once(host, 'message', { signal }).then(([result]) => result as CommandResult);
      const gone = once(host, 'exit', { signal }).then(([code]) => {
        throw new Error(`the process of the commands ended with ${code}, at ${call.script} ${call.args.join(' ')}`);
      });
      host.send(call);
      return await Promise.race([answer, gone]);
    } finally {
      heard.abort();
    }
  }
}
