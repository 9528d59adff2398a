import './memory.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'bullmq';
import { Command, Option } from 'commander';
import type { Config } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/config-error.ts';
import { environment } from '../../src/config/environment.ts';
import { createLogger } from '../../src/lib/log.ts';
import { openStandardOutput } from '../../src/lib/standard-output.ts';
import { parseArguments } from './command.ts';
import { connectApi, createApiTarget, DirectDestination } from './destination.ts';
import { wholeNumber } from './options.ts';
import { UsageError } from './problem.ts';
import { connectQueue } from './queue/connect.ts';
import { type JobData, type JobResult, PREFIX, queueNameOf } from './queue/jobs.ts';
import { createSharedPace } from './queue/pace.ts';
import { type JobOptions, runJob } from './queue/work.ts';
import { importConfig } from './settings.ts';

/** ms without a sign of life of a worker, after which another worker takes over its job. */
const LOCK_MS = 10_000;
const STALLED_CHECK_MS = 5_000;
/** Workers that may die during one job before the job fails. High, so that only a job that kills its workers fails. */
const MAX_DEATHS = 20;
/** ms for calls in flight after SIGTERM. Other workers take over the jobs that are not handed back by then. */
const STOP_GRACE_MS = 10_000;
/** ms to write the last log lines at exit; a blocked standard output loses the rest. */
const LAST_LINES_MS = 1_000;

interface WorkerOptions {
  readonly jobs: number;
  readonly concurrency: number | undefined;
}

/**
 * Reads the command line.
 *
 * @returns null for `--help`, whose text is printed
 * @throws UsageError
 */
function readOptions(argv: readonly string[]): WorkerOptions | null {
  const command = new Command('worker')
    .usage('[options]')
    .description('Runs the jobs of queued imports (npm run import -- … --queue) until SIGTERM or SIGINT.')
    .addOption(new Option('--jobs <n>', 'concurrent jobs').argParser(wholeNumber(1, 64)).default(2))
    .option('--concurrency <n>', 'concurrent calls of each job (default: BULK_CONCURRENCY, else 4)', wholeNumber(1, 64))
    .addHelpText(
      'after',
      `
Settings:
  REDIS_URL, DATATRICS_URL, DATATRICS_PROJECT and DATATRICS_API_KEY, in the environment or in .env. The worker takes jobs
  of this project at this address only.

Signals:
  On SIGTERM or SIGINT, the worker finishes the calls in flight, returns its unfinished jobs to the queue and exits.

Exit codes:
  0  stopped by a signal
  2  wrong usage or settings

See docs/import.md.`,
    )
    .helpOption('-h, --help', 'print this text')
    .configureHelp({ helpWidth: 120 })
    .exitOverride();
  return parseArguments(command, argv) ? command.opts<WorkerOptions>() : null;
}

async function runWorker(options: WorkerOptions, config: Config): Promise<void> {
  const output = openStandardOutput();
  const log = createLogger(config.logLevel, output);
  const queue = queueNameOf(config);
  if (config.redisUrl === undefined) throw new UsageError('REDIS_URL must be set: workers take jobs from Redis.');
  const redis = connectQueue(
    config.redisUrl,
    (reason) => log.warn({ reason }, 'Redis is unavailable: waiting for it'),
    () => log.info('Redis is available again'),
  );
  const concurrency = options.concurrency ?? config.bulkLimits.concurrency;
  const limits = { ...config.bulkLimits, concurrency, extraRequests: Number.POSITIVE_INFINITY };
  const pool = connectApi(config, concurrency * options.jobs);
  const onRetry = (reason: string): void => log.warn({ reason }, 'A call failed: trying again');
  const stopping = new AbortController();
  const jobs: JobOptions = {
    log,
    stopping: stopping.signal,
    connect(resource, callsPerSecond, more) {
      const target = createApiTarget(resource, config, pool, true);
      const pace = createSharedPace(redis, queue, callsPerSecond);
      const { timeZone } = config;
      return new DirectDestination({ resource, target, timeZone, limits, pace, isPatient: true, onRetry, ...more });
    },
  };
  const worker = new Worker<JobData, JobResult>(queue, (job, token, lost) => runJob(jobs, job, token, lost), {
    connection: redis,
    prefix: PREFIX,
    concurrency: options.jobs,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: MAX_DEATHS,
  });
  worker.on('error', (error) => {
    // `connectQueue` already logs that Redis is unavailable.
    if (redis.status === 'ready') log.warn({ reason: error.message }, 'Queue error');
  });
  worker.on('lockRenewalFailed', (jobs) => {
    log.warn({ jobs }, 'Other workers took over jobs');
    for (const job of jobs) worker.cancelJob(job);
  });
  worker.on('stalled', (job) => log.warn({ job }, 'Job taken over from a worker that does not respond'));
  log.info({ queue, jobs: options.jobs, concurrency }, 'Worker ready');

  const signal = await new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGTERM', resolve).once('SIGINT', resolve);
  });
  log.info({ signal }, 'Stopping');
  const closed = worker.close();
  stopping.abort();
  await Promise.race([closed, sleep(STOP_GRACE_MS)]);
  await pool.close();
  redis.disconnect();
  await output.close(LAST_LINES_MS);
}

try {
  const options = readOptions(process.argv.slice(2));
  const env = environment();
  if (options) await runWorker(options, importConfig(env));
  process.exit(0);
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n\nSee npm run worker -- --help.\n`);
  process.exit(2);
}
