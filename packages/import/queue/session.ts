import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Config } from '../../../src/config/config.ts';
import { Journal } from '../journal.ts';
import type { ImportOptions } from '../options.ts';
import { UsageError } from '../problem.ts';
import { outcomesOf, ProgressBar } from '../progress.ts';
import { abandon, type RowsQueue } from './cleanup.ts';
import { connectQueue } from './connect.ts';
import { type JobData, type JobResult, PREFIX, queueNameOf } from './jobs.ts';
import { Lease } from './lease.ts';

/** ms to connect to Redis at the start. */
const CONNECT_MS = 5_000;
/** ms to wait for the jobs of an abandoned import: until the locks of dead workers expire and others finish their jobs. */
const ABANDON_MS = 30_000;
const CLOSE_MS = 1_000;
const WATCH_MS = 500;

/** A queued import that this command feeds: connection, queue, id and lease. */
export class QueueSession {
  readonly redis: Redis;
  readonly queue: RowsQueue;
  /** Id of the import in Redis. The journal stores it; a new import gets a new id. */
  readonly run: string;
  readonly lease: Lease;

  private constructor(redis: Redis, queue: RowsQueue, run: string, lease: Lease) {
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
    const queue: RowsQueue = new Queue<JobData, JobResult>(name, { connection: redis, prefix: PREFIX });
    queue.on('error', () => undefined);
    try {
      let lease: Lease | null = null;
      if (earlier !== null) {
        lease = options.watch ? await watch(redis, earlier, silent, print) : await takeOver(redis, earlier, print);
        if (lease === null) {
          throw new UsageError('Another command runs this import: show its progress with --watch, or stop it first.');
        }
        if (options.resume) return new QueueSession(redis, queue, earlier, lease);
        const isGone = await abandon({ redis, queue, run: earlier }, ABANDON_MS);
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

  async close(): Promise<void> {
    await this.lease.release();
    await closeAll(this.redis, this.queue);
  }
}

/** Closes the queue and the connection. Does not wait for an unavailable Redis. */
async function closeAll(redis: Redis, queue: RowsQueue): Promise<void> {
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

/** Takes over the import of a killed command once its lease expires. Returns null while another command runs the import. */
async function takeOver(redis: Redis, run: string, print: (text: string) => void): Promise<Lease | null> {
  let before = Number.POSITIVE_INFINITY;
  for (let isFirst = true; ; isFirst = false) {
    const lease = await Lease.take(redis, run);
    if (lease) return lease;
    const leftMs = await Lease.leftMs(redis, run);
    // A longer time left means that another command renews the lease.
    if (leftMs > before) return null;
    before = leftMs;
    if (isFirst) print('Waiting for the earlier command of this import to end.');
    await sleep(WATCH_MS);
  }
}

/** Shows the progress of another command until it ends. Returns the lease then. */
async function watch(redis: Redis, run: string, silent: boolean, print: (text: string) => void): Promise<Lease> {
  let bar: ProgressBar | undefined;
  let part = 0;
  try {
    for (;;) {
      const lease = await Lease.take(redis, run);
      if (lease) return lease;
      const status = await Lease.statusOf(redis, run);
      if (status) {
        if (!bar) print(`Another command feeds this import: ${outcomesOf(status.counts)}.`);
        part = status.part;
        const before = status.counts.rows;
        bar ??= new ProgressBar({ silent, part: () => part, before });
        bar.update(status.counts);
      }
      await sleep(WATCH_MS);
    }
  } finally {
    bar?.end();
  }
}
