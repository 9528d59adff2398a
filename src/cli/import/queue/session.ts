import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Config } from '../../../config/config.ts';
import { Journal } from '../journal.ts';
import type { ImportOptions } from '../options.ts';
import { UsageError } from '../problem.ts';
import { outcomesOf, ProgressBar } from '../progress.ts';
import { connectQueue } from './connect.ts';
import { abandon, type RowsQueue } from './feed.ts';
import { type JobData, type JobResult, PREFIX, queueNameOf } from './jobs.ts';
import { Lease } from './lease.ts';

/** ms that Redis gets at the start. */
const CONNECT_MS = 5_000;
/** ms after which the jobs of a worker that died may be taken away, and some for one that is alive to finish. */
const ABANDON_MS = 30_000;
const CLOSE_MS = 1_000;
const WATCH_MS = 500;

/** A command's hold on an import in the queue. */
export class QueueSession {
  readonly redis: Redis;
  readonly queue: RowsQueue;
  /** Names the import in Redis: kept in the journal, new with each one that begins anew. */
  readonly run: string;
  readonly lease: Lease;

  private constructor(redis: Redis, queue: RowsQueue, run: string, lease: Lease) {
    this.redis = redis;
    this.queue = queue;
    this.run = run;
    this.lease = lease;
  }

  /**
   * Goes on with the import that the journal names, or begins a new one in its place.
   * @throws UsageError without Redis, and while another command has the import
   */
  static async open(options: ImportOptions, config: Config, silent: boolean): Promise<QueueSession> {
    const name = queueNameOf(config);
    if (config.redisUrl === undefined) throw new UsageError('REDIS_URL must be set for --queue: jobs go there.');
    const earlier = Journal.runOf(options.journal as string);
    if (options.watch && earlier === null) {
      throw new UsageError(`${options.journal} names no import in the queue: begin one with --queue.`);
    }
    const say = (text: string): void => {
      if (!options.quiet) process.stderr.write(`${text}\n`);
    };
    const redis = await connect(config.redisUrl, say);
    const queue: RowsQueue = new Queue<JobData, JobResult>(name, { connection: redis, prefix: PREFIX });
    queue.on('error', () => undefined);
    try {
      let lease: Lease | null = null;
      if (earlier !== null) {
        lease = options.watch ? await watch(redis, earlier, silent, say) : await takeOver(redis, earlier, say);
        if (lease === null) {
          throw new UsageError('Another command has this import: see it with --watch, or stop it first.');
        }
        if (options.resume) return new QueueSession(redis, queue, earlier, lease);
        const isGone = await abandon({ redis, queue, run: earlier }, ABANDON_MS);
        await lease.release();
        if (!isGone) throw new UsageError('Workers still have jobs of the earlier run: try again in a while.');
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

/** Waits no longer for a Redis that is away. */
async function closeAll(redis: Redis, queue: RowsQueue): Promise<void> {
  await Promise.race([queue.close().catch(() => undefined), sleep(CLOSE_MS)]);
  redis.disconnect();
}

async function connect(url: string, say: (text: string) => void): Promise<Redis> {
  let isUp = false;
  let reason = 'no answer';
  const redis = connectQueue(
    url,
    (message) => {
      reason = message;
      if (isUp) say('Redis is unavailable: waiting for it.');
    },
    () => {
      if (isUp) say('Redis is available again.');
    },
  );
  isUp = await Promise.race([redis.ping().then(() => true), sleep(CONNECT_MS, false)]);
  if (isUp) return redis;
  redis.disconnect();
  throw new UsageError(`REDIS_URL: Redis can not be reached (${reason}).`);
}

/** Null while another command has the import; one that was killed is waited for until its lease has run out. */
async function takeOver(redis: Redis, run: string, say: (text: string) => void): Promise<Lease | null> {
  let before = Number.POSITIVE_INFINITY;
  for (let isFirst = true; ; isFirst = false) {
    const lease = await Lease.take(redis, run);
    if (lease) return lease;
    const leftMs = await Lease.leftMs(redis, run);
    // Somebody is there and renews it.
    if (leftMs > before) return null;
    before = leftMs;
    if (isFirst) say('Waiting for the command that had this import.');
    await sleep(WATCH_MS);
  }
}

/** Shows what another command does until it is gone. */
async function watch(redis: Redis, run: string, silent: boolean, say: (text: string) => void): Promise<Lease> {
  let bar: ProgressBar | undefined;
  let part = 0;
  try {
    for (;;) {
      const lease = await Lease.take(redis, run);
      if (lease) return lease;
      const status = await Lease.statusOf(redis, run);
      if (status) {
        if (!bar) say(`Another command feeds this import: ${outcomesOf(status.counts)}.`);
        part = status.part;
        const before = status.counts.rows;
        bar ??= new ProgressBar({ stream: process.stderr, silent, size: 1, done: () => part, before });
        bar.update(status.counts);
      }
      await sleep(WATCH_MS);
    }
  } finally {
    bar?.end();
  }
}
