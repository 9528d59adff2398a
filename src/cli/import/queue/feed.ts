import { setTimeout as sleep } from 'node:timers/promises';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Resource } from '../../../datatrics/endpoints.ts';
import type { Outcome, Sendable } from '../destination.ts';
import type { Counts } from '../journal.ts';
import { InputError } from '../problem.ts';
import type { Row } from '../rows.ts';
import type { RunResult } from '../run.ts';
import { Settler, type SettlerOptions } from '../settler.ts';
import { KeyedRows, type Window, windows } from '../window.ts';
import type { Duplicates } from './duplicates.ts';
import { firstRowOf, type JobData, type JobProgress, type JobResult, jobIdOf, packRows } from './jobs.ts';
import type { Lease } from './lease.ts';

/** Windows in the queue, or waiting behind one that takes long: neither Redis nor this process holds a whole file. */
const MAX_JOBS = 100;
/** Bytes of rows of these windows. */
const MAX_BYTES = 67_108_864;
/** ms between two looks at what the workers have done. */
const POLL_MS = 100;
/** s that results are kept for a command that does not come back; rows that are in would only be sent again after that. */
const KEEP_S = 7 * 86_400;
/** ms that jobs under way get when one has failed for good. */
const FAILED_GRACE_MS = 10_000;

export type RowsQueue = Queue<JobData, JobResult>;

export interface FeedOptions extends SettlerOptions {
  readonly rows: AsyncIterable<readonly Row[]>;
  readonly resource: Resource;
  readonly callsPerSecond: number | undefined;
  readonly duplicates: Duplicates;
  readonly redis: Redis;
  readonly queue: RowsQueue;
  readonly run: string;
  readonly lease: Lease;
  /** Of the file that is read, 0 to 1. */
  readonly part: () => number;
  /** Resolves when the user asks to stop. */
  readonly stop: Promise<void>;
}

export interface FeedResult extends RunResult {
  /** REST calls of the workers for what was collected. */
  readonly requests: number;
}

/** A window on its way through the queue. */
interface Flight {
  readonly window: Window;
  readonly id: string;
  /** Null where there is nothing to send. */
  readonly data: JobData | null;
  /** Rows that are to be sent. */
  readonly sent: readonly number[];
  readonly bytes: number;
  /** Null until the workers have done with it. */
  outcomes: ReadonlyMap<number, Outcome> | null;
  failure: string | null;
  /** Whether its job was taken out of the queue again. */
  withdrawn: boolean;
}

const IN: Outcome = { outcome: 'UPSERTED', problems: [] };
const UNSENT: Outcome = { outcome: 'NOT_ATTEMPTED', problems: [] };

/**
 * Puts windows into the queue as there is room, and settles them in their order as workers are done. Nothing depends on what
 * Redis remembers: a job that it has lost is added again, under its old name.
 */
export async function feed(options: FeedOptions): Promise<FeedResult> {
  const feeder = new Feeder(options);
  await tidy(options);
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
    // What came back with a Redis that had lost its last second.
    await abandon(options, FAILED_GRACE_MS);
  }
  return { counts: feeder.counts, complete: reason === null, reason, requests: feeder.requests };
}

class Feeder {
  /** REST calls. */
  requests = 0;
  readonly #options: FeedOptions;
  readonly #settler: Settler;
  /** In their order in the file. */
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

  /** Whether nothing more is to be added. */
  get isOver(): boolean {
    return this.#stopped || this.#failure !== null || this.#options.lease.lost;
  }

  /** Why not everything is settled. */
  get reason(): string | null {
    if (this.#failure !== null) return this.#failure;
    if (this.#options.lease.lost) return 'Another command has taken this import over.';
    if (!this.#stopped) return null;
    const rows = this.#flights.reduce((sum, { window }) => sum + window.rows.length, 0);
    return `It was stopped. Workers go on with the ${rows} rows in the queue.`;
  }

  /** Queues a window; waits for room before. */
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

  /** Waits until all that was added is settled; after a failure until the workers have let go. */
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
      // What was made of the rows is in the job; rejects need the rest.
      window: { rows: rows.map((row) => ({ ...row, item: null })), later, keys: new KeyedRows() },
      id: jobIdOf(run, rows[0]?.row ?? 0),
      data,
      sent: items.map(({ result }) => result.index),
      bytes: rows.reduce((sum, { start, end }) => sum + end - start, 0),
      outcomes: data === null ? new Map() : null,
      failure: null,
      withdrawn: false,
    };
  }

  async #enqueue({ id, data }: Flight): Promise<void> {
    if (data === null) return;
    const keep = { age: KEEP_S };
    // Nothing happens where the job is there already.
    await this.#options.queue.add('rows', data, { jobId: id, removeOnComplete: keep, removeOnFail: keep });
  }

  /** Looks at what has been done, and settles what can be. */
  async #poll(): Promise<void> {
    const { redis, queue, lease, part } = this.#options;
    const waitMs = this.#polledAt + POLL_MS - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    this.#polledAt = performance.now();
    // Another command may have the import by now, its files and its jobs.
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
        const outcomes = new Map<number, Outcome>(flight.sent.map((row) => [row, IN]));
        for (const [row, code, message] of rejects) {
          outcomes.set(row, { outcome: 'REJECTED', problems: [{ code, message }] });
        }
        flight.outcomes = outcomes;
      }
    }
    if (this.#failure === null) await this.#settle();
    await lease.tell({ counts: this.counts, part: part() });
  }

  /** Settles windows from the first on, as far as they are done. */
  async #settle(): Promise<void> {
    if (!this.#options.lease.isSure) return;
    const settled: Flight[] = [];
    for (;;) {
      const [first] = this.#flights;
      const outcomes = first?.outcomes;
      if (!outcomes) break;
      const isWell = this.#settler.settle(first.window, ({ row }) => outcomes.get(row) ?? UNSENT);
      this.#flights.shift();
      this.#bytes -= first.bytes;
      if (!isWell) break;
      settled.push(first);
    }
    await removeJobs(
      this.#options.queue,
      settled.filter(({ data }) => data !== null).map(({ id }) => id),
    );
  }

  /** Takes jobs that nobody has begun out of the queue. */
  async #withdraw(): Promise<void> {
    for (const flight of this.#flights) {
      if (flight.outcomes !== null) continue;
      // 0: a worker has it.
      flight.withdrawn = (await this.#options.queue.remove(flight.id)) === 1;
    }
  }
}

/** What is known of a job that failed: rows that are in, and others. */
function outcomesSoFar({ sent }: Flight, progress: string | null): Map<number, Outcome> {
  const outcomes = new Map<number, Outcome>(sent.map((row) => [row, UNSENT]));
  const { in: ranges = [] } = (progress === null ? {} : JSON.parse(progress)) as Partial<JobProgress>;
  for (const [from, to] of ranges) for (let row = from; row <= to; row++) outcomes.set(row, IN);
  return outcomes;
}

type Ids = Pick<FeedOptions, 'redis' | 'queue' | 'run'>;

/** Jobs of this import that are finished in some way, by their first rows. */
async function finished({ redis, queue, run }: Ids, set: 'completed' | 'failed'): Promise<Map<string, number>> {
  const ids = await redis.zrange(queue.toKey(set), '0', '-1');
  return new Map(
    ids.flatMap((id): [string, number][] => {
      const row = firstRowOf(run, id);
      return row === null ? [] : [[id, row]];
    }),
  );
}

/** Removes what an earlier command had settled and not removed; gives what failed another try. */
async function tidy(options: FeedOptions): Promise<void> {
  const { upTo } = options.checkpoint;
  for (const set of ['completed', 'failed'] as const) {
    const jobs = [...(await finished(options, set))];
    await removeJobs(
      options.queue,
      jobs.filter(([, row]) => row <= upTo).map(([id]) => id),
    );
    if (set === 'completed') continue;
    for (const [id, row] of jobs) if (row > upTo) await (await options.queue.getJob(id))?.retry('failed');
  }
}

/**
 * Takes an import out of the queue, and waits for the jobs that workers have.
 * @returns whether nothing of it is left
 */
export async function abandon({ redis, queue, run }: Ids, patienceMs: number): Promise<boolean> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const waiting = await redis.lrange(queue.toKey('wait'), 0, -1);
    const active = await redis.lrange(queue.toKey('active'), 0, -1);
    const own = [...waiting, ...active].filter((id) => firstRowOf(run, id) !== null);
    for (const set of ['completed', 'failed'] as const)
      own.push(...(await finished({ redis, queue, run }, set)).keys());
    if (own.length === 0) return true;
    await removeJobs(queue, own);
    if (performance.now() > end) return false;
    await sleep(POLL_MS);
  }
}

/** Jobs that a worker has stay; not those of one that died. */
async function removeJobs(queue: RowsQueue, ids: readonly string[]): Promise<void> {
  await Promise.all(ids.map((id) => queue.remove(id).catch(() => 0)));
}
