import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Config } from '../../../config.ts';
import { Journal } from '../journal.ts';
import type { ImportOptions } from '../options.ts';
import { UsageError } from '../problem.ts';
import { ProgressBar } from '../progress.ts';
import { abandon, type RowsQueue } from './feed.ts';
import { connectQueue, type JobData, type JobResult, PREFIX, queueNameOf } from './jobs.ts';
import { LEASE_MS, Lease } from './lease.ts';

/** ms that Redis gets at the start. */
const CONNECT_MS = 10_000;
/** ms after which the jobs of a worker that died may be taken away, and some for one that is alive to finish. */
const ABANDON_MS = 30_000;
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
    const close = async (): Promise<void> => {
      await queue.close();
      redis.disconnect();
    };
    try {
      let lease: Lease | null = null;
      if (earlier !== null) {
        lease = options.watch ? await watch(redis, earlier, silent) : await takeOver(redis, earlier, say);
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
      await close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.lease.release();
    // No word that waits for a Redis that is away.
    this.redis.disconnect();
    await this.queue.close().catch(() => undefined);
  }
}

async function connect(url: string, say: (text: string) => void): Promise<Redis> {
  let isUp = false;
  let reason = 'no answer';
  const redis = connectQueue(
    url,
    (message) => {
      reason = message;
      if (isUp) say('Redis is away: waiting for it.');
    },
    () => {
      if (isUp) say('Redis is back.');
    },
  );
  const timer = setTimeout(() => redis.disconnect(), CONNECT_MS);
  try {
    await redis.ping();
    isUp = true;
    return redis;
  } catch (error) {
    redis.disconnect();
    throw new UsageError(
      `REDIS_URL: Redis can not be used (${redis.status === 'ready' ? (error as Error).message : reason}).`,
    );
  } finally {
    clearTimeout(timer);
  }
}

/** Waits no longer than the lease of a command that was killed lasts. */
async function takeOver(redis: Redis, run: string, say: (text: string) => void): Promise<Lease | null> {
  const end = performance.now() + LEASE_MS * 1.5;
  let lease = await Lease.take(redis, run);
  if (lease === null) say('Waiting for the command that had this import.');
  while (lease === null && performance.now() < end) {
    await sleep(WATCH_MS);
    lease = await Lease.take(redis, run);
  }
  return lease;
}

/** Shows what another command does until it is gone. */
async function watch(redis: Redis, run: string, silent: boolean): Promise<Lease> {
  let bar: ProgressBar | undefined;
  let part = 0;
  try {
    for (;;) {
      const lease = await Lease.take(redis, run);
      if (lease) return lease;
      const status = await Lease.statusOf(redis, run);
      if (status) {
        part = status.part;
        const before = status.counts.rows;
        bar ??= new ProgressBar({ stream: process.stderr, silent, size: 1, bytesRead: () => part, before });
        bar.update(status.counts);
      }
      await sleep(WATCH_MS);
    }
  } finally {
    bar?.end();
  }
}
