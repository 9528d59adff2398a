import type { Destination, Failure, Outcome, Sendable } from './destination.ts';
import { type Counts, type Journal, noCounts } from './journal.ts';
import { InputError } from './problem.ts';
import type { Row } from './records.ts';
import type { Rejects } from './rejects.ts';
import { type Window, type WinnerOf, windows } from './window.ts';

/** Bytes of the rows in flight at most. */
const MAX_BYTES = 67_108_864;

export interface RunOptions {
  readonly rows: AsyncIterable<readonly Row[]>;
  readonly destination: Destination;
  /** Whether rows stay unsent, which is no failure. */
  readonly dryRun: boolean;
  /** Finds the last row of a key in the whole file; undefined: only in its window. */
  readonly winnerOf: WinnerOf | undefined;
  readonly journal: Journal | null;
  readonly rejects: Rejects;
  /** Of the rows that an earlier run settled. */
  readonly counts: Counts;
  /** Rows that an earlier run upserted, but did not settle. */
  readonly known: ReadonlySet<number>;
  /** Receives the counts after each window. */
  readonly onProgress: (counts: Counts) => void;
  /** Aborted when the user asks to stop. */
  readonly signal: AbortSignal;
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
  readonly sent: ReturnType<Destination['send']>;
  isDone: boolean;
}

/**
 * Sends all rows in windows, several at once unless they write the same key. Settles the windows in the order of the input:
 * counts their rows, and writes rejects and checkpoints.
 */
export async function run(options: RunOptions): Promise<RunResult> {
  const { destination, dryRun, winnerOf, journal, rejects, known, signal } = options;
  const counts = { ...options.counts };
  /** In the order of the input. */
  const flights: Flight[] = [];
  let bytes = 0;
  /** Whether all rows so far have a final outcome. */
  let isSettled = true;

  function start(window: Window): void {
    const items: Sendable[] = [];
    for (const { row, item } of window.rows) {
      if (item && !window.later.has(row) && !known.has(row)) items.push(item);
    }
    const flight: Flight = { window, sent: destination.send(items), isDone: false };
    const onDone = (): void => {
      flight.isDone = true;
    };
    // `settleFirst` handles the rejection later.
    flight.sent.then(onDone, onDone);
    flights.push(flight);
    bytes += window.bytes;
  }

  async function settleFirst(): Promise<void> {
    const { window, sent } = flights[0] as Flight;
    const onSettled = await sent;
    flights.shift();
    bytes -= window.bytes;
    isSettled &&= onSettled !== null;
    if (onSettled === null) return;
    settle(window);
    await onSettled();
  }

  function settle({ rows, later }: Window): void {
    const added = noCounts();
    const refused: Parameters<Rejects['add']>[0][number][] = [];
    for (const row of rows) {
      const { outcome, problems } = outcomeOf(row, later.get(row.row), known);
      added.rows += 1;
      added[COUNTED[outcome]] += 1;
      if (outcome === 'REJECTED') refused.push({ row, problems });
    }
    for (const name of Object.keys(added) as (keyof Counts)[]) counts[name] += added[name];
    if (!dryRun && added.unknown + added.notAttempted > 0) isSettled = false;
    rejects.add(refused);
    if (isSettled) journal?.add({ upTo: rows.at(-1)?.row ?? 0, rejects: rejects.state(), counts });
    options.onProgress(counts);
  }

  let reason: string | null = null;
  const goesOn = (): boolean => isSettled && !signal.aborted;
  try {
    for await (const window of windows(options.rows, winnerOf)) {
      const mustWait = (): boolean =>
        bytes + window.bytes > MAX_BYTES || flights.some((flight) => !flight.window.keys.isDisjointFrom(window.keys));
      while (flights.length > 0 && mustWait() && goesOn()) await settleFirst();
      if (!goesOn()) break;
      start(window);
      while ((flights.length > destination.ahead || flights[0]?.isDone) && goesOn()) await settleFirst();
      if (!goesOn()) break;
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    reason = error.message;
  }
  while (flights.length > 0) await settleFirst();
  const { failure } = destination;
  if (signal.aborted) reason = 'The import was stopped.';
  else if (!isSettled) reason ??= failure?.message ?? 'The API did not report the outcome of some rows.';
  if (reason === null) journal?.add({ ended: true });
  return { counts, complete: reason === null, reason, failure: failure?.kind ?? null };
}

const COUNTED = {
  UPSERTED: 'upserted',
  REJECTED: 'rejected',
  NOT_ATTEMPTED: 'notAttempted',
  UNKNOWN: 'unknown',
} as const;

const UPSERTED: Outcome = { outcome: 'UPSERTED', problems: [] };

/** @param winner the row that replaces this one */
function outcomeOf({ row, item, problems }: Row, winner: number | undefined, known: ReadonlySet<number>): Outcome {
  if (winner !== undefined) {
    const message = `Row ${winner} has the same key and replaces this one.`;
    return { outcome: 'REJECTED', problems: [{ code: 'DUPLICATE', message }] };
  }
  if (item === null) return { outcome: 'REJECTED', problems };
  return known.has(row) ? UPSERTED : item.result;
}
