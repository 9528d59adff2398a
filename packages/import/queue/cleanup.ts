import { setTimeout as sleep } from 'node:timers/promises';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { firstRowOf, type JobData, type JobResult } from './jobs.ts';

/** ms between two attempts to remove jobs. */
const POLL_MS = 100;

export type RowsQueue = Queue<JobData, JobResult>;

interface ImportJobs {
  readonly redis: Redis;
  readonly queue: RowsQueue;
  /** Id of the import. */
  readonly run: string;
}

/** Removes settled jobs that an earlier command did not remove. Retries failed jobs. */
export async function tidy(jobs: ImportJobs, settledUpTo: number): Promise<void> {
  const { queue } = jobs;
  for (const set of ['completed', 'failed'] as const) {
    const rows = await finishedJobs(jobs, set);
    await removeJobs(
      queue,
      [...rows].filter(([, row]) => row <= settledUpTo).map(([id]) => id),
    );
    if (set === 'completed') continue;
    for (const [id, row] of rows) if (row > settledUpTo) await (await queue.getJob(id))?.retry('failed');
  }
}

/**
 * Removes an import from the queue, and waits for the jobs that workers run.
 *
 * @returns whether all jobs of the import are gone
 */
export async function abandon(jobs: ImportJobs, timeoutMs: number): Promise<boolean> {
  const { redis, queue, run } = jobs;
  const end = performance.now() + timeoutMs;
  for (;;) {
    const waiting = await redis.lrange(queue.toKey('wait'), 0, -1);
    const active = await redis.lrange(queue.toKey('active'), 0, -1);
    const own = [...waiting, ...active].filter((id) => firstRowOf(run, id) !== null);
    for (const set of ['completed', 'failed'] as const) own.push(...(await finishedJobs(jobs, set)).keys());
    if (own.length === 0) return true;
    await removeJobs(queue, own);
    if (performance.now() > end) return false;
    await sleep(POLL_MS);
  }
}

/** Removes jobs, except those that a living worker runs. */
export async function removeJobs(queue: RowsQueue, ids: readonly string[]): Promise<void> {
  await Promise.all(ids.map((id) => queue.remove(id).catch(() => 0)));
}

/** Returns the first rows of this import's completed or failed jobs, by job id. */
async function finishedJobs({ redis, queue, run }: ImportJobs, set: 'completed' | 'failed') {
  const ids = await redis.zrange(queue.toKey(set), '0', '-1');
  const rows = new Map<string, number>();
  for (const id of ids) {
    const row = firstRowOf(run, id);
    if (row !== null) rows.set(id, row);
  }
  return rows;
}
