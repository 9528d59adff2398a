import './memory.ts';
import { createHash } from 'node:crypto';
import type { Config } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/config-error.ts';
import { environment } from '../../src/config/environment.ts';
import { cutChunks } from '../../src/datatrics/bulk/chunk.ts';
import { ENDPOINTS } from '../../src/datatrics/endpoints.ts';
import { createApiDestination } from './api.ts';
import type { Destination, Sendable } from './destination.ts';
import { openInput } from './input.ts';
import { type Counts, Journal, noCounts, type Progress } from './journal.ts';
import { type ImportOptions, readOptions } from './options.ts';
import { Pace } from './pace.ts';
import { InputError, UsageError } from './problem.ts';
import { ProgressBar } from './progress.ts';
import { type Scan, scanKeys } from './queue/duplicates.ts';
import { feed } from './queue/feed.ts';
import type { QueueSession } from './queue/session.ts';
import { Rejects } from './rejects.ts';
import type { Row } from './rows.ts';
import { type RunResult, run } from './run.ts';
import { importConfig } from './settings.ts';
import { digestOf } from './source.ts';
import { exitCodeOf, renderSummary, type Summary } from './summary.ts';
import { WINDOWS } from './window.ts';

const NO_PROGRESS: Progress = {
  checkpoint: { upTo: 0, rejectsBytes: 0, counts: noCounts() },
  known: new Set(),
  ended: false,
};

/** ms until a command that feeds the queue exits after a signal, also while Redis does not answer. */
const QUEUE_STOP_MS = 10_000;

/** Digest of the options that affect the rows that are sent, or their destination. A journal is valid for one digest. */
function fingerprint(options: ImportOptions, config: Config): string {
  const {
    map,
    ignore,
    gateway,
    headers,
    concurrency,
    callsPerSecond,
    resume,
    watch,
    json,
    quiet,
    file,
    journal,
    ...rest
  } = options;
  const { upstream, project, timeZone, bulkLimits } = config;
  const to = gateway ? { gateway: gateway.href } : { upstream, project };
  const what = {
    ...rest,
    map: [...map],
    ignore: [...ignore],
    to,
    zone: timeZone,
    bytes: bulkLimits.chunkBytes,
    WINDOWS,
  };
  return createHash('sha256').update(JSON.stringify(what)).digest('hex');
}

/** @param run id of a queued import; undefined for a direct one */
async function openJournal(
  options: ImportOptions,
  config: Config,
  run: string | undefined,
): Promise<{ journal: Journal | null; progress: Progress }> {
  if (options.journal === null) return { journal: null, progress: NO_PROGRESS };
  if (!options.queue && Journal.runOf(options.journal) !== null && !Journal.hasEnded(options.journal)) {
    throw new UsageError(`${options.journal} belongs to a queued import: finish it with --watch, or delete the file.`);
  }
  const file = await digestOf(options.file);
  const header = { journal: 1, file, options: fingerprint(options, config), ...(run && { run }) } as const;
  if (options.resume) return Journal.resume(options.journal, header);
  return { journal: Journal.create(options.journal, header), progress: NO_PROGRESS };
}

async function createDestination(options: ImportOptions, config: Config, pace: Pace): Promise<Destination> {
  const { resource, gateway, headers } = options;
  const concurrency = options.concurrency ?? config.bulkLimits.concurrency;
  const items = config.bulkLimits.chunkItems ?? ENDPOINTS.bulkProfiles.maxItems;
  if (gateway) {
    // Loaded on demand, since few imports use a gateway.
    const { GatewayDestination } = await import('./gateway.ts');
    return new GatewayDestination({ url: gateway, headers, resource, concurrency, items, pace });
  }
  const limits = { ...config.bulkLimits, concurrency, extraRequests: Number.POSITIVE_INFINITY };
  return createApiDestination(resource, config, limits, pace);
}

/** Passes rows through and reports the calls that they would take. */
async function* countCalls(
  batches: AsyncIterable<Row[]>,
  config: Config,
  add: (calls: number) => void,
): AsyncGenerator<Row[]> {
  let pending: Sendable[] = [];
  const items = config.bulkLimits.chunkItems ?? ENDPOINTS.bulkProfiles.maxItems;
  const flush = (): void => {
    add(cutChunks(pending, items, config.bulkLimits.chunkBytes).length);
    pending = [];
  };
  for await (const rows of batches) {
    for (const { item } of rows) {
      if (item) pending.push(item);
      if (pending.length === items * 40) flush();
    }
    yield rows;
  }
  flush();
}

async function runImport(options: ImportOptions, env: Readonly<Record<string, string | undefined>>): Promise<number> {
  const start = performance.now();
  const config = importConfig(env, options.gateway);
  const { resource } = options;
  const rejects = new Rejects(options.rejects);
  let opened: { journal: Journal | null; progress: Progress } | undefined;
  let bar: ProgressBar | undefined;
  let destination: Destination | null = null;
  let session: QueueSession | undefined;
  let requests = 0;
  let stop = (): void => undefined;
  const stopping = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let signalled: NodeJS.Signals | null = null;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (signalled) process.exit(codeOf(signal));
    signalled = signal;
    const remaining = session ? 'Workers continue with the rows in the queue' : 'Waiting for the calls in flight';
    process.stderr.write(`\nStopping. ${remaining}. A second signal exits at once.\n`);
    stop();
    // An unavailable Redis never answers.
    if (session) setTimeout(() => process.exit(codeOf(signal)), QUEUE_STOP_MS);
  };

  const silent = options.quiet || (options.json && !process.stderr.isTTY);
  try {
    // Checks the header before it changes the journal or the rejects of an earlier run.
    const { source, reader, rows } = await openInput(options, config);
    const { format, separator, encoding } = source;
    if (options.queue) {
      // Loaded on demand, since BullMQ takes 20 MB.
      const { QueueSession } = await import('./queue/session.ts');
      session = await QueueSession.open(options, config, silent);
    }
    opened = await openJournal(options, config, session?.run);
    const { journal, progress } = opened;
    const { checkpoint, known } = progress;
    rejects.setColumns(reader.header?.columns ?? null, separator);
    if (!rejects.cutTo(checkpoint.rejectsBytes)) {
      process.stderr.write(
        `${options.rejects} is missing or was changed: a new file gets the rows rejected from now on.\n`,
      );
      rejects.clear();
    }
    if (!options.dryRun && !session && !progress.ended)
      destination = await createDestination(options, config, new Pace(options.callsPerSecond));
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    let scan: Scan | undefined;
    if (session && !progress.ended) {
      if (!silent) process.stderr.write('Looking for rows with the same key.\n');
      const again = await openInput(options, config);
      scan = await scanKeys(again.rows(0), `${options.file}.keys`, () => signalled !== null);
    }
    let { counts } = checkpoint;
    const total = scan?.rows ?? source.size;
    bar = new ProgressBar({
      silent,
      part() {
        if (total === undefined) return undefined;
        const done = scan ? counts.rows : source.bytesRead() * (counts.rows / Math.max(1, reader.read));
        return done / Math.max(1, total);
      },
      before: counts.rows,
    });
    bar.update(counts);
    const common = {
      journal,
      rejects,
      checkpoint,
      known,
      onProgress(now: Counts) {
        counts = now;
        bar?.update(now);
      },
      stop: stopping,
    };
    const remaining = rows(checkpoint.upTo);
    let result: RunResult;
    if (progress.ended) result = { counts, complete: true, reason: null };
    else if (session && scan) {
      const { redis, queue, run, lease } = session;
      const { callsPerSecond } = options;
      const { duplicates, rows: all } = scan;
      const part = (): number => counts.rows / Math.max(1, all);
      const to = { redis, queue, run, lease, resource, callsPerSecond, duplicates, part };
      const fed = await feed({ ...common, ...to, rows: remaining });
      requests = fed.requests;
      result = fed;
    } else {
      const count = (calls: number): void => {
        requests += calls;
      };
      result = await run({
        ...common,
        rows: options.dryRun ? countCalls(remaining, config, count) : remaining,
        destination,
      });
    }
    bar.end();
    const summary: Summary = {
      resource,
      file: options.file,
      dryRun: options.dryRun,
      queue: options.queue,
      ...result.counts,
      complete: result.complete,
      reason: result.reason,
      resumedRows: checkpoint.counts.rows + known.size,
      requests: destination?.requests ?? requests,
      seconds: Math.round(performance.now() - start) / 1_000,
      format,
      encoding,
      separator: format === 'csv' ? separator : null,
      columns: reader.header && Object.fromEntries(reader.header.columns.map((name, at) => [name, reader.placeOf(at)])),
      rejects: result.counts.rejected > 0 ? options.rejects : null,
      journal: options.journal,
    };
    process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : renderSummary(summary));
    return signalled ? codeOf(signalled) : exitCodeOf(summary);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    bar?.end();
    rejects.close();
    opened?.journal?.close();
    await destination?.close();
    await session?.close();
  }
}

function codeOf(signal: NodeJS.Signals): number {
  return signal === 'SIGINT' ? 130 : 143;
}

try {
  const env = environment();
  const options = readOptions(process.argv.slice(2), env);
  // `process.exitCode` is not enough: an open standard input keeps the process alive.
  if (options) process.exit(await runImport(options, env));
} catch (error) {
  const isUsage = error instanceof UsageError || error instanceof ConfigError;
  if (!isUsage && !(error instanceof InputError)) throw error;
  process.stderr.write(`${error.message}\n${isUsage ? '\nSee npm run import -- --help.\n' : ''}`);
  process.exit(isUsage ? 2 : 1);
}
