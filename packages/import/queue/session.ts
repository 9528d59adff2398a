import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { type JobType, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Config } from '../../../src/config/config.ts';
import { type Counts, readJournal } from '../journal.ts';
import type { ImportOptions } from '../options.ts';
import { UsageError } from '../problem.ts';
import { outcomesOf } from '../progress.ts';
import { connectQueue, type JobData, type JobResult, PREFIX, queueNameOf } from './jobs.ts';

/** ms to connect to Redis at the start. */
const CONNECT_MS = 5_000;
/** ms to wait for the jobs of an abandoned import: until the locks of dead workers expire and others finish their jobs. */
const ABANDON_MS = 30_000;
const WATCH_MS = 500;
/** ms between two attempts to remove jobs. */
const POLL_MS = 100;

/**
 * Resumes the import that the journal names, or replaces it with a new one. Waits with `watch` while another command feeds it.
 *
 * @param onProgress receives the counts of another command that feeds the import
 * @throws UsageError without Redis, or while another command runs the import
 */
export async function openSession(
  options: ImportOptions,
  config: Config,
  print: (text: string) => void,
  onProgress: (counts: Counts) => void,
) {
  const { resume, watch } = options;
  const journal = options.journal as string;
  if (config.redisUrl === undefined) throw new UsageError('REDIS_URL must be set for --queue: Redis holds the queue.');
  if (watch && !readJournal(journal).header?.run) {
    throw new UsageError(`${journal} does not name a queued import: start one with --queue.`);
  }
  const redis = await connect(config.redisUrl, print);
  const queue = new Queue<JobData, JobResult>(queueNameOf(config), { connection: redis, prefix: PREFIX });
  queue.on('error', () => undefined);
  try {
    const lock = await takeLock(`${journal}.lock`, (isFirst) => {
      if (!watch) throw new UsageError('Another command runs this import: show its progress with --watch, or stop it.');
      const { counts } = readJournal(journal).progress;
      if (isFirst) print(`Another command feeds this import: ${outcomesOf(counts)}.`);
      onProgress(counts);
    });
    const { run: earlier } = readJournal(journal).header ?? {};
    if (earlier !== undefined && !(await removeJobs(queue, earlier, resume ? ['failed'] : ALL))) {
      throw new UsageError('Workers still run jobs of the earlier import: try again in a minute.');
    }
    const run = resume && earlier !== undefined ? earlier : randomBytes(8).toString('hex');
    return {
      queue,
      /** Id of the import in Redis. The journal stores it; a new import gets a new id. */
      run,
      /** Removes all jobs of the import. */
      clear: () => removeJobs(queue, run),
      /** Does not wait for an unavailable Redis. */
      close() {
        lock.close();
        redis.disconnect();
      },
    };
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}

const ALL: readonly JobType[] = ['wait', 'delayed', 'active', 'completed', 'failed'];

/** A queued import that this command feeds. */
export type QueueSession = Awaited<ReturnType<typeof openSession>>;

/** Removes jobs of an import, except those that a worker runs. Waits for these; returns whether all are gone in time. */
async function removeJobs(queue: Queue, run: string, states = ALL): Promise<boolean> {
  for (const end = performance.now() + ABANDON_MS; performance.now() < end; await sleep(POLL_MS)) {
    const own = (await queue.getRanges([...states], 0, -1)).filter((id) => id.startsWith(`${run}-`));
    if (own.length === 0) return true;
    await Promise.all(own.map((id) => queue.remove(id).catch(() => 0)));
  }
  return false;
}

/**
 * Waits for the right to feed an import. The system releases the lock when the process exits or is killed. The lock file is not
 * deleted, since other processes may wait for it.
 * @param onBusy called while another command has the lock
 */
async function takeLock(path: string, onBusy: (isFirst: boolean) => void): Promise<DatabaseSync> {
  const database = new DatabaseSync(path);
  for (let isFirst = true; ; isFirst = false) {
    try {
      database.exec('BEGIN EXCLUSIVE');
      return database;
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    }
    onBusy(isFirst);
    await sleep(WATCH_MS);
  }
}

const SQLITE_BUSY = 5;

async function connect(url: string, print: (text: string) => void): Promise<Redis> {
  const onAway = (reason: string): void => print(`Redis is unavailable (${reason}): retrying until it is back.`);
  const redis = connectQueue(url, onAway, () => print('Redis is available again.'));
  if (await Promise.race([redis.ping().then(() => true), sleep(CONNECT_MS, false)])) return redis;
  redis.disconnect();
  throw new UsageError('REDIS_URL: Redis is unreachable.');
}
