import { hash, randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { type JobsOptions, type JobType, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Config } from '../../src/config/config.ts';
import { type BulkLimits, cutChunks } from '../../src/datatrics/bulk/chunk.ts';
import type { InputProblem } from '../../src/datatrics/encode.ts';
import type { RecordKey } from '../../src/datatrics/keys.ts';
import type { Failure, Pace, Sendable } from './destination.ts';
import { type Progress, readJournal } from './ledger.ts';
import type { ImportOptions } from './options.ts';
import { UsageError } from './problem.ts';
import type { Row } from './records.ts';
import type { WinnerOf } from './run.ts';

export const PREFIX = 'datatrics';

/** The rows of one call. A worker needs neither the file nor the options of the import. */
export interface JobData {
  /** Calls per second of all workers together. */
  readonly callsPerSecond?: number | undefined;
  readonly rows: readonly { readonly row: number; readonly key: RecordKey; readonly json: string }[];
}

/** Result of a job, with its REST calls. All rows that are not rejected are upserted. */
export interface JobResult {
  readonly calls: number;
  readonly rejects: readonly (readonly [row: number, problems: readonly InputProblem[]])[];
}

type JobQueue = Queue<JobData, JobResult>;

/** Reads why a job failed: `unreachable: MESSAGE`, or the words of BullMQ. */
function readFailure(reason: string): Failure {
  const [, kind = 'other', message = reason] = /^(unreachable|refused|other): (.*)$/s.exec(reason) ?? [];
  return { kind: kind as Failure['kind'], message };
}

/** Returns the name of the queue of a project at an API. Workers with other settings never see its jobs. */
export function queueNameOf({ upstream, project = '' }: Config): string {
  const id = hash('sha256', `${upstream?.origin}${upstream?.basePath} ${project}`);
  return `import-${project.replaceAll(/[^\w-]/g, '_')}-${id.slice(0, 8)}`;
}

/** Opens a connection that waits while Redis is unavailable, which it reports, and then repeats the commands in flight. */
export function connectQueue(url: string, report: (text: string) => void): Redis {
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    connectTimeout: 5_000,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  });
  let isAway = false;
  redis.on('error', ({ message }) => {
    if (!isAway) report(`Redis is unavailable (${message}): waiting for it.`);
    isAway = true;
  });
  redis.on('ready', () => {
    if (isAway) report('Redis is available again.');
    isAway = false;
  });
  return redis;
}

/** Reserves the next free time slot, by the clock of Redis. Returns the ms until then. */
const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
local following = at + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', following), 'PX', math.ceil((following - now) / 1000) + 1000)
return math.ceil((at - now) / 1000)
`;

/** Spaces the calls of all workers of a queue evenly. The rate limiter of BullMQ counts jobs, which may take several calls. */
export function createSharedPace(redis: Redis, queue: string, perSecond: number | undefined): Pace {
  return async function turn() {
    if (perSecond === undefined) return;
    const gap = String(Math.round(1_000_000 / perSecond));
    const waitMs = (await redis.eval(TAKE, 1, `${PREFIX}:${queue}:pace`, gap)) as number;
    if (waitMs > 0) await sleep(waitMs);
  };
}

/** Unsettled windows at most, so that neither Redis nor this process holds a whole file. */
const MAX_WINDOWS = 10;
const CONNECT_MS = 5_000;
/** ms to wait for the jobs of an abandoned import: until the locks of dead workers expire and others finish their jobs. */
const ABANDON_MS = 30_000;
const WATCH_MS = 500;
/** ms between two looks at a job. */
const POLL_MS = 50;
/** s that Redis keeps results for a command that is resumed. A later resume sends those rows again. */
const KEEP = { age: 7 * 86_400 };
/** Attempts for a call with a temporary failure, over about four minutes. */
const JOB: JobsOptions = {
  attempts: 10,
  backoff: { type: 'exponential', delay: 500, jitter: 0.5 },
  removeOnComplete: KEEP,
  removeOnFail: KEEP,
};
const ALL: readonly JobType[] = ['wait', 'delayed', 'active', 'completed', 'failed'];
const SQLITE_BUSY = 5;

/** A queued import that this command feeds. */
export type QueuedImport = Awaited<ReturnType<typeof openQueue>>;

/**
 * Resumes the import that the journal names, or replaces it with a new one. With `watch`, waits while another command feeds
 * it, whose progress `onProgress` receives. @throws UsageError without Redis, or while another command runs the import
 */
export async function openQueue(
  options: ImportOptions,
  config: Config,
  print: (text: string) => void,
  onProgress: (progress: Progress) => void,
) {
  const { watch, resume } = options;
  const journal = options.journal as string;
  if (config.redisUrl === undefined) throw new UsageError('REDIS_URL must be set for --queue: Redis holds the queue.');
  if (watch && !readJournal(journal).header?.run) {
    throw new UsageError(`${journal} does not name a queued import: start one with --queue.`);
  }
  const redis = connectQueue(config.redisUrl, print);
  const isThere = await Promise.race([redis.ping().then(() => true), sleep(CONNECT_MS, false)]);
  if (!isThere) throw new UsageError('REDIS_URL: Redis is unreachable.');
  const queue: JobQueue = new Queue(queueNameOf(config), { connection: redis, prefix: PREFIX });
  queue.on('error', () => undefined);
  const lock = await takeLock(`${journal}.lock`, () => {
    if (!watch) throw new UsageError('Another command runs this import: show its progress with --watch, or stop it.');
    print('Another command feeds this import.');
    onProgress(readJournal(journal).progress);
  });
  const { run: earlier } = readJournal(journal).header ?? {};
  if (earlier !== undefined && !(await removeJobs(queue, earlier, resume ? ['failed'] : ALL))) {
    throw new UsageError('Workers still run jobs of the earlier import: try again in a minute.');
  }
  const run = resume && earlier !== undefined ? earlier : randomBytes(8).toString('hex');
  return {
    /** Is released if it is not kept. */
    lock,
    /** Id of the import in Redis. The journal stores it; a new import gets a new id. */
    run,
    destination: (limits: BulkLimits, signal: AbortSignal) => createQueued(queue, run, options, limits, signal),
    findLastRows,
    clear: () => removeJobs(queue, run),
  };
}

/** Removes jobs of an import, except those that a worker runs. Waits for these; returns whether all are gone in time. */
async function removeJobs(queue: Queue, run: string, states = ALL): Promise<boolean> {
  for (const end = performance.now() + ABANDON_MS; performance.now() < end; await sleep(2 * POLL_MS)) {
    const own = (await queue.getRanges([...states], 0, -1)).filter((id) => id.startsWith(`${run}-`));
    if (own.length === 0) return true;
    await Promise.all(own.map((id) => queue.remove(id).catch(() => 0)));
  }
  return false;
}

/** Waits for the right to feed an import, which the system releases when the process ends. Others may wait for the file. */
async function takeLock(path: string, onBusy: () => void): Promise<DatabaseSync> {
  const lock = new DatabaseSync(path);
  for (; ; await sleep(WATCH_MS)) {
    try {
      lock.exec('BEGIN EXCLUSIVE');
      return lock;
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    }
    onBusy();
  }
}

/** Sends rows as jobs for workers, who continue after `signal`. Adds a job that Redis has lost again, with the same id. */
function createQueued(queue: JobQueue, run: string, options: ImportOptions, limits: BulkLimits, signal: AbortSignal) {
  const { callsPerSecond } = options;
  const idOf = ([first]: readonly Sendable[]): string => `${run}-${first?.result.index}`;

  /** The queue ignores a job that is added twice. */
  function add(chunks: readonly (readonly Sendable[])[]) {
    const jobs = chunks.map((chunk) => {
      const rows = chunk.map(({ result, key, json }) => ({ row: result.index, key, json }));
      return { name: 'rows', data: { callsPerSecond, rows }, opts: { ...JOB, jobId: idOf(chunk) } };
    });
    return queue.addBulk(jobs);
  }

  /** Waits for a job. Returns false if workers may still run it. After a failure, removes a job that none runs. */
  async function collect(chunk: readonly Sendable[]): Promise<boolean> {
    const id = idOf(chunk);
    let giveUpAt: number | undefined;
    for (; ; await sleep(POLL_MS)) {
      if (signal.aborted) return false;
      const state = await queue.getJobState(id);
      const job = state === 'completed' || state === 'failed' ? await queue.getJob(id) : undefined;
      if (state === 'completed' && job) {
        destination.requests += job.returnvalue.calls;
        const rejects = new Map(job.returnvalue.rejects);
        for (const { result } of chunk) {
          const problems = rejects.get(result.index);
          Object.assign(result, problems ? { outcome: 'REJECTED', problems } : { outcome: 'UPSERTED' });
        }
        return true;
      }
      if (state === 'failed' && job) destination.failure ??= readFailure(job.failedReason);
      if (!destination.failure) {
        if (state === 'unknown') await add([chunk]);
        continue;
      }
      giveUpAt ??= performance.now() + ABANDON_MS;
      if (state === 'unknown' || (state !== 'active' && (await queue.remove(id)) === 1)) return true;
      if (performance.now() > giveUpAt) return false;
    }
  }

  const destination = {
    ahead: MAX_WINDOWS - 1,
    requests: 0,
    failure: null as Failure | null,
    async send(items: readonly Sendable[]) {
      const chunks = cutChunks(items, limits.chunkItems, limits.chunkBytes);
      await add(chunks);
      let isComplete = true;
      for (const chunk of chunks) isComplete = (await collect(chunk)) && isComplete;
      return isComplete ? () => Promise.all(chunks.map((chunk) => queue.remove(idOf(chunk)))) : null;
    },
  };
  return destination;
}

/** Counts the rows of a file, and finds the last one of each key. A temporary file of SQLite keeps the keys. */
export async function findLastRows(batches: AsyncIterable<readonly Row[]>) {
  const database = new DatabaseSync('');
  database.exec(`
    PRAGMA journal_mode = OFF; PRAGMA cache_size = -65536; -- KB
    CREATE TABLE last (key BLOB PRIMARY KEY, row INTEGER) WITHOUT ROWID;
    BEGIN;
  `);
  // Among 10⁹ keys, two share these 16 bytes with probability 10⁻²¹.
  const keyOf = ({ name }: Sendable): Buffer => hash('sha256', name, 'buffer').subarray(0, 16);
  const put = database.prepare('INSERT OR REPLACE INTO last VALUES (?, ?)');
  let count = 0;
  for await (const rows of batches) {
    count += rows.length;
    for (const { row, item } of rows) if (item) put.run(keyOf(item), row);
  }
  database.exec('COMMIT');
  const get = database.prepare('SELECT row FROM last WHERE key = ?');
  const winnerOf: WinnerOf = (item) => get.get(keyOf(item))?.row as number;
  return { rows: count, winnerOf };
}
