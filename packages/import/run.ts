import { setTimeout as sleep } from 'node:timers/promises';
import type { Destination, Failure, Outcome, Sendable } from './destination.ts';
import type { Counts } from './journal.ts';
import { InputError } from './problem.ts';
import type { Row } from './rows.ts';
import { Settler, type SettlerOptions } from './settler.ts';
import { until, type Window, windows } from './window.ts';

/** ms for calls in flight to finish after the user has asked to stop. */
const STOP_GRACE_MS = 10_000;

export interface RunOptions extends SettlerOptions {
  readonly rows: AsyncIterable<readonly Row[]>;
  /** Null: send nothing (--dry-run). */
  readonly destination: Destination | null;
  /** Resolves when the user asks to stop. */
  readonly stop: Promise<void>;
}

export interface RunResult {
  readonly counts: Readonly<Counts>;
  /** Whether every row of the input is settled. */
  readonly complete: boolean;
  /** Why not; null when complete. */
  readonly reason: string | null;
  /** The kind of failure that ended the import. */
  readonly failure: Failure['kind'] | null;
}

/** A window in flight. */
interface Flight {
  readonly window: Window;
  readonly sent: Promise<void>;
}

/**
 * Sends all rows in windows. Settles each row: counts it, and adds it to the journal, or to the rejects if it was rejected.
 * Sends the next window while the previous one is in flight, unless both write the same key.
 */
export async function run(options: RunOptions): Promise<RunResult> {
  const { destination, known } = options;
  const settler = new Settler(options, destination !== null);
  let stopped = false;
  let isLate = false;
  let giveUp = (): void => undefined;
  options.stop.then(async () => {
    stopped = true;
    destination?.stop();
    await sleep(STOP_GRACE_MS, undefined, { ref: false });
    isLate = true;
    giveUp();
  });

  /** Waits for a window. Returns false when the time after a stop is up. `Promise.race` would keep all windows in memory. */
  function isDone({ sent }: Flight): Promise<boolean> {
    return new Promise((resolve, reject) => {
      giveUp = () => resolve(false);
      if (isLate) giveUp();
      sent.then(() => resolve(true), reject);
    });
  }

  function start(window: Window): Flight {
    const items: Sendable[] = [];
    for (const { row, item } of window.rows) {
      if (item && !window.later.has(row) && !known.has(row)) items.push(item);
    }
    const sent = destination?.send(items, (rows) => options.journal?.noteIn(rows)) ?? Promise.resolve();
    // `isDone` handles the rejection later.
    sent.catch(() => undefined);
    return { window, sent };
  }

  let flight: Flight | null = null;
  let reason: string | null = null;
  const finish = async (): Promise<boolean> => {
    const current = flight as Flight;
    flight = null;
    return settler.settle(current.window, (await isDone(current)) ? resultOf : lateResultOf);
  };

  let isSettled = true;
  try {
    for await (const window of until(options.stop, windows(options.rows))) {
      if (stopped) break;
      if (flight !== null && !flight.window.keys.isDisjointFrom(window.keys)) isSettled = await finish();
      if (!isSettled) break;
      const next = start(window);
      if (flight !== null) isSettled = await finish();
      flight = next;
      if (!isSettled) break;
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    reason = error.message;
  }
  if (flight !== null) isSettled = (await finish()) && isSettled;
  if (stopped) reason = 'The import was stopped.';
  else if (!isSettled) reason ??= destination?.failure?.message ?? 'The API did not report the outcome of some rows.';
  if (reason === null) options.journal?.end();
  const failure = destination?.failure?.kind ?? null;
  return { counts: settler.counts, complete: reason === null, reason, failure };
}

function resultOf({ item }: Row): Outcome {
  return item?.result ?? UNKNOWN;
}

/** Returns the outcome of a row after the time is up: a row without a result may still be in flight. */
function lateResultOf({ item }: Row): Outcome {
  return item && item.result.outcome !== 'NOT_ATTEMPTED' ? item.result : UNKNOWN;
}

const UNKNOWN: Outcome = { outcome: 'UNKNOWN', problems: [] };
