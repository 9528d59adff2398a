import type { Destination, Failure, Outcome, Sendable } from './destination.ts';
import type { Counts, Ledger } from './ledger.ts';
import { InputError } from './problem.ts';
import type { Row } from './records.ts';

/** Every run of a file cuts the same windows, so that a resumed run sends the same one of two rows with the same key. */
const WINDOW_ROWS = 1_000;
const WINDOW_BYTES = 4_194_304;
/** Part of a journal's options digest. */
export const WINDOWS = `${WINDOW_ROWS} rows, ${WINDOW_BYTES} bytes`;

/** Rows that are sent and settled together. */
export type Window = ReturnType<typeof toWindow>;

/** Returns the last row of the file with the same key as an item. */
export type WinnerOf = (item: Sendable) => number;

export interface RunOptions {
  readonly rows: AsyncIterable<readonly Row[]>;
  readonly destination: Destination;
  /** Whether rows stay unsent, which is no failure. */
  readonly dryRun: boolean;
  /** Undefined: of the rows in a window with the same key, the last one counts. */
  readonly winnerOf: WinnerOf | undefined;
  readonly ledger: Ledger;
  readonly onProgress: (counts: Counts) => void;
  readonly signal: AbortSignal;
}

export interface RunResult {
  readonly counts: Readonly<Counts>;
  /** Why not every row of the input is settled; null if it is. */
  readonly reason: string | null;
  readonly failure: Failure['kind'] | null;
}

/**
 * Sends all rows in windows, several at once unless they write the same key. Settles the windows in the order of the input:
 * counts their rows, and writes rejects and checkpoints.
 */
export async function run(options: RunOptions): Promise<RunResult> {
  const { destination, dryRun, winnerOf, ledger, signal, onProgress } = options;
  const { known, progress } = ledger;
  const counts = { ...progress.counts };
  /** Windows in flight, in the order of the input. */
  const flights: { readonly keys: Window['keys']; readonly settled: Promise<void> }[] = [];
  /** Whether all rows so far have a final outcome. */
  let isSettled = true;
  let reason: string | null = null;
  const goesOn = (): boolean => isSettled && !signal.aborted;

  function start({ rows, later, keys }: Window): void {
    const items: Sendable[] = [];
    for (const { row, item } of rows) if (item && !later.has(row) && !known.has(row)) items.push(item);
    const sent = Promise.all([destination.send(items), flights.at(-1)?.settled]);
    const settled = sent.then(async ([onSettled]) => {
      isSettled &&= onSettled !== null;
      if (onSettled !== null) settle(rows, later);
      await onSettled?.();
      flights.shift();
    });
    // The loop below handles the rejection.
    settled.catch(() => undefined);
    flights.push({ keys, settled });
  }

  function settle(rows: Window['rows'], later: Window['later']): void {
    const refused: Parameters<Ledger['addRejects']>[0][number][] = [];
    for (const row of rows) {
      const { outcome, problems } = outcomeOf(row, later.get(row.row), known);
      counts.rows += 1;
      counts[COUNTED[outcome]] += 1;
      if (outcome === 'REJECTED') refused.push({ row, problems });
      else if (outcome !== 'UPSERTED' && !dryRun) isSettled = false;
    }
    ledger.addRejects(refused);
    if (isSettled) ledger.settle(rows.at(-1)?.row ?? 0, counts);
    onProgress(counts);
  }

  try {
    for await (const window of windows(options.rows, winnerOf)) {
      const mustWait = (): boolean =>
        flights.length > destination.ahead || flights.some(({ keys }) => !keys.isDisjointFrom(window.keys));
      while (flights[0] && mustWait() && goesOn()) await flights[0].settled;
      if (!goesOn()) break;
      start(window);
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    reason = error.message;
  }
  await flights.at(-1)?.settled;
  const { failure } = destination;
  if (signal.aborted) reason = 'The import was stopped.';
  else if (!isSettled) reason ??= failure?.message ?? 'The API did not report the outcome of some rows.';
  if (reason === null) ledger.add({ ended: true });
  return { counts, reason, failure: failure?.kind ?? null };
}

const COUNTED = {
  UPSERTED: 'upserted',
  REJECTED: 'rejected',
  NOT_ATTEMPTED: 'notAttempted',
  UNKNOWN: 'unknown',
} as const;

/** @param winner the row that replaces this one */
function outcomeOf({ row, item, problems }: Row, winner: number | undefined, known: ReadonlySet<number>): Outcome {
  if (winner !== undefined) {
    const message = `Row ${winner} has the same key and replaces this one.`;
    return { outcome: 'REJECTED', problems: [{ code: 'DUPLICATE', message }] };
  }
  if (item === null) return { outcome: 'REJECTED', problems };
  return known.has(row) ? { outcome: 'UPSERTED', problems } : item.result;
}

/** Cuts rows into windows. The rows must start after the last settled window. */
export async function* windows(batches: AsyncIterable<readonly Row[]>, winnerOf?: WinnerOf): AsyncGenerator<Window> {
  let rows: Row[] = [];
  let bytes = 0;
  for await (const batch of batches) {
    for (const row of batch) {
      rows.push(row);
      bytes += row.size;
      if (rows.length < WINDOW_ROWS && bytes < WINDOW_BYTES) continue;
      yield toWindow(rows, winnerOf);
      rows = [];
      bytes = 0;
    }
  }
  if (rows.length > 0) yield toWindow(rows, winnerOf);
}

function toWindow(rows: readonly Row[], winnerOf?: WinnerOf) {
  const last = new Map<string, number>();
  /** Rows whose key occurs again, with the last row of that key. */
  const later = new Map<number, number>();
  if (!winnerOf) for (const { row, item } of rows) if (item) last.set(item.name, row);
  for (const { row, item } of rows) {
    const winner = item ? (winnerOf?.(item) ?? last.get(item.name) ?? row) : row;
    if (winner !== row) later.set(row, winner);
  }
  // No other window in flight may write the same keys.
  return { rows, later, keys: new Set(last.keys()) };
}
