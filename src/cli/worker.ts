import './import/memory.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'bullmq';
import { Command, CommanderError, Option } from 'commander';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { environment } from '../config/environment.ts';
import { createLogger } from '../lib/log.ts';
import { openStandardOutput } from '../lib/standard-output.ts';
import { createApiDestination } from './import/api.ts';
import { wholeNumber } from './import/options.ts';
import { UsageError } from './import/problem.ts';
import { connectQueue } from './import/queue/connect.ts';
import { type JobData, type JobResult, PREFIX, queueNameOf } from './import/queue/jobs.ts';
import { SharedPace } from './import/queue/pace.ts';
import { JobRunner } from './import/queue/work.ts';
import { importConfig } from './import/settings.ts';

/** ms after which a job goes to another worker when nothing is heard of the one that has it. */
const LOCK_MS = 10_000;
const STALLED_CHECK_MS = 5_000;
/** Workers that may die of one job before it counts as failed: enough for a bad day, and not for a job that kills. */
const MAX_DEATHS = 20;
/** ms that calls under way get after SIGTERM; what is not handed back then is found by the others. */
const STOP_GRACE_MS = 10_000;
/** ms in which the last log lines are written, if standard output takes them. */
const LAST_LINES_MS = 1_000;

interface WorkerOptions {
  readonly jobs: number;
  readonly concurrency: number | undefined;
}

/** @returns null when only help was asked for */
function readOptions(argv: readonly string[]): WorkerOptions | null {
  let problem = '';
  const command = new Command('worker')
    .usage('[options]')
    .description('Runs the jobs of queued imports (npm run import -- … --queue) until it is stopped.')
    .addOption(new Option('--jobs <n>', 'jobs at once').argParser(wholeNumber(1, 64)).default(2))
    .option('--concurrency <n>', 'calls at once of each job (default: BULK_CONCURRENCY, else 4)', wholeNumber(1, 64))
    .addHelpText(
      'after',
      `
Settings: REDIS_URL, DATATRICS_URL, DATATRICS_PROJECT and DATATRICS_API_KEY, in the environment or in .env. It takes the
jobs for this project at this address only. SIGTERM finishes the calls under way, hands the rest of the jobs back and ends.
docs/import.md tells more.`,
    )
    .helpOption('-h, --help', 'this text')
    .configureHelp({ helpWidth: 120 })
    .configureOutput({
      writeErr: (text) => {
        problem += text;
      },
    })
    .exitOverride();
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return null;
    throw new UsageError((problem || error.message).replace(/^error: /, '').trim());
  }
  return command.opts<WorkerOptions>();
}

async function work(options: WorkerOptions, config: Config): Promise<void> {
  const output = openStandardOutput();
  const log = createLogger(config.logLevel, output);
  const queue = queueNameOf(config);
  if (config.redisUrl === undefined) throw new UsageError('REDIS_URL must be set: jobs come from there.');
  const redis = connectQueue(
    config.redisUrl,
    (reason) => log.warn({ reason }, 'Redis is unavailable: waiting for it'),
    () => log.info('Redis is available again'),
  );
  const limits = {
    ...config.bulkLimits,
    concurrency: options.concurrency ?? config.bulkLimits.concurrency,
    extraRequests: Number.POSITIVE_INFINITY,
  };
  const runner = new JobRunner({
    log,
    createLane(resource) {
      const pace = new SharedPace(redis, queue);
      const setLimit = (perSecond: number | null): void => {
        pace.perSecond = perSecond;
      };
      return { destination: createApiDestination(resource, config, limits, pace), setLimit };
    },
  });
  const worker = new Worker<JobData, JobResult>(queue, (job, token, signal) => runner.run(job, token, signal), {
    connection: redis,
    prefix: PREFIX,
    concurrency: options.jobs,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: MAX_DEATHS,
  });
  worker.on('error', (error) => {
    // That Redis is away has been said.
    if (redis.status === 'ready') log.warn({ reason: error.message }, 'The queue has trouble');
  });
  worker.on('lockRenewalFailed', (jobs) => {
    log.warn({ jobs }, 'Jobs were given to other workers');
    for (const job of jobs) worker.cancelJob(job);
  });
  worker.on('stalled', (job) => log.warn({ job }, 'Job taken over: nothing was heard of its worker'));
  log.info({ queue, jobs: options.jobs, concurrency: limits.concurrency }, 'Worker ready');

  const signal = await new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGTERM', resolve).once('SIGINT', resolve);
  });
  log.info({ signal }, 'Stopping');
  const closed = worker.close();
  runner.stop();
  await Promise.race([closed.then(() => runner.close()), sleep(STOP_GRACE_MS)]);
  redis.disconnect();
  await output.close(LAST_LINES_MS);
}

try {
  const options = readOptions(process.argv.slice(2));
  const env = environment();
  if (options) await work(options, importConfig(env));
  process.exit(0);
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n\nnpm run worker -- --help tells more.\n`);
  process.exit(2);
}
