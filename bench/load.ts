import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { LOAD_CORE } from './process.ts';

/** Result of wrk. */
export interface Load {
  /** Requests answered within the time. */
  readonly requests: number;
  /** Requests sent, including those in flight at the end. */
  readonly sent: number;
  readonly seconds: number;
  /** Bytes of all responses, including headers. */
  readonly bytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly socketErrors: number;
  readonly timeouts: number;
  /** Responses with a status above 399. */
  readonly statusErrors: number;
}

export interface LoadOptions {
  /** Index of the first body. Default: 0. */
  readonly start?: number;
  /** Requests per second. Default: as many as possible. */
  readonly rate?: number;
  /** Headers besides the content type. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Posts bodies in turn over a fixed number of connections. Each connection sends the next request after a response.
 *
 * @param bodies path of a file with one body per line
 * @throws Error when wrk fails
 */
export async function runLoad(
  url: string,
  bodies: string,
  connections: number,
  seconds: number,
  { start = 0, rate = 0, headers = {} }: LoadOptions = {},
): Promise<Load> {
  const script = join(import.meta.dirname, 'load.lua');
  const child = spawn(
    'taskset',
    ['-c', LOAD_CORE, 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url].concat([
      '--',
      bodies,
      String(start),
      String(rate),
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
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
