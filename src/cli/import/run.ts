import { setTimeout as sleep } from 'node:timers/promises';
import type { Destination, Outcome, Sendable } from './destination.ts';
import type { Counts } from './journal.ts';
import { InputError } from './problem.ts';
import type { Row } from './rows.ts';
import { Settler, type SettlerOptions } from './settler.ts';
import { until, type Window, windows } from './window.ts';

/** ms that calls under way get when the user has asked to stop. */
const STOP_GRACE_MS = 10_000;

export interface RunOptions extends SettlerOptions {
  readonly rows: AsyncIterable<readonly Row[]>;
  /** Null: nothing is sent. */
  readonly destination: Destination | null;
  /** Resolves when the user asks to stop. */
  readonly stop: Promise<void>;
}

export interface RunResult {
  readonly counts: Readonly<Counts>;
  /** Whether every row of the input was settled. */
  readonly complete: boolean;
  /** Why not. */
  readonly reason: string | null;
}

/** A window under way. */
interface Flight {
  readonly window: Window;
  readonly sent: Promise<void>;
}

/**
 * Sends all rows, a window at a time, and settles each: counted, in the journal, and among the rejects when it did not go
 * in. The next window is sent while the one before it is under way, unless both write one key.
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

  /** Waits for a window; false when the time is up after a stop. No `Promise.race`: it would hold all windows. */
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
    // Looked at when its turn comes.
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

  let isWell = true;
  try {
    for await (const window of until(options.stop, windows(options.rows))) {
      if (stopped) break;
      if (flight !== null && !flight.window.keys.isDisjointFrom(window.keys)) isWell = await finish();
      if (!isWell) break;
      const next = start(window);
      if (flight !== null) isWell = await finish();
      flight = next;
      if (!isWell) break;
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    reason = error.message;
  }
  if (flight !== null) isWell = (await finish()) && isWell;
  if (stopped) reason = 'It was stopped.';
  else if (!isWell) reason ??= destination?.failure ?? 'The API did not say what became of some rows.';
  if (reason === null) options.journal?.end();
  return { counts: settler.counts, complete: reason === null, reason };
}

function resultOf({ item }: Row): Outcome {
  return item?.result ?? UNKNOWN;
}

/** Nobody knows what will become of what has no result yet. */
function lateResultOf({ item }: Row): Outcome {
  return item && item.result.outcome !== 'NOT_ATTEMPTED' ? item.result : UNKNOWN;
}

const UNKNOWN: Outcome = { outcome: 'UNKNOWN', problems: [] };
