import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Job, Queue, RateLimitError, UnrecoverableError, Worker } from 'bullmq';
import { environment } from '../../src/config/environment.ts';
import { Pending, unsent } from '../../src/datatrics/bulk/items.ts';
import { createLogger } from '../../src/lib/log.ts';
import { openStandardOutput } from '../../src/lib/standard-output.ts';
import { connectApi, importConfig } from './api.ts';
import { createDirect, createPatience, type Failure } from './destination.ts';
import { count, parseCommand } from './options.ts';
import { runCommand, UsageError } from './problem.ts';
import type { JobData, JobResult } from './queue.ts';
import { connectQueue, createSharedPace, PREFIX, queueNameOf } from './queue.ts';

/** ms without a sign of life of a worker, after which another worker takes over its job. */
const LOCK_MS = 10_000;
const STALLED_CHECK_MS = 5_000;
/** Workers that may die during one job before the job fails. High, so that only a job that kills its workers fails. */
const MAX_DEATHS = 20;
/** ms for calls in flight after SIGTERM. Other workers take over the jobs that are not done by then. */
const STOP_GRACE_MS = 10_000;
/** ms to write the last log lines at exit; a blocked standard output loses the rest. */
const LAST_LINES_MS = 1_000;
/** BullMQ pauses a queue after a 429 only if its workers have some limit. This one is never reached. */
const NO_LIMIT = { max: 1_000_000, duration: 1_000 };
const UNREPORTED: Failure = { kind: 'other', message: 'The API did not report the outcome of some rows.' };

const OPTIONS = { concurrency: count('concurrent calls (default: twice BULK_CONCURRENCY, else 8)') };
const USAGE = `Usage: npm run worker -- [options]

Sends the rows of queued imports (npm run import -- … --queue) until SIGTERM or SIGINT; then finishes the calls in flight.
Takes jobs only for the API that DATATRICS_URL, DATATRICS_PROJECT and DATATRICS_API_KEY name, from the Redis at REDIS_URL.
See docs/import.md.
`;

await runCommand('worker', async () => {
  const command = parseCommand(process.argv.slice(2), OPTIONS, USAGE);
  if (command === null) return 0;
  const config = importConfig(environment());
  const { concurrency = 2 * config.bulkLimits.concurrency } = command.values;
  const output = openStandardOutput();
  const log = createLogger(config.logLevel, output);
  const name = queueNameOf(config);
  if (config.redisUrl === undefined) throw new UsageError('REDIS_URL must be set: workers take jobs from Redis.');
  const connection = connectQueue(config.redisUrl, (text) => log.warn(text));
  const limits = { ...config.bulkLimits, concurrency: 1 };
  const createTarget = connectApi(config, concurrency);
  const queue = new Queue(name, { connection, prefix: PREFIX });
  const stopping = new AbortController();
  const patience = createPatience();

  /** Makes the call of a job. BullMQ repeats it after a temporary failure. */
  async function send({ id, data }: Job<JobData, JobResult>): Promise<JobResult> {
    const items = data.rows.map(({ row, key, json }) => new Pending(key, json, unsent(row)));
    const resource = (items[0] as Pending).key.resource;
    const target = createTarget(resource);
    const pace = createSharedPace(connection, name, data.callsPerSecond);
    const destination = createDirect({ resource, target, limits, pace, attempts: 1, signal: stopping.signal });
    await destination.send(items);
    target.close?.();
    const { requests: calls, failure } = destination;
    const left = items.filter(({ result: { outcome } }) => outcome !== 'UPSERTED' && outcome !== 'REJECTED');
    if (left.length < items.length) patience.reset();
    if (left.length === 0) {
      const rejected = items.filter(({ result }) => result.outcome === 'REJECTED');
      log.debug({ job: id, rows: items.length, rejected: rejected.length, calls }, 'Job done');
      return { calls, rejects: rejected.map(({ result }) => [result.index, result.problems]) };
    }
    const { kind, message, retryAfterMs } = failure ?? UNREPORTED;
    const reason = `${kind}: ${message}`;
    const refusal = patience.refusal(retryAfterMs);
    if (refusal !== null) throw new UnrecoverableError(`${reason} ${refusal}`);
    if (retryAfterMs) {
      log.warn({ job: id, reason: message, ms: retryAfterMs }, 'The API asks for a pause');
      await queue.rateLimit(retryAfterMs);
      throw new RateLimitError();
    }
    throw failure && kind !== 'unreachable' ? new UnrecoverableError(reason) : new Error(reason);
  }

  const worker = new Worker<JobData, JobResult>(name, send, {
    ...{ connection, prefix: PREFIX, concurrency, limiter: NO_LIMIT },
    ...{ lockDuration: LOCK_MS, stalledInterval: STALLED_CHECK_MS, maxStalledCount: MAX_DEATHS },
  });
  worker.on('error', (error) => {
    // `connectQueue` already logs that Redis is unavailable.
    if (connection.status === 'ready') log.warn({ reason: error.message }, 'Queue error');
  });
  worker.on('failed', (job, { message: reason }) => {
    log.warn({ job: job?.id, attempt: job?.attemptsMade, reason }, job?.finishedOn ? 'Job failed' : 'Call failed');
  });
  worker.on('stalled', (job) => log.warn({ job }, 'Job taken over from a worker that does not respond'));
  log.info({ queue: name, concurrency }, 'Worker ready');

  const [signal] = await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  log.info({ signal }, 'Stopping');
  const closed = worker.close();
  stopping.abort();
  await Promise.race([closed, sleep(STOP_GRACE_MS)]);
  await output.close(LAST_LINES_MS);
  return 0;
});
