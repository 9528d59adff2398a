import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { runLoad } from './load.ts';
import { cpuMs, residentMb } from './process.ts';
import type { Cell } from './results.ts';
import type { Running, System } from './system.ts';
import type { Upstream } from './upstream.ts';
import type { Operation, Workload } from './workloads.ts';

/** One running system with one workload. */
export interface Subject {
  readonly system: Pick<System, 'name' | 'kind' | 'hasRawTimes'>;
  readonly running: Running;
  readonly workload: Workload;
  /** A file with the bodies of the workload's operations, one per line. */
  readonly bodies: string;
  readonly upstream: Upstream;
}

/** Result of one round. */
export type Round = Omit<Cell, 'rates' | 'callsAlone' | 'workload' | 'system'> & { readonly rate: number };

/**
 * Sends about 50 different operations at once and compares the answers with the fixtures.
 *
 * @throws Error that names the first wrong answer
 */
export async function checkAnswers({ system, running, workload }: Subject): Promise<void> {
  const { operations, name } = workload;
  const step = Math.max(1, Math.floor(operations.length / 50));
  const sample = operations.filter((_, i) => i % step === 0);
  // Two of them alone first: systems that compile on the second request are checked before and after.
  for (const operation of [sample[0], sample.at(-1)] as Operation[])
    await checkAnswer(operation, running.url(name), system);
  await Promise.all(sample.map((operation) => checkAnswer(operation, running.url(name), system)));
}

async function checkAnswer(operation: Operation, url: string, system: Subject['system']): Promise<void> {
  const text = await (await post(url, operation.body)).text();
  if (system.kind === 'bare') {
    if (text !== operation.bytes)
      throw new Error(`${system.name}: the bytes differ from the upstream's: ${text.slice(0, 300)}`);
    return;
  }
  const { data, errors } = JSON.parse(
    system.hasRawTimes ? text.replace(/"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)"/g, '"$1T$2.000Z"') : text,
  );
  if (errors !== undefined || !isDeepStrictEqual(data, operation.data)) {
    throw new Error(`${system.name}: wrong answer to ${operation.body.slice(0, 200)}: ${text.slice(0, 400)}`);
  }
}

function post(url: string, body: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  return fetch(url, { method: 'POST', headers, body });
}

/** Returns the REST calls of one operation without concurrent ones, as the mean of three. */
export async function callsAlone({ running, workload, upstream }: Subject): Promise<number> {
  const before = await upstream.requests();
  for (let i = 0; i < 3; i++) {
    const { body } = workload.operations[i % workload.operations.length] as Operation;
    await (await post(running.url(workload.name), body)).arrayBuffer();
  }
  return ((await upstream.requests()) - before) / 3;
}

/**
 * Loads a system for one round.
 *
 * @throws Error without any answer, or when answers under load are much shorter than the checked ones
 */
export async function measureRound(
  { system, running, workload, bodies, upstream }: Subject,
  connections: number,
  seconds: number,
  start = 0,
): Promise<Round> {
  const callsBefore = await upstream.requests();
  const cpuBefore = cpuMs(running.pid);
  const load = await runLoad(running.url(workload.name), bodies, connections, seconds, { start });
  const cpu = cpuMs(running.pid) - cpuBefore;
  const memory = residentMb(running.pid);
  const calls = (await requestsWhenIdle(upstream)) - callsBefore;
  if (load.requests === 0) throw new Error(`${system.name}: no answer to ${workload.name} within ${seconds} s`);
  const errors = load.socketErrors + load.timeouts + load.statusErrors;
  const { bytes, data } = workload.operations[0] as Operation;
  const minLength = (system.kind === 'bare' ? bytes : JSON.stringify({ data })).length * 0.9;
  if (errors === 0 && load.bytes / load.requests < minLength) {
    throw new Error(`${system.name}: answers to ${workload.name} are too short under load`);
  }
  return {
    rate: load.requests / load.seconds,
    p50Ms: load.p50Ms,
    p99Ms: load.p99Ms,
    // Operations in flight at the end are on average half done.
    cpuMsPer1000: (cpu / ((load.requests + load.sent) / 2)) * 1_000,
    residentMb: memory,
    callsUnderLoad: calls / load.sent,
    errors,
  };
}

/** Waits at most 5 s until the upstream is idle, so that no request disturbs the next round. Returns the requests served. */
async function requestsWhenIdle(upstream: Upstream): Promise<number> {
  const end = Date.now() + 5_000;
  let last = await upstream.requests();
  for (;;) {
    await sleep(100);
    const now = await upstream.requests();
    if (now === last || Date.now() > end) return now;
    last = now;
  }
}

/** Returns the median; for an even count, the upper of the two middle numbers. */
export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}
