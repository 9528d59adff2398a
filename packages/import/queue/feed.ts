import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Resource } from '../../../src/datatrics/endpoints.ts';
import type { Outcome, Sendable } from '../destination.ts';
import type { Counts } from '../journal.ts';
import { InputError } from '../problem.ts';
import type { Row } from '../rows.ts';
import type { RunResult } from '../run.ts';
import { Settler, type SettlerOptions } from '../settler.ts';
import { KeyedRows, type Window, windows } from '../window.ts';
import { abandon, type RowsQueue, removeJobs, tidy } from './cleanup.ts';
import type { Duplicates } from './duplicates.ts';
import { type JobData, type JobProgress, type JobResult, jobIdOf, packRows } from './jobs.ts';
import type { Lease } from './lease.ts';

/** Unsettled windows at most, so that neither Redis nor this process holds a whole file. */
const MAX_JOBS = 100;
/** Bytes of the rows of these windows at most. */
const MAX_BYTES = 67_108_864;
/** ms between two polls of the workers' results. */
const POLL_MS = 100;
/** s that Redis keeps results for a command that is resumed. A later resume sends those rows again. */
const KEEP_S = 7 * 86_400;
/** ms for running jobs to end after one has failed permanently. */
const FAILED_GRACE_MS = 10_000;

export interface FeedOptions extends SettlerOptions {
  readonly rows: AsyncIterable<readonly Row[]>;
  readonly resource: Resource;
  readonly callsPerSecond: number | undefined;
  readonly duplicates: Duplicates;
  readonly redis: Redis;
  readonly queue: RowsQueue;
  readonly run: string;
  readonly lease: Lease;
  /** Returns the settled part of the file, 0 to 1. */
  readonly part: () => number;
  /** Resolves when the user asks to stop. */
  readonly stop: Promise<void>;
}

export interface FeedResult extends RunResult {
  /** REST calls of the workers for the collected results. */
  readonly requests: number;
}

/** A window in the queue. */
interface Flight {
  readonly window: Window;
  readonly id: string;
  /** Null if the window has nothing to send. */
  readonly data: JobData | null;
  /** Rows to send. */
  readonly sent: readonly number[];
  readonly bytes: number;
  /** Null until the workers have finished the job. */
  outcomes: ReadonlyMap<number, Outcome> | null;
  failure: string | null;
  /** Whether the job was removed from the queue. */
  withdrawn: boolean;
}

const UPSERTED: Outcome = { outcome: 'UPSERTED', problems: [] };
const UNSENT: Outcome = { outcome: 'NOT_ATTEMPTED', problems: [] };

/**
 * Adds windows to the queue as room allows, and settles them in order as workers finish. The import survives a Redis that
 * loses data: `feed` adds a lost job again, with the same id.
 */
export async function feed(options: FeedOptions): Promise<FeedResult> {
  const feeder = new Feeder(options);
  await tidy(options, options.checkpoint.upTo);
  let reason: string | null = null;
  try {
    for await (const window of windows(options.rows)) {
      await feeder.add(window);
      if (feeder.isOver) break;
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    reason = error.message;
  }
  await feeder.drain();
  reason = feeder.reason ?? reason;
  if (reason === null) {
    options.journal?.end();
    // Removes jobs that reappeared because Redis lost its last second of writes.
    await abandon(options, FAILED_GRACE_MS);
  }
  return { counts: feeder.counts, complete: reason === null, reason, failure: null, requests: feeder.requests };
}

class Feeder {
  /** REST calls. */
  requests = 0;
  readonly #options: FeedOptions;
  readonly #settler: Settler;
  /** In file order. */
  readonly #flights: Flight[] = [];
  #bytes = 0;
  #polledAt = 0;
  #stopped = false;
  #failure: string | null = null;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#settler = new Settler(options, true);
    options.stop.then(() => {
      this.#stopped = true;
    });
  }

  get counts(): Readonly<Counts> {
    return this.#settler.counts;
  }

  /** Whether to add no more windows. */
  get isOver(): boolean {
    return this.#stopped || this.#failure !== null || this.#options.lease.lost;
  }

  /** Why not every row is settled; null when all are. */
  get reason(): string | null {
    if (this.#failure !== null) return this.#failure;
    if (this.#options.lease.lost) return 'Another command has taken over this import.';
    if (!this.#stopped) return null;
    const rows = this.#flights.reduce((sum, { window }) => sum + window.rows.length, 0);
    return `The import was stopped. Workers continue with the ${rows} rows in the queue.`;
  }

  /** Waits for room, and adds a window to the queue. */
  async add(whole: Window): Promise<void> {
    const flight = await this.#toFlight(whole);
    const isFull = (): boolean => this.#flights.length >= MAX_JOBS || this.#bytes + flight.bytes > MAX_BYTES;
    const mustWait = (): boolean => !this.#options.lease.isSure || (this.#flights.length > 0 && isFull());
    while (mustWait() && !this.isOver) await this.#poll();
    if (this.isOver) return;
    this.#flights.push(flight);
    this.#bytes += flight.bytes;
    await this.#enqueue(flight);
    if (performance.now() - this.#polledAt > POLL_MS) await this.#poll();
  }

  /** Waits until all added windows are settled; after a failure, until the workers have ended their jobs. */
  async drain(): Promise<void> {
    while (this.#flights.length > 0 && !this.isOver) await this.#poll();
    if (this.#failure === null || this.#stopped) return;
    await this.#withdraw();
    const end = performance.now() + FAILED_GRACE_MS;
    const isBusy = (): boolean => this.#flights.some(({ outcomes, withdrawn }) => outcomes === null && !withdrawn);
    while (isBusy() && performance.now() < end && !this.#stopped) await this.#poll();
    await this.#settle();
  }

  async #toFlight({ rows }: Window): Promise<Flight> {
    const { duplicates, resource, run, callsPerSecond = null } = this.#options;
    const later = new Map<number, number>();
    const items: Sendable[] = [];
    for (const { row, item } of rows) {
      if (!item) continue;
      const winner = duplicates.winnerOf(row);
      if (winner === undefined) items.push(item);
      else later.set(row, winner);
    }
    const data = items.length > 0 ? { resource, callsPerSecond, rows: await packRows(items) } : null;
    return {
      // The job has the items. Rejects need only the rest of the rows.
      window: { rows: rows.map((row) => ({ ...row, item: null })), later, keys: new KeyedRows() },
      id: jobIdOf(run, rows[0]?.row ?? 0),
      data,
      sent: items.map(({ result }) => result.index),
      bytes: rows.reduce((sum, { size }) => sum + size, 0),
      outcomes: data === null ? new Map() : null,
      failure: null,
      withdrawn: false,
    };
  }

  async #enqueue({ id, data }: Flight): Promise<void> {
    if (data === null) return;
    const keep = { age: KEEP_S };
    // Does nothing if the job exists.
    await this.#options.queue.add('rows', data, { jobId: id, removeOnComplete: keep, removeOnFail: keep });
  }

  /** Reads the results of the workers and settles windows. */
  async #poll(): Promise<void> {
    const { redis, queue, lease, part } = this.#options;
    const waitMs = this.#polledAt + POLL_MS - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    this.#polledAt = performance.now();
    // Another command may own the import, its files and its jobs by now.
    if (!lease.isSure) return;
    const open = this.#flights.filter(({ outcomes, withdrawn }) => outcomes === null && !withdrawn);
    const answers = await Promise.all(
      open.map(({ id }) =>
        redis.hmget(queue.toKey(id), 'timestamp', 'finishedOn', 'returnvalue', 'failedReason', 'progress'),
      ),
    );
    for (let at = 0; at < open.length; at++) {
      const flight = open[at] as Flight;
      const [added, finished, result, failure, progress] = answers[at] as (string | null)[];
      if (added === null) await this.#enqueue(flight);
      else if (finished !== null && failure) {
        flight.failure = failure;
        flight.outcomes = outcomesSoFar(flight, progress ?? null);
        this.#failure ??= failure;
      } else if (finished !== null && result) {
        const { calls, rejects } = JSON.parse(result) as JobResult;
        this.requests += calls;
        const outcomes = new Map<number, Outcome>(flight.sent.map((row) => [row, UPSERTED]));
        for (const [row, code, message] of rejects) {
          outcomes.set(row, { outcome: 'REJECTED', problems: [{ code, message }] });
        }
        flight.outcomes = outcomes;
      }
    }
    if (this.#failure === null) await this.#settle();
    await lease.publish({ counts: this.counts, part: part() });
  }

  /** Settles finished windows in order, up to the first unfinished one. */
  async #settle(): Promise<void> {
    if (!this.#options.lease.isSure) return;
    const settled: Flight[] = [];
    for (;;) {
      const [first] = this.#flights;
      const outcomes = first?.outcomes;
      if (!outcomes) break;
      const isSettled = this.#settler.settle(first.window, ({ row }) => outcomes.get(row) ?? UNSENT);
      this.#flights.shift();
      this.#bytes -= first.bytes;
      if (!isSettled) break;
      settled.push(first);
    }
    await removeJobs(
      this.#options.queue,
      settled.filter(({ data }) => data !== null).map(({ id }) => id),
    );
  }

  /** Removes the jobs from the queue that no worker has started. */
  async #withdraw(): Promise<void> {
    for (const flight of this.#flights) {
      if (flight.outcomes !== null) continue;
      // 0: a worker runs the job.
      flight.withdrawn = (await this.#options.queue.remove(flight.id)) === 1;
    }
  }
}

/** Returns the outcomes of a failed job: its upserted rows; all others count as not sent. */
function outcomesSoFar({ sent }: Flight, progress: string | null): Map<number, Outcome> {
  const outcomes = new Map<number, Outcome>(sent.map((row) => [row, UNSENT]));
  const { in: ranges = [] } = (progress === null ? {} : JSON.parse(progress)) as Partial<JobProgress>;
  for (const [from, to] of ranges) for (let row = from; row <= to; row++) outcomes.set(row, UPSERTED);
  return outcomes;
}
