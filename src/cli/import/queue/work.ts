import { type Job, WaitingError } from 'bullmq';
import type { Resource } from '../../../datatrics/endpoints.ts';
import type { Logger } from '../../../lib/log.ts';
import type { Destination } from '../destination.ts';
import { toRanges } from '../journal.ts';
import { type JobData, type JobProgress, type JobResult, unpackRows } from './jobs.ts';

/** A way to the API that one job at a time uses. */
export interface Lane {
  readonly destination: Destination;
  /** Calls per second of all workers from here on; null: no limit. */
  setLimit(perSecond: number | null): void;
}

export interface JobRunnerOptions {
  readonly createLane: (resource: Resource) => Lane;
  readonly log: Logger;
}

type RowsJob = Job<JobData, JobResult>;

/** Runs jobs of rows to their end, or hands them back with the knowledge of what is in. */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #idle = new Map<Resource, Lane[]>();
  readonly #busy = new Set<Lane>();
  #stopped = false;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  /**
   * @param signal aborted when the job was given to somebody else, since we were not heard of
   * @throws WaitingError when the job was handed back; Error when its rows could not be sent
   */
  async run(job: RowsJob, token: string | undefined, signal: AbortSignal | undefined): Promise<JobResult> {
    const { log } = this.#options;
    const start = performance.now();
    const { resource, callsPerSecond } = job.data;
    const all = await unpackRows(job.data);
    const known = new Known(job);
    const items = all.filter(({ result }) => !known.has(result.index));
    const lane = this.#idle.get(resource)?.pop() ?? this.#options.createLane(resource);
    const { destination } = lane;
    const before = destination.requests;
    lane.setLimit(callsPerSecond);
    this.#busy.add(lane);
    const stop = (): void => destination.stop();
    signal?.addEventListener('abort', stop);
    if (this.#stopped || signal?.aborted) stop();
    try {
      await destination.send(items, (rows) => known.add(rows));
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
    const reason = destination.failure ?? 'The API did not say what became of some rows.';
    await Promise.all([known.saved(), destination.close()]);
    if (signal?.aborted) throw new Error('The job was given to another worker.');
    if (this.#stopped) {
      await job.moveToWait(token);
      log.info(facts, 'Job handed back');
      throw new WaitingError();
    }
    log.error({ ...facts, reason }, 'Job failed');
    throw new Error(reason);
  }

  /** Finishes the calls under way and hands the rest of the jobs back. */
  stop(): void {
    this.#stopped = true;
    for (const { destination } of this.#busy) destination.stop();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#idle.values()].flat().map(({ destination }) => destination.close()));
  }
}

/** Rows of a job that are in, kept in Redis so that whoever gets the job next does not send them again. */
class Known {
  readonly #job: RowsJob;
  readonly #rows = new Set<number>();
  #saving: Promise<void> | null = null;
  #isSaved = true;

  constructor(job: RowsJob) {
    this.#job = job;
    // BullMQ has 0 where there is none.
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

  /** Resolves when all is in Redis, or can't be any more. */
  async saved(): Promise<void> {
    await this.#saving;
  }

  async #save(): Promise<void> {
    // One at a time: what comes meanwhile goes with the next.
    try {
      while (!this.#isSaved) {
        this.#isSaved = true;
        await this.#job.updateProgress({ in: toRanges([...this.#rows].sort((a, b) => a - b)) });
      }
    } catch {
      // The job is gone: nobody will ask.
    } finally {
      this.#saving = null;
    }
  }
}
