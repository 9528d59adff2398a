import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { runLoad } from './load.ts';
import { cpuMs, residentMb } from './process.ts';
import type { Cell } from './results.ts';
import type { Running, System } from './system.ts';
import type { Upstream } from './upstream.ts';
import type { Operation, Workload } from './workloads.ts';

/** One system on one workload, ready to be loaded. */
export interface Subject {
  readonly system: Pick<System, 'name' | 'kind'>;
  readonly running: Running;
  readonly workload: Workload;
  /** A file with the bodies of the workload's operations, one per line. */
  readonly bodies: string;
  readonly upstream: Upstream;
}

/** What one round gave. */
export type Round = Omit<Cell, 'rates' | 'callsAlone' | 'workload' | 'system'> & { readonly rate: number };

/**
 * Sends operations that lie apart from each other, all at once, and holds each answer against what the fixtures say.
 *
 * @throws Error naming the first that differs
 */
export async function checkAnswers({ system, running, workload }: Subject): Promise<void> {
  const { operations, name } = workload;
  const step = Math.max(1, Math.floor(operations.length / 50));
  const some = operations.filter((_, i) => i % step === 0);
  // Alone first, so that what is compiled on the first repetition is seen both ways.
  for (const operation of [some[0], some.at(-1)] as Operation[])
    await checkAnswer(operation, running.url(name), system);
  await Promise.all(some.map((operation) => checkAnswer(operation, running.url(name), system)));
}

async function checkAnswer(operation: Operation, url: string, system: Subject['system']): Promise<void> {
  const text = await (await post(url, operation.body)).text();
  if (system.kind === 'bare') {
    if (text !== operation.bytes)
      throw new Error(`${system.name}: other bytes than the upstream's: ${text.slice(0, 300)}`);
    return;
  }
  const { data, errors } = JSON.parse(text);
  if (errors !== undefined || !isDeepStrictEqual(data, operation.data)) {
    throw new Error(
      `${system.name}: not the expected answer to ${operation.body.slice(0, 200)}: ${text.slice(0, 400)}`,
    );
  }
}

function post(url: string, body: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  return fetch(url, { method: 'POST', headers, body });
}

/** REST calls of one operation with nothing else under way, as the mean of three. */
export async function callsAlone({ running, workload, upstream }: Subject): Promise<number> {
  const before = await upstream.requests();
  for (let i = 0; i < 3; i++) {
    const { body } = workload.operations[i % workload.operations.length] as Operation;
    await (await post(running.url(workload.name), body)).arrayBuffer();
  }
  return ((await upstream.requests()) - before) / 3;
}

/**
 * Loads a system for a while.
 *
 * @throws Error when answers under load are much shorter than those that were checked
 */
export async function measureRound(
  { system, running, workload, bodies, upstream }: Subject,
  connections: number,
  seconds: number,
  start = 0,
): Promise<Round> {
  const callsBefore = await upstream.requests();
  const cpuBefore = cpuMs(running.pid);
  const load = await runLoad(running.url(workload.name), bodies, connections, seconds, start);
  const cpu = cpuMs(running.pid) - cpuBefore;
  const memory = residentMb(running.pid);
  const calls = (await quiet(upstream)) - callsBefore;
  if (load.requests === 0) throw new Error(`${system.name}: not one answer to ${workload.name} in ${seconds} s`);
  const errors = load.socketErrors + load.timeouts + load.statusErrors;
  const { bytes, data } = workload.operations[0] as Operation;
  const least = (system.kind === 'bare' ? bytes : JSON.stringify({ data })).length * 0.9;
  if (errors === 0 && load.bytes / load.requests < least) {
    throw new Error(`${system.name}: answers to ${workload.name} got short under load`);
  }
  return {
    rate: load.requests / load.seconds,
    p50Ms: load.p50Ms,
    p99Ms: load.p99Ms,
    // Of the operations under way at the end about half the work is done.
    cpuMsPer1000: (cpu / ((load.requests + load.sent) / 2)) * 1_000,
    residentMb: memory,
    callsUnderLoad: calls / load.sent,
    errors,
  };
}

/** Requests served, once no more come: what was under way at the end is counted, and does not disturb the next. */
async function quiet(upstream: Upstream): Promise<number> {
  const end = Date.now() + 5_000;
  let last = await upstream.requests();
  for (;;) {
    await sleep(100);
    const now = await upstream.requests();
    if (now === last || Date.now() > end) return now;
    last = now;
  }
}

/** The middle one; of two the upper. */
export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}
