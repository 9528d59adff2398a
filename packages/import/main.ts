import { openSync } from 'node:fs';
import { constants } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { ReadStream } from 'node:tty';
import { environment } from '../../src/config/environment.ts';
import { connectApi, importConfig } from './api.ts';
import { createDirect, createDryRun, createPace, type Destination } from './destination.ts';
import { createGatewayTarget, MUTATION_BYTES } from './gateway.ts';
import { openLedger } from './ledger.ts';
import { type ImportOptions, readOptions } from './options.ts';
import { InputError, runCommand, UsageError } from './problem.ts';
import type { QueuedImport } from './queue.ts';
import { createProgress, exitCodeOf, outcomesOf, renderMapping, renderSummary, summarize } from './report.ts';
import { openInput } from './rows.ts';
import { type RunResult, run, type WinnerOf } from './run.ts';

/** ms for calls in flight after a signal. An unavailable Redis never answers. */
const STOP_MS = 10_000;

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

/** One sentence about how to continue an import that has not ended. */
function goOn({ queue, journal }: ImportOptions): string {
  if (journal === null) return 'To continue, import the whole input again: rows that are written stay as they are.';
  return `To continue, run the same command with ${queue ? '--watch' : '--resume'}.`;
}

const codeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];

await runCommand('import', async () => {
  const start = performance.now();
  const env = environment();
  const options = readOptions(process.argv.slice(2), env);
  if (options === null) return 0;
  const config = importConfig(env, options.gateway);
  const { queue, dryRun, json, quiet } = options;
  const silent = quiet || (json && !process.stderr.isTTY);
  const stopping = new AbortController();
  const { signal } = stopping;
  let signalled: NodeJS.Signals | null = null;
  let queued: QueuedImport | undefined;
  /** Rows of the file, where they are counted in advance. */
  let total: number | null = null;
  const bar = createProgress(silent, () => {
    const { rows } = bar.counts();
    if (total !== null) return rows / Math.max(1, total);
    const read = input.source.part();
    return read && Math.min(1, (read * rows) / Math.max(1, input.rowsRead()));
  });
  const note = (text: string): void => (silent ? undefined : bar.print(text));
  const exitAtOnce = (name: NodeJS.Signals): void => {
    const settled = queued
      ? ''
      : ` So far: ${outcomesOf(bar.counts())}. The outcome of the calls in flight is unknown.`;
    bar.print(`\nStopped.${settled} ${goOn(options)}`);
    process.exit(codeOf(name));
  };
  const onSignal = (name: NodeJS.Signals): void => {
    if (signalled) exitAtOnce(name);
    signalled = name;
    const remaining = queued ? 'Workers continue with the rows in the queue' : 'Waiting for the calls in flight';
    bar.print(`\nStopping. ${remaining}. A second signal exits at once.`);
    stopping.abort();
    setTimeout(exitAtOnce, STOP_MS, name).unref();
  };

  // Checks the header before it changes the journal of an earlier run.
  const input = await openInput(options, config, signal);
  note(renderMapping(input.mapping));
  if (!options.yes && !dryRun && !options.resume && !(await confirm())) throw new UsageError('Nothing was sent.');
  try {
    if (queue) {
      // Loaded on demand, since BullMQ takes 20 MB.
      const { openQueue } = await import('./queue.ts');
      const print = (text: string): void => (quiet ? undefined : bar.print(text));
      queued = await openQueue(options, config, print, (progress) => {
        total = progress.total;
        bar.update(progress.counts);
      });
    }
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    const ledger = await openLedger(options, config, input, queued?.run);
    const { counts, rejectsPath, upTo, ended } = ledger.progress;
    total = ledger.progress.total;
    bar.update(counts);
    if (ledger.isChanged) {
      bar.print(`${rejectsPath} is missing or was changed: a new file gets the rows rejected from now on.`);
    }
    let result: RunResult = { counts, reason: null, failure: null };
    let destination: Destination | undefined;
    if (!ended) {
      let winnerOf: WinnerOf | undefined;
      if (queued) {
        note('Looking for rows with the same key.');
        ({ rows: total, winnerOf } = await queued.findLastRows(input.rows(0)));
        ledger.add({ total });
      }
      const { resource, gateway, callsPerSecond, concurrency = config.bulkLimits.concurrency } = options;
      const limits = { ...config.bulkLimits, concurrency };
      if (gateway) limits.chunkBytes = Math.min(limits.chunkBytes, MUTATION_BYTES);
      if (dryRun) destination = createDryRun(limits);
      else if (queued) destination = queued.destination(limits, signal);
      else {
        const target = gateway
          ? createGatewayTarget(gateway, options, concurrency)
          : connectApi(config, concurrency)(resource);
        const onRetry = (reason: string): void => note(`${reason} Trying again.`);
        const hooks = { signal, onUpserted: ledger.addUpserted, onRetry };
        destination = createDirect({ resource, target, limits, pace: createPace(callsPerSecond), ...hooks });
      }
      const rows = input.rows(upTo);
      result = await run({ rows, destination, dryRun, winnerOf, ledger, onProgress: bar.update, signal });
      // Removes jobs that reappeared because Redis lost its last second of writes.
      if (result.reason === null) await queued?.clear();
    }
    bar.end();
    const resumedRows = counts.rows + ledger.known.size;
    const summary = summarize(options, input, result, destination, resumedRows, ledger.path(), start);
    process.stdout.write(json ? `${JSON.stringify(summary)}\n` : renderSummary(summary, goOn(options)));
    return signalled ? codeOf(signalled) : exitCodeOf(summary);
  } catch (error) {
    if (signalled && error instanceof InputError) return codeOf(signalled);
    throw error;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    bar.end();
  }
});
