import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { LOAD_CORE } from './process.ts';

/** What wrk saw. */
export interface Load {
  /** Answered within the time. */
  readonly requests: number;
  /** Those, and those under way at the end. */
  readonly sent: number;
  readonly seconds: number;
  /** Bytes of all answers, with their headers. */
  readonly bytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly socketErrors: number;
  readonly timeouts: number;
  /** Answers with a status above 399. */
  readonly statusErrors: number;
}

/**
 * Posts bodies in turns over a fixed number of connections, each of which sends the next as soon as it is answered.
 *
 * @param bodies a file with one body per line
 * @param start the body to begin with
 * @param authorization header of that name
 * @throws Error when wrk fails
 */
export async function runLoad(
  url: string,
  bodies: string,
  connections: number,
  seconds: number,
  start = 0,
  authorization?: string,
): Promise<Load> {
  const script = join(import.meta.dirname, 'load.lua');
  const child = spawn(
    'taskset',
    ['-c', LOAD_CORE, 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url].concat([
      '--',
      bodies,
      String(start),
      ...(authorization === undefined ? [] : [authorization]),
    ]),
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  await once(child, 'close');
  const result = /^RESULT (.*)$/m.exec(output)?.[1];
  if (result === undefined) throw new Error(`wrk: ${output.trim()}`);
  return JSON.parse(result) as Load;
}
