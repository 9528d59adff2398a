import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** Ends a process. Gives its exit code; null when a signal has ended it. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
  return child.exitCode;
}

/** Collects what a stream gives. Returns everything until now. */
export function capture(...streams: readonly (Readable | null)[]): () => string {
  let text = '';
  for (const stream of streams) {
    stream?.on('data', (chunk) => {
      text += chunk;
    });
  }
  return () => text;
}

const answersOk = (url: string): Promise<boolean> =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );

/**
 * Waits until a program can be used.
 * @param test a URL that answers with 2xx by then, or a function
 * @param hint for the message
 * @throws Error after 20 s, or when the process has ended
 */
export async function untilReady(
  name: string,
  child: ChildProcess,
  test: string | (() => Promise<boolean>),
  hint = () => 'is it installed?',
): Promise<void> {
  let hasFailed = false;
  child.once('error', () => {
    hasFailed = true;
  });
  for (let tries = 0; !(await (typeof test === 'string' ? answersOk(test) : test())); tries++) {
    if (tries === 400 || hasFailed || child.exitCode !== null || child.signalCode !== null) {
      await end(child);
      throw new Error(`${name} did not start: ${hint()}`);
    }
    await sleep(50);
  }
}
