import { type Job, WaitingError } from 'bullmq';
import type { Resource } from '../../../src/datatrics/endpoints.ts';
import type { Logger } from '../../../src/lib/log.ts';
import type { Destination } from '../destination.ts';
import { toRanges } from '../journal.ts';
import { type JobData, type JobProgress, type JobResult, unpackRows } from './jobs.ts';

/** A destination with a rate limit, for one job at a time. */
export interface Lane {
  readonly destination: Destination;
  /** Sets the calls per second of all workers together; null: no limit. */
  setLimit(perSecond: number | null): void;
}

export interface JobRunnerOptions {
  readonly createLane: (resource: Resource) => Lane;
  readonly log: Logger;
}

type RowsJob = Job<JobData, JobResult>;

/** Runs jobs to completion, or returns them to the queue and records their upserted rows. */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #idle = new Map<Resource, Lane[]>();
  readonly #busy = new Set<Lane>();
  #stopped = false;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  /**
   * Sends the rows of a job.
   *
   * @param signal aborted when another worker took over the job, since this one lost its lock
   * @throws WaitingError after it has returned the job to the queue
   * @throws Error when it could not send all rows
   */
  async run(job: RowsJob, token: string | undefined, signal: AbortSignal | undefined): Promise<JobResult> {
    const { log } = this.#options;
    const start = performance.now();
    const { resource, callsPerSecond } = job.data;
    const all = await unpackRows(job.data);
    const upserted = new UpsertedRows(job);
    const items = all.filter(({ result }) => !upserted.has(result.index));
    const lane = this.#idle.get(resource)?.pop() ?? this.#options.createLane(resource);
    const { destination } = lane;
    const before = destination.requests;
    lane.setLimit(callsPerSecond);
    this.#busy.add(lane);
    const stop = (): void => destination.stop();
    signal?.addEventListener('abort', stop);
    if (this.#stopped || signal?.aborted) stop();
    try {
      await destination.send(items, (rows) => upserted.add(rows));
    } catch (error) {
      void destination.close();
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
      this.#busy.delete(lane);
    }
    const calls = destination.requests - before;
    const rejects: JobResult['rejects'][number][] = [];
    let left = 0;
    for (const { result } of items) {
      const { index, outcome, problems } = result;
      if (outcome === 'REJECTED') {
        rejects.push([index, problems[0]?.code ?? 'REJECTED', problems.map(({ message }) => message).join(' ')]);
      } else if (outcome !== 'UPSERTED') left += 1;
    }
    const facts = { job: job.id, rows: all.length, sent: items.length, rejected: rejects.length, calls, left };
    if (left === 0) {
      if (this.#stopped || signal?.aborted) void destination.close();
      else this.#idle.set(resource, [...(this.#idle.get(resource) ?? []), lane]);
      log.info({ ...facts, ms: Math.round(performance.now() - start) }, 'Job done');
      return { calls, rejects };
    }
    const reason = destination.failure?.message ?? 'The API did not report the outcome of some rows.';
    await Promise.all([upserted.saved(), destination.close()]);
    if (signal?.aborted) throw new Error('Another worker took over the job.');
    if (this.#stopped) {
      await job.moveToWait(token);
      log.info(facts, 'Job returned to the queue');
      throw new WaitingError();
    }
    log.error({ ...facts, reason }, 'Job failed');
    throw new Error(reason);
  }

  /** Finishes the calls in flight and returns unfinished jobs to the queue. */
  stop(): void {
    this.#stopped = true;
    for (const { destination } of this.#busy) destination.stop();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#idle.values()].flat().map(({ destination }) => destination.close()));
  }
}

/** Upserted rows of a job. Stored in Redis, so that the next worker of the job does not send them again. */
class UpsertedRows {
  readonly #job: RowsJob;
  readonly #rows = new Set<number>();
  #saving: Promise<void> | null = null;
  #isSaved = true;

  constructor(job: RowsJob) {
    this.#job = job;
    // BullMQ's default progress is 0.
    const { in: ranges = [] } = typeof job.progress === 'object' ? (job.progress as Partial<JobProgress>) : {};
    for (const [from, to] of ranges) for (let row = from; row <= to; row++) this.#rows.add(row);
  }

  has(row: number): boolean {
    return this.#rows.has(row);
  }

  add(rows: readonly number[]): void {
    for (const row of rows) this.#rows.add(row);
    this.#isSaved = false;
    this.#saving ??= this.#save();
  }

  /** Resolves when Redis has all rows, or the job no longer exists. */
  async saved(): Promise<void> {
    await this.#saving;
  }

  async #save(): Promise<void> {
    // One update at a time. The next update has the rows that were added meanwhile.
    try {
      while (!this.#isSaved) {
        this.#isSaved = true;
        await this.#job.updateProgress({ in: toRanges([...this.#rows].sort((a, b) => a - b)) });
      }
    } catch {
      // The job no longer exists, so nothing needs its progress.
    } finally {
      this.#saving = null;
    }
  }
}
