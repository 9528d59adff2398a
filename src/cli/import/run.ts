import { setTimeout as sleep } from 'node:timers/promises';
import type { Destination, Outcome, Sendable } from './destination.ts';
import type { Counts } from './journal.ts';
import { InputError } from './problem.ts';
import type { Row } from './rows.ts';
import { Settler, type SettlerOptions } from './settler.ts';
import { type Window, windows } from './window.ts';

/** ms that calls under way get when the user has asked to stop. */
const STOP_GRACE_MS = 10_000;

export interface RunOptions extends SettlerOptions {
  readonly rows: AsyncIterable<Row>;
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
  readonly outcomes: Promise<Map<number, Outcome>>;
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

  /** Outcomes; null when the time is up after a stop. No `Promise.race`: it would hold all outcomes until the end. */
  function outcomesOf({ outcomes }: Flight): Promise<Map<number, Outcome> | null> {
    return new Promise((resolve, reject) => {
      giveUp = () => resolve(null);
      if (isLate) giveUp();
      outcomes.then(resolve, reject);
    });
  }

  function start(window: Window): Flight {
    const items = window.rows.flatMap(({ row, item, input }): Sendable[] =>
      item?.pending && input && !window.later.has(row) && !known.has(row) ? [{ pending: item.pending, input }] : [],
    );
    const outcomes =
      destination?.send(items, (rows) => options.journal?.noteIn(rows)) ?? Promise.resolve(new Map<number, Outcome>());
    // Looked at when its turn comes.
    outcomes.catch(() => undefined);
    return { window, outcomes };
  }

  let flight: Flight | null = null;
  let reason: string | null = null;
  const finish = async (): Promise<boolean> => {
    const current = flight as Flight;
    flight = null;
    const outcomes = await outcomesOf(current);
    return settler.settle(current.window, outcomes);
  };

  let isWell = true;
  try {
    for await (const window of windows(options.rows, options.checkpoint.upTo)) {
      if (stopped) break;
      if (flight !== null && shares(flight.window.names, window.names)) isWell = await finish();
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

function shares(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return !a.isDisjointFrom(b);
}
