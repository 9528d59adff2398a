import { setTimeout as sleep } from 'node:timers/promises';
import type { Resource } from '../../../src/datatrics/endpoints.ts';
import type { Destination, Failure, Sendable } from '../destination.ts';
import { fromRanges } from '../journal.ts';
import { type JobProgress, type JobResult, jobIdOf, packRows } from './jobs.ts';
import { type QueueSession, removeJobs } from './session.ts';

/** Unsettled windows at most, so that neither Redis nor this process holds a whole file. */
const MAX_JOBS = 100;
/** ms between two looks at a job. */
const POLL_MS = 100;
/** s that Redis keeps results for a command that is resumed. A later resume sends those rows again. */
const KEEP = { age: 7 * 86_400 };
/** ms for running jobs to end after one has failed permanently. */
const FAILED_GRACE_MS = 10_000;

export interface QueueDestinationOptions {
  readonly session: QueueSession;
  readonly resource: Resource;
  readonly callsPerSecond: number | undefined;
  /** Receives the upserted rows of a job that failed. */
  readonly onUpserted: (rows: readonly number[]) => void;
  /** Aborted when the user asks to stop: workers continue with the jobs. */
  readonly signal: AbortSignal;
}

/** Sends rows as jobs for workers. Survives a Redis that loses data: adds a lost job again, with the same id. */
export class QueueDestination implements Destination {
  readonly ahead = MAX_JOBS - 1;
  /** REST calls of the workers for the collected results. */
  requests = 0;
  readonly #options: QueueDestinationOptions;
  #failure: string | null = null;
  /** `performance.now()` until which running jobs may end. */
  #end = Number.POSITIVE_INFINITY;

  constructor(options: QueueDestinationOptions) {
    this.#options = options;
  }

  get failure(): Failure | null {
    const message = this.#options.session.lease.lost ? 'Another command has taken over this import.' : this.#failure;
    return message === null ? null : { kind: 'other', message };
  }

  /** Waits until this command certainly owns the import. Returns false when it will not, or when the user asks to stop. */
  async confirm(): Promise<boolean> {
    const { session, signal } = this.#options;
    while (!session.lease.isSure && !session.lease.lost && !signal.aborted) await sleep(POLL_MS);
    return !session.lease.lost && !signal.aborted;
  }

  async send(items: readonly Sendable[]): Promise<void> {
    const { session, resource, callsPerSecond = null, onUpserted } = this.#options;
    const { redis, queue, run } = session;
    const [first] = items;
    if (!first) return;
    const jobId = jobIdOf(run, first.result.index);
    const data = { resource, callsPerSecond, rows: await packRows(items) };
    for (; await this.confirm(); await sleep(POLL_MS)) {
      const names = ['timestamp', 'finishedOn', 'returnvalue', 'failedReason', 'progress'];
      const [added, finished, result, failure, progress] = await redis.hmget(queue.toKey(jobId), ...names);
      if (finished && result) {
        this.#collect(items, JSON.parse(result));
        return;
      }
      if (finished && failure) {
        const upserted = fromRanges((JSON.parse(progress ?? '{}') as Partial<JobProgress>).in);
        for (const item of items) if (upserted.has(item.result.index)) item.result.outcome = 'UPSERTED';
        onUpserted([...upserted]);
        this.#failure ??= failure;
        this.#end = Math.min(this.#end, performance.now() + FAILED_GRACE_MS);
        return;
      }
      if (this.#failure !== null) {
        // 0: a worker runs the job.
        if (!added || (await queue.remove(jobId)) === 1 || performance.now() > this.#end) return;
      } else if (!added) {
        await queue.add('rows', data, { jobId, removeOnComplete: KEEP, removeOnFail: KEEP });
      }
    }
  }

  async settled([first]: readonly Sendable[]): Promise<void> {
    const { queue, run } = this.#options.session;
    if (first && this.#failure === null) await removeJobs(queue, [jobIdOf(run, first.result.index)]);
  }

  /** Leaves the session open. */
  async close(): Promise<void> {}

  #collect(items: readonly Sendable[], { calls, rejects }: JobResult): void {
    this.requests += calls;
    const refused = new Map(rejects.map(([row, code, message]) => [row, { code, message, field: null }]));
    for (const { result } of items) {
      const problem = refused.get(result.index);
      result.outcome = problem ? 'REJECTED' : 'UPSERTED';
      if (problem) result.problems = [problem];
    }
  }
}
