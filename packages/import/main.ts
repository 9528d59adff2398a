import './memory.ts';
import { createHash } from 'node:crypto';
import { createReadStream, openSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { ReadStream } from 'node:tty';
import type { Config } from '../../src/config/config.ts';
import { environment } from '../../src/config/environment.ts';
import { connectApi, importConfig } from './api.ts';
import { createDirect, createDryRun, type Destination, type DirectOptions, type Target } from './destination.ts';
import { type Counts, openJournal, readJournal, START } from './journal.ts';
import { type ImportOptions, readOptions } from './options.ts';
import { createPace } from './pace.ts';
import { InputError, UsageError, usageProblem } from './problem.ts';
import { createProgress, outcomesOf } from './progress.ts';
import type { QueueSession } from './queue/session.ts';
import { createRejects } from './rejects.ts';
import { openInput } from './rows.ts';
import { type RunResult, run } from './run.ts';
import { exitCodeOf, renderMapping, renderSummary, summarize } from './summary.ts';
import { WINDOWS, type WinnerOf } from './window.ts';

/** ms for calls in flight after a signal. An unavailable Redis never answers. */
const STOP_MS = 10_000;
/** Attempts for a call with a temporary failure; with their pauses they take some minutes. */
const ATTEMPTS = 10;

/** Digest of the options that affect the rows that are sent, or their destination. A journal is valid for one digest. */
function fingerprint(options: ImportOptions, config: Config): string {
  const { headers, concurrency, callsPerSecond, resume, watch, json, quiet, yes, file, journal, ...rest } = options;
  const { upstream, project, timeZone: zone, bulkLimits } = config;
  const to = options.gateway ? {} : { upstream, project };
  const chunks = { bytes: bulkLimits.chunkBytes, items: bulkLimits.chunkItems, WINDOWS };
  const entries = Object.entries({ ...rest, map: [...options.map], to, zone, chunks });
  // The order of the options says nothing.
  return createHash('sha256').update(JSON.stringify(entries.toSorted())).digest('hex');
}

/**
 * Opens the journal; null for an import that has none.
 * @param run id of a queued import; undefined for a direct one
 */
async function startJournal(options: ImportOptions, config: Config, run?: string) {
  const { journal: path, file, resume } = options;
  if (path === null) return null;
  const { header, progress } = readJournal(path);
  if (!run && header?.run !== undefined && !progress.ended) {
    throw new UsageError(`${path} belongs to a queued import: finish it with --watch, or delete the file.`);
  }
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1_048_576 })) digest.update(chunk as Buffer);
  const own = { journal: 1, file: digest.digest('hex'), options: fingerprint(options, config) } as const;
  return openJournal(path, run === undefined ? own : { ...own, run }, resume);
}

/** Asks at the terminal whether to go on. Returns true without a terminal. */
async function confirm(): Promise<boolean> {
  if (!process.stderr.isTTY) return true;
  let input: ReadStream;
  try {
    // Standard input may have the rows. A file stream would read on in a thread that no exit interrupts.
    input = new ReadStream(openSync('/dev/tty', 'r'));
  } catch {
    return true;
  }
  const lines = createInterface({ input, output: process.stderr, terminal: false });
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  process.stderr.write('Write these? (y/N) ');
  const answer = await Promise.race([lines.question(''), closed]);
  lines.close();
  input.destroy();
  return /^y(es)?$/i.test(answer.trim());
}

async function runImport(options: ImportOptions, env: Readonly<Record<string, string | undefined>>): Promise<number> {
  const start = performance.now();
  const config = importConfig(env, options.gateway);
  const { queue, dryRun, json, quiet } = options;
  const silent = quiet || (json && !process.stderr.isTTY);
  const print = (text: string): void => void process.stderr.write(`${text}\n`);
  const stopping = new AbortController();
  const { signal } = stopping;
  let signalled: NodeJS.Signals | null = null;
  let session: QueueSession | undefined;
  let { counts } = START;
  const exitAtOnce = (name: NodeJS.Signals): void => {
    const settled = session ? '' : ` So far: ${outcomesOf(counts)}. The outcome of the calls in flight is unknown.`;
    print(`\nStopped.${settled} ${goOn(options)}`);
    process.exit(codeOf(name));
  };
  const onSignal = (name: NodeJS.Signals): void => {
    if (signalled) exitAtOnce(name);
    signalled = name;
    const remaining = session ? 'Workers continue with the rows in the queue' : 'Waiting for the calls in flight';
    print(`\nStopping. ${remaining}. A second signal exits at once.`);
    stopping.abort();
    setTimeout(exitAtOnce, STOP_MS, name).unref();
  };

  // Checks the header before it changes the journal of an earlier run.
  const input = await openInput(options, config, signal);
  const { source, header } = input;
  if (!silent) print(renderMapping(input.mapping));
  if (!options.yes && !dryRun && !options.resume && !(await confirm())) throw new UsageError('Nothing was sent.');

  let rowsInAll: number | undefined;
  const part = (): number | undefined => {
    if (rowsInAll !== undefined) return counts.rows / Math.max(1, rowsInAll);
    const read = source.part();
    return read === undefined ? undefined : (read * counts.rows) / Math.max(1, input.rowsRead());
  };
  let bar: ReturnType<typeof createProgress> | undefined;
  const onProgress = (now: Counts): void => {
    bar ??= createProgress(silent, part, now.rows);
    counts = now;
    bar.update(now);
  };
  try {
    if (queue) {
      // Loaded on demand, since BullMQ takes 20 MB.
      const { openSession } = await import('./queue/session.ts');
      session = await openSession(options, config, (text) => (quiet ? undefined : print(text)), onProgress);
    }
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    const opened = await startJournal(options, config, session?.run);
    const { journal = null, known = new Set<number>() } = opened ?? {};
    const { upTo, rejectsPath, ended, ...before } = opened?.progress ?? START;
    onProgress(before.counts);
    const resumedRows = counts.rows + known.size;
    const onCreate = (path: string): void => journal?.add({ rejectsPath: path });
    const rejects = createRejects(options, header, source.separator, onCreate);
    if (rejectsPath !== null && !rejects.resume(rejectsPath, before.rejects)) {
      print(`${rejectsPath} is missing or was changed: a new file gets the rows rejected from now on.`);
    }
    let result: RunResult = { counts, complete: true, reason: null, failure: null };
    let destination: Destination | undefined;
    if (!ended) {
      let winnerOf: WinnerOf | undefined;
      if (session) {
        if (!silent) print('Looking for rows with the same key.');
        const { findLastRows } = await import('./queue/last-rows.ts');
        ({ rows: rowsInAll, winnerOf } = await findLastRows((await openInput(options, config, signal)).rows(0)));
      }
      let lastReason = '';
      const onRetry = (reason: string): void => {
        if (!silent && reason !== lastReason) bar?.print(`${reason} Trying again.`);
        lastReason = reason;
      };
      const onUpserted = (rows: readonly number[]): void => journal?.addRows(rows);
      destination = await createDestination(options, config, { signal, onUpserted, onRetry }, session);
      const rows = input.rows(upTo);
      result = await run({ rows, destination, dryRun, winnerOf, journal, rejects, counts, known, onProgress, signal });
      // Removes jobs that reappeared because Redis lost its last second of writes.
      if (result.complete) await session?.clear();
    }
    bar?.end();
    const summary = summarize(options, input, result, destination, resumedRows, rejects.path(), start);
    process.stdout.write(json ? `${JSON.stringify(summary)}\n` : renderSummary(summary, goOn(options)));
    return signalled ? codeOf(signalled) : exitCodeOf(summary);
  } catch (error) {
    if (signalled && error instanceof InputError) return codeOf(signalled);
    throw error;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    bar?.end();
    session?.close();
  }
}

async function createDestination(
  options: ImportOptions,
  config: Config,
  hooks: Pick<DirectOptions, 'signal' | 'onUpserted' | 'onRetry'>,
  session: QueueSession | undefined,
): Promise<Destination> {
  const { resource, gateway: url, callsPerSecond, dryRun } = options;
  const concurrency = options.concurrency ?? config.bulkLimits.concurrency;
  const limits = { ...config.bulkLimits, concurrency, extraRequests: Number.POSITIVE_INFINITY };
  if (dryRun) return createDryRun(limits);
  if (session) {
    const { createQueued } = await import('./queue/destination.ts');
    return createQueued(session, options, limits, hooks.signal);
  }
  let target: Target;
  if (url) {
    // Loaded on demand, since few imports use a gateway.
    const { createGatewayTarget, MUTATION_BYTES } = await import('./gateway.ts');
    target = createGatewayTarget(url, options, concurrency);
    limits.chunkBytes = Math.min(limits.chunkBytes, MUTATION_BYTES);
  } else target = connectApi(config, concurrency)(resource);
  const pace = createPace(callsPerSecond);
  return createDirect({ resource, target, timeZone: config.timeZone, limits, pace, attempts: ATTEMPTS, ...hooks });
}

/** One sentence about how to continue an import that has not ended. */
function goOn({ queue, journal }: ImportOptions): string {
  if (journal === null) return 'To continue, import the whole input again: rows that are written stay as they are.';
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
  const usage = usageProblem(error);
  if (usage === null && !(error instanceof InputError)) throw error;
  process.stderr.write(
    usage === null ? `${(error as Error).message}\n` : `${usage}\n\nSee npm run import -- --help.\n`,
  );
  process.exit(usage === null ? 1 : 2);
}
