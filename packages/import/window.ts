import type { Sendable } from './destination.ts';
import type { Row } from './records.ts';

/**
 * Limits of a window, in rows and bytes. Every run of a file cuts the same windows. So it does not depend on where an earlier
 * run stopped which of two rows with the same key is sent.
 */
const WINDOW_ROWS = 1_000;
const WINDOW_BYTES = 4_194_304;
/** Part of a journal's options digest: a journal of other window limits is invalid. */
export const WINDOWS = `${WINDOW_ROWS} rows, ${WINDOW_BYTES} bytes`;

/** Rows that are sent and settled together. */
export interface Window {
  readonly rows: readonly Row[];
  /** Bytes of the rows. */
  readonly bytes: number;
  /** Rows whose key occurs again, with the last row of that key. */
  readonly later: ReadonlyMap<number, number>;
  /** Names of the keys that no other window in flight may write. */
  readonly keys: ReadonlySet<string>;
}

/** Returns the last row with the same key as an item. */
export type WinnerOf = (item: Sendable) => number;

/**
 * Cuts rows into windows. The rows must start after the last settled window.
 * @param winnerOf finds the last row of a key in the whole file; undefined: only in its window
 */
export async function* windows(batches: AsyncIterable<readonly Row[]>, winnerOf?: WinnerOf): AsyncGenerator<Window> {
  let rows: Row[] = [];
  let bytes = 0;
  for await (const batch of batches) {
    for (const row of batch) {
      rows.push(row);
      bytes += row.size;
      if (rows.length < WINDOW_ROWS && bytes < WINDOW_BYTES) continue;
      yield toWindow(rows, bytes, winnerOf);
      rows = [];
      bytes = 0;
    }
  }
  if (rows.length > 0) yield toWindow(rows, bytes, winnerOf);
}

function toWindow(rows: readonly Row[], bytes: number, winnerOf?: WinnerOf): Window {
  const last = new Map<string, number>();
  const later = new Map<number, number>();
  if (!winnerOf) for (const { row, item } of rows) if (item) last.set(item.name, row);
  for (const { row, item } of rows) {
    const winner = item ? (winnerOf?.(item) ?? last.get(item.name) ?? row) : row;
    if (winner !== row) later.set(row, winner);
  }
  return { rows, bytes, later, keys: new Set(last.keys()) };
}
