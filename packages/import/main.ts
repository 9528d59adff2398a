import './memory.ts';
import { createHash } from 'node:crypto';
import type { Config } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/config-error.ts';
import { environment } from '../../src/config/environment.ts';
import {
  connectApi,
  createApiTarget,
  type Destination,
  DirectDestination,
  type DirectOptions,
  DryRun,
  type Target,
} from './destination.ts';
import { type Counts, Journal, NO_PROGRESS, type Progress } from './journal.ts';
import { confirm, renderMapping } from './mapping.ts';
import { type ImportOptions, readOptions } from './options.ts';
import { createPace } from './pace.ts';
import { InputError, UsageError } from './problem.ts';
import { ProgressBar } from './progress.ts';
import type { LastRows } from './queue/duplicates.ts';
import type { QueueSession } from './queue/session.ts';
import { Rejects } from './rejects.ts';
import { openInput } from './rows.ts';
import { type RunResult, run } from './run.ts';
import { importConfig } from './settings.ts';
import { digestOf } from './source.ts';
import { exitCodeOf, renderSummary, type Summary } from './summary.ts';
import { WINDOWS } from './window.ts';

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
    yes,
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

async function createDestination(
  options: ImportOptions,
  config: Config,
  more: Pick<DirectOptions, 'signal' | 'onUpserted' | 'onRetry'>,
): Promise<Destination> {
  const { resource, gateway: url, headers, callsPerSecond, dryRun } = options;
  const concurrency = options.concurrency ?? config.bulkLimits.concurrency;
  const limits = { ...config.bulkLimits, concurrency, extraRequests: Number.POSITIVE_INFINITY };
  if (dryRun) return new DryRun(limits);
  let target: Target;
  if (url) {
    // Loaded on demand, since few imports use a gateway.
    const { createGatewayTarget, MUTATION_BYTES } = await import('./gateway.ts');
    target = createGatewayTarget({ url, headers, resource, concurrency });
    limits.chunkBytes = Math.min(limits.chunkBytes, MUTATION_BYTES);
  } else target = createApiTarget(resource, config, connectApi(config, concurrency), false);
  const { timeZone } = config;
  const pace = createPace(callsPerSecond);
  return new DirectDestination({ resource, target, timeZone, limits, pace, isPatient: false, ...more });
}

async function runImport(options: ImportOptions, env: Readonly<Record<string, string | undefined>>): Promise<number> {
  const start = performance.now();
  const config = importConfig(env, options.gateway);
  const { resource, file, dryRun, callsPerSecond } = options;
  const rejects = new Rejects(options.rejects);
  let journal: Journal | null = null;
  let bar: ProgressBar | undefined;
  let destination: Destination | null = null;
  let session: QueueSession | undefined;
  let lastRows: LastRows | undefined;
  const stopping = new AbortController();
  const { signal } = stopping;
  let signalled: NodeJS.Signals | null = null;
  const onSignal = (name: NodeJS.Signals): void => {
    if (signalled) {
      process.stderr.write(`\nStopped. The outcome of the calls in flight is unknown. ${goOn(options)}\n`);
      process.exit(codeOf(name));
    }
    signalled = name;
    const remaining = session ? 'Workers continue with the rows in the queue' : 'Waiting for the calls in flight';
    process.stderr.write(`\nStopping. ${remaining}. A second signal exits at once.\n`);
    stopping.abort();
    // An unavailable Redis never answers.
    if (session) setTimeout(() => process.exit(codeOf(name)), QUEUE_STOP_MS);
  };

  const silent = options.quiet || (options.json && !process.stderr.isTTY);
  try {
    // Checks the header before it changes the journal of an earlier run.
    const input = await openInput(options, config, signal);
    const { source, header, mapping } = input;
    if (!silent) process.stderr.write(`${renderMapping(mapping)}\n`);
    const asks = !options.yes && !dryRun && !options.resume;
    if (asks && !(await confirm(file === '-'))) throw new UsageError('Nothing was sent.');
    if (options.queue) {
      // Loaded on demand, since BullMQ takes 20 MB.
      const { QueueSession } = await import('./queue/session.ts');
      session = await QueueSession.open(options, config, silent);
    }
    const opened = await openJournal(options, config, session?.run);
    journal = opened.journal;
    const { progress } = opened;
    const { checkpoint, known, rejectsPath, ended } = progress;
    rejects.setColumns(header?.columns ?? null, source.separator);
    rejects.onCreate = (path) => journal?.noteRejects(path);
    if (rejectsPath !== null && !rejects.resume(rejectsPath, checkpoint.rejects)) {
      process.stderr.write(
        `${rejectsPath} is missing or was changed: a new file gets the rows rejected from now on.\n`,
      );
    }
    let lastReason = '';
    const onRetry = (reason: string): void => {
      if (!silent && reason !== lastReason) bar?.print(`${reason} Trying again.`);
      lastReason = reason;
    };
    const onUpserted = (rows: readonly number[]): void => journal?.noteIn(rows);
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    if (ended) {
      // Nothing is left to send.
    } else if (session) {
      if (!silent) process.stderr.write('Looking for rows with the same key.\n');
      const { LastRows } = await import('./queue/duplicates.ts');
      const { QueueDestination } = await import('./queue/destination.ts');
      lastRows = await LastRows.read((await openInput(options, config, signal)).rows(0), `${file}.keys`, signal);
      await session.tidy(checkpoint.upTo);
      destination = new QueueDestination({ session, resource, callsPerSecond, onUpserted, signal });
    } else {
      destination = await createDestination(options, config, { onRetry, onUpserted, signal });
    }
    let { counts } = checkpoint;
    const part = (): number | undefined => {
      if (lastRows) return counts.rows / Math.max(1, lastRows.rows);
      if (source.size === undefined) return undefined;
      return (source.bytesRead() * (counts.rows / Math.max(1, input.read()))) / Math.max(1, source.size);
    };
    bar = new ProgressBar({ silent, part, before: counts.rows });
    const onProgress = (now: Counts): void => {
      counts = now;
      bar?.update(now);
      if (session) session.lease.status = { counts: now, part: part() ?? 0 };
    };
    onProgress(counts);
    let result: RunResult = { counts, complete: true, reason: null, failure: null };
    if (destination) {
      const rows = input.rows(checkpoint.upTo);
      const winnerOf = lastRows?.finder();
      result = await run({ rows, destination, dryRun, winnerOf, journal, rejects, progress, onProgress, signal });
      // Removes jobs that reappeared because Redis lost its last second of writes.
      if (result.complete) await session?.abandon(QUEUE_STOP_MS);
    }
    bar.end();
    const { format, encoding, separator } = source;
    const summary: Summary = {
      resource,
      file,
      dryRun,
      queue: options.queue,
      ...result.counts,
      complete: result.complete,
      reason: result.reason,
      failure: result.failure,
      resumedRows: checkpoint.counts.rows + known.size,
      requests: destination?.requests ?? 0,
      seconds: Math.round(performance.now() - start) / 1_000,
      format,
      encoding,
      separator: format === 'csv' ? separator : null,
      decimal: input.decimal ?? null,
      columns: Object.fromEntries(mapping.map(({ column, place }) => [column, place])),
      near: Object.fromEntries(mapping.flatMap(({ column, near }) => (near === undefined ? [] : [[column, near]]))),
      changed: Object.fromEntries(input.notes),
      rejects: result.counts.rejected > 0 ? rejects.path : null,
      journal: options.journal,
    };
    process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : renderSummary(summary, goOn(options)));
    return signalled ? codeOf(signalled) : exitCodeOf(summary);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    bar?.end();
    rejects.close();
    journal?.close();
    lastRows?.close();
    await destination?.close();
    await session?.close();
  }
}

/** One sentence about how to continue an import that has not ended. */
function goOn({ queue, journal }: ImportOptions): string {
  if (journal === null)
    return 'To continue, import the whole input again: rows that are written already stay as they are.';
  return `To continue, run the same command with ${queue ? '--watch' : '--resume'}.`;
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
