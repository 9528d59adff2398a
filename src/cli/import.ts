import './import/memory.ts';
import { createHash } from 'node:crypto';
import { cutChunks } from '../bulk/chunk.ts';
import { type Config, ConfigError, environment, readConfig } from '../config.ts';
import { ENDPOINTS } from '../datatrics/endpoints.ts';
import { createApiDestination } from './import/api.ts';
import { Columns } from './import/columns.ts';
import { Converter } from './import/convert.ts';
import type { Destination } from './import/destination.ts';
import { frames } from './import/frame.ts';
import { GatewayDestination } from './import/gateway.ts';
import { Journal, noCounts, type Progress } from './import/journal.ts';
import { type ImportOptions, readOptions } from './import/options.ts';
import { Pace } from './import/pace.ts';
import { InputError, UsageError } from './import/problem.ts';
import { ProgressBar } from './import/progress.ts';
import { Rejects } from './import/rejects.ts';
import { type Row, RowReader } from './import/rows.ts';
import { run } from './import/run.ts';
import { digestOf, openSource } from './import/source.ts';
import { exitCodeOf, renderSummary, type Summary } from './import/summary.ts';
import { WINDOWS } from './import/window.ts';

const FRESH: Progress = {
  checkpoint: { upTo: 0, rejectsBytes: 0, counts: noCounts() },
  known: new Set(),
  ended: false,
};

/** Settings for the way to the API; with a gateway only limits and zone are used. */
function settings(options: ImportOptions, env: Readonly<Record<string, string | undefined>>): Config {
  if (!options.gateway && !env.DATATRICS_URL) {
    throw new UsageError(
      'Where to? Set DATATRICS_URL, DATATRICS_PROJECT and DATATRICS_API_KEY, or give --gateway URL.',
    );
  }
  // Who may ask a gateway, and where it listens, is of no matter here.
  const config = readConfig({
    ...env,
    AUTH_MODE: 'open',
    HOST: '127.0.0.1',
    ...(options.gateway && { DATATRICS_URL: '' }),
  });
  return config;
}

/** What decides on what is sent, and where to: a journal of other options is of no use. */
function fingerprint(options: ImportOptions, config: Config): string {
  const { map, ignore, gateway, headers, concurrency, callsPerSecond, resume, json, quiet, file, journal, ...rest } =
    options;
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

async function openJournal(
  options: ImportOptions,
  config: Config,
): Promise<{ journal: Journal | null; progress: Progress }> {
  if (options.journal === null) return { journal: null, progress: FRESH };
  const header = { journal: 1, file: await digestOf(options.file), options: fingerprint(options, config) } as const;
  if (options.resume) return Journal.resume(options.journal, header);
  return { journal: Journal.create(options.journal, header), progress: FRESH };
}

function createDestination(options: ImportOptions, config: Config, pace: Pace): Destination {
  const { resource, gateway, headers } = options;
  const concurrency = options.concurrency ?? config.bulkLimits.concurrency;
  const items = config.bulkLimits.chunkItems ?? ENDPOINTS.bulkProfiles.maxItems;
  if (gateway) return new GatewayDestination({ url: gateway, headers, resource, concurrency, items, pace });
  const limits = { ...config.bulkLimits, concurrency, extraRequests: Number.POSITIVE_INFINITY };
  return createApiDestination(resource, config, limits, pace);
}

/** Counts the calls that rows would take. */
async function* countCalls(
  rows: AsyncIterable<Row>,
  config: Config,
  add: (calls: number) => void,
): AsyncGenerator<Row> {
  let pending: NonNullable<NonNullable<Row['item']>['pending']>[] = [];
  const items = config.bulkLimits.chunkItems ?? ENDPOINTS.bulkProfiles.maxItems;
  const flush = (): void => {
    add(cutChunks(pending, items, config.bulkLimits.chunkBytes).length);
    pending = [];
  };
  for await (const row of rows) {
    if (row.item?.pending) pending.push(row.item.pending);
    if (pending.length === items * 40) flush();
    yield row;
  }
  flush();
}

async function runImport(options: ImportOptions, env: Readonly<Record<string, string | undefined>>): Promise<number> {
  const start = performance.now();
  const config = settings(options, env);
  const { resource } = options;
  const source = await openSource(options);
  const columns = new Columns(options);
  const converter = new Converter({ ...options, columns, timeZone: options.timeZone ?? config.timeZone });
  const { format, separator, encoding } = source;
  const read = frames(source.bytes, { format, separator, maxRowBytes: config.bulkLimits.chunkBytes });
  const rejects = new Rejects(options.rejects);
  let opened: { journal: Journal | null; progress: Progress } | undefined;
  let bar: ProgressBar | undefined;
  let destination: Destination | null = null;
  let requests = 0;
  let stop = (): void => undefined;
  const stopping = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let signalled: NodeJS.Signals | null = null;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (signalled) process.exit(codeOf(signal));
    signalled = signal;
    process.stderr.write('\nStopping: calls under way are finished. Once more ends it at once.\n');
    stop();
  };

  const reader = new RowReader({
    resource,
    format,
    separator,
    columns,
    converter,
    timeZone: config.timeZone,
    mapped: [...options.map.keys(), ...options.ignore],
    needsSource: options.source === undefined,
  });
  try {
    // The header is judged before a journal or rejects of an earlier run are touched.
    const batches = await reader.begin(read);
    opened = await openJournal(options, config);
    const { journal, progress } = opened;
    const { checkpoint, known } = progress;
    rejects.setColumns(reader.header?.columns ?? null, separator);
    if (!rejects.cutTo(checkpoint.rejectsBytes)) {
      process.stderr.write(`${options.rejects} is gone or was changed: rows rejected from here on begin a new one.\n`);
      rejects.clear();
    }
    if (!options.dryRun && !progress.ended)
      destination = createDestination(options, config, new Pace(options.callsPerSecond));
    bar = new ProgressBar({
      stream: process.stderr,
      silent: options.quiet || (options.json && !process.stderr.isTTY),
      size: source.size,
      bytesRead: source.bytesRead,
      before: checkpoint.counts.rows,
    });
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    const rows = reader.rows(batches, checkpoint.upTo);
    const counted = options.dryRun
      ? countCalls(rows, config, (calls) => {
          requests += calls;
        })
      : rows;
    const result = progress.ended
      ? { counts: checkpoint.counts, complete: true, reason: null }
      : await run({
          rows: counted,
          destination,
          journal,
          rejects,
          checkpoint,
          known,
          onProgress: (counts) => bar?.update(counts),
          stop: stopping,
        });
    bar.end();
    const summary: Summary = {
      resource,
      file: options.file,
      dryRun: options.dryRun,
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
  }
}

function codeOf(signal: NodeJS.Signals): number {
  return signal === 'SIGINT' ? 130 : 143;
}

try {
  const env = environment();
  const options = readOptions(process.argv.slice(2), env);
  // Not `process.exitCode` alone: standard input may be open still.
  if (options) process.exit(await runImport(options, env));
} catch (error) {
  const isUsage = error instanceof UsageError || error instanceof ConfigError;
  if (!isUsage && !(error instanceof InputError)) throw error;
  process.stderr.write(`${error.message}\n${isUsage ? '\nnpm run import -- --help tells more.\n' : ''}`);
  process.exit(isUsage ? 2 : 1);
}
