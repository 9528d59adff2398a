import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type JobType, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Config } from '../../../src/config/config.ts';
import { Journal } from '../journal.ts';
import type { ImportOptions } from '../options.ts';
import { UsageError } from '../problem.ts';
import { outcomesOf, ProgressBar } from '../progress.ts';
import { connectQueue } from './connect.ts';
import { firstRowOf, type JobData, type JobResult, PREFIX, queueNameOf } from './jobs.ts';
import { Lease } from './lease.ts';

/** ms to connect to Redis at the start. */
const CONNECT_MS = 5_000;
/** ms to wait for the jobs of an abandoned import: until the locks of dead workers expire and others finish their jobs. */
const ABANDON_MS = 30_000;
const CLOSE_MS = 1_000;
const WATCH_MS = 500;
/** ms between two attempts to remove jobs. */
const POLL_MS = 100;

/** A queued import that this command feeds: connection, queue, id and lease. */
export class QueueSession {
  readonly redis: Redis;
  readonly queue: Queue<JobData, JobResult>;
  /** Id of the import in Redis. The journal stores it; a new import gets a new id. */
  readonly run: string;
  readonly lease: Lease;

  private constructor(redis: Redis, queue: Queue<JobData, JobResult>, run: string, lease: Lease) {
    this.redis = redis;
    this.queue = queue;
    this.run = run;
    this.lease = lease;
  }

  /**
   * Resumes the import that the journal names, or replaces it with a new one.
   * @throws UsageError without Redis, or while another command runs the import
   */
  static async open(options: ImportOptions, config: Config, silent: boolean): Promise<QueueSession> {
    const name = queueNameOf(config);
    if (config.redisUrl === undefined)
      throw new UsageError('REDIS_URL must be set for --queue: Redis holds the queue.');
    const earlier = Journal.runOf(options.journal as string);
    if (options.watch && earlier === null) {
      throw new UsageError(`${options.journal} does not name a queued import: start one with --queue.`);
    }
    const print = (text: string): void => {
      if (!options.quiet) process.stderr.write(`${text}\n`);
    };
    const redis = await connect(config.redisUrl, print);
    const queue = new Queue<JobData, JobResult>(name, { connection: redis, prefix: PREFIX });
    queue.on('error', () => undefined);
    try {
      if (earlier !== null) {
        const lease = await takeOver(redis, earlier, { ...options, silent }, print);
        const session = new QueueSession(redis, queue, earlier, lease);
        if (options.resume) return session;
        const isGone = await session.abandon(ABANDON_MS);
        await lease.release();
        if (!isGone) throw new UsageError('Workers still run jobs of the earlier import: try again in a minute.');
      }
      const run = randomBytes(8).toString('hex');
      return new QueueSession(redis, queue, run, (await Lease.take(redis, run)) as Lease);
    } catch (error) {
      await closeAll(redis, queue);
      throw error;
    }
  }

  /** Removes jobs that an earlier command has settled, or that have failed, so that they run again. */
  async tidy(settledUpTo: number): Promise<void> {
    const isSettled = (id: string): boolean => (firstRowOf(this.run, id) as number) <= settledUpTo;
    const completed = await this.#jobs('completed');
    await removeJobs(this.queue, [...completed.filter(isSettled), ...(await this.#jobs('failed'))]);
  }

  /** Removes the import from the queue. Waits for the jobs that workers run; returns whether all jobs are gone in time. */
  async abandon(timeoutMs: number): Promise<boolean> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const own = await this.#jobs('wait', 'active', 'completed', 'failed');
      if (own.length === 0) return true;
      await removeJobs(this.queue, own);
      if (performance.now() > end) return false;
      await sleep(POLL_MS);
    }
  }

  async #jobs(...states: JobType[]): Promise<string[]> {
    return (await this.queue.getRanges(states, 0, -1)).filter((id) => firstRowOf(this.run, id) !== null);
  }

  async close(): Promise<void> {
    await this.lease.release();
    await closeAll(this.redis, this.queue);
  }
}

/** Closes the queue and the connection. Does not wait for an unavailable Redis. */
async function closeAll(redis: Redis, queue: Queue<JobData, JobResult>): Promise<void> {
  await Promise.race([queue.close().catch(() => undefined), sleep(CLOSE_MS)]);
  redis.disconnect();
}

async function connect(url: string, print: (text: string) => void): Promise<Redis> {
  let isUp = false;
  let reason = 'no answer';
  const redis = connectQueue(
    url,
    (message) => {
      reason = message;
      if (isUp) print('Redis is unavailable: retrying until it is back.');
    },
    () => {
      if (isUp) print('Redis is available again.');
    },
  );
  isUp = await Promise.race([redis.ping().then(() => true), sleep(CONNECT_MS, false)]);
  if (isUp) return redis;
  redis.disconnect();
  throw new UsageError(`REDIS_URL: Redis is unreachable (${reason}).`);
}

/**
 * Waits for the lease of an import. With `watch`, shows the progress of the command that has it.
 * @throws UsageError without `watch`, if another command runs the import
 */
async function takeOver(
  redis: Redis,
  run: string,
  { watch, silent }: { readonly watch: boolean; readonly silent: boolean },
  print: (text: string) => void,
): Promise<Lease> {
  let bar: ProgressBar | undefined;
  let part = 0;
  let leftMs = Number.POSITIVE_INFINITY;
  try {
    for (let isFirst = true; ; isFirst = false) {
      const lease = await Lease.take(redis, run);
      if (lease) return lease;
      const status = watch ? await Lease.statusOf(redis, run) : null;
      if (status) {
        if (!bar) print(`Another command feeds this import: ${outcomesOf(status.counts)}.`);
        part = status.part;
        bar ??= new ProgressBar({ silent, part: () => part, before: status.counts.rows });
        bar.update(status.counts);
      }
      if (!watch) {
        if (isFirst) print('Waiting for the earlier command of this import to end.');
        const before = leftMs;
        leftMs = await Lease.leftMs(redis, run);
        // A longer time left means that another command renews the lease.
        if (leftMs > before) {
          throw new UsageError('Another command runs this import: show its progress with --watch, or stop it first.');
        }
      }
      await sleep(WATCH_MS);
    }
  } finally {
    bar?.end();
  }
}

/** Removes jobs, except those that a living worker runs. */
export async function removeJobs(queue: QueueSession['queue'], ids: readonly string[]): Promise<void> {
  await Promise.all(ids.map((id) => queue.remove(id).catch(() => 0)));
}
