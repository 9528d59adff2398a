import { setTimeout as sleep } from 'node:timers/promises';
import type { JobsOptions } from 'bullmq';
import { type BulkLimits, cutChunks } from '../../../src/datatrics/bulk/chunk.ts';
import type { Destination, Failure, Sendable } from '../destination.ts';
import type { ImportOptions } from '../options.ts';
import type { QueueSession } from './session.ts';

/** Unsettled windows at most, so that neither Redis nor this process holds a whole file. */
const MAX_WINDOWS = 10;
/** ms between two looks at a job. */
const POLL_MS = 50;
/** s that Redis keeps results for a command that is resumed. A later resume sends those rows again. */
const KEEP = { age: 7 * 86_400 };
/** Attempts for a call with a temporary failure, over about four minutes. */
const JOB: JobsOptions = {
  attempts: 10,
  backoff: { type: 'exponential', delay: 500, jitter: 0.5 },
  removeOnComplete: KEEP,
  removeOnFail: KEEP,
};

/**
 * Sends rows as jobs for workers. Survives a Redis that loses data: adds a lost job again, with the same id.
 * @param signal aborted when the user asks to stop: workers continue with the jobs
 */
export function createQueued(
  { queue, run }: QueueSession,
  { callsPerSecond }: ImportOptions,
  limits: BulkLimits,
  signal: AbortSignal,
): Destination {
  let requests = 0;
  let failure: Failure | null = null;
  /** Settles when the last window so far is collected. */
  let last: Promise<unknown> = Promise.resolve();

  async function add(chunks: readonly (readonly Sendable[])[]): Promise<void> {
    await queue.addBulk(
      chunks.map((chunk) => {
        const rows = chunk.map(({ result, key, json }) => ({ row: result.index, key, json }));
        return { name: 'rows', data: { callsPerSecond, rows }, opts: { ...JOB, jobId: idOf(chunk) } };
      }),
    );
  }

  /** The queue ignores a job that is added twice. */
  function idOf(chunk: readonly Sendable[]): string {
    return `${run}-${chunk[0]?.result.index}`;
  }

  /** Waits for a job. Returns false if workers may still run it. */
  async function collect(chunk: readonly Sendable[]): Promise<boolean> {
    const id = idOf(chunk);
    for (; ; await sleep(POLL_MS)) {
      if (signal.aborted) return false;
      const state = await queue.getJobState(id);
      const job = state === 'completed' || state === 'failed' ? await queue.getJob(id) : undefined;
      if (state === 'completed' && job) {
        requests += job.returnvalue.calls;
        const rejects = new Map(job.returnvalue.rejects);
        for (const { result } of chunk) {
          const problems = rejects.get(result.index);
          Object.assign(result, problems ? { outcome: 'REJECTED', problems } : { outcome: 'UPSERTED' });
        }
        return true;
      }
      if (state === 'failed' && job) failure ??= { kind: 'other', message: job.failedReason };
      if (failure) return (await queue.remove(id)) === 1 || state === 'unknown';
      if (state === 'unknown') await add([chunk]);
    }
  }

  async function collectAll(chunks: readonly (readonly Sendable[])[]): Promise<(() => unknown) | null> {
    let isComplete = true;
    for (const chunk of chunks) isComplete = (await collect(chunk)) && isComplete;
    return isComplete ? () => Promise.all(chunks.map((chunk) => queue.remove(idOf(chunk)))) : null;
  }

  return {
    ahead: MAX_WINDOWS - 1,
    get requests() {
      return requests;
    },
    get failure() {
      return failure;
    },
    async send(items) {
      const chunks = cutChunks(items, limits.chunkItems, limits.chunkBytes);
      const before = last;
      const collected = add(chunks)
        .then(() => before)
        .then(() => collectAll(chunks));
      last = collected.catch(() => undefined);
      return collected;
    },
  };
}
