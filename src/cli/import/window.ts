import type { Row } from './rows.ts';

/**
 * Rows, and bytes of them, that are settled together. Windows are cut the same way in every run of a file, so that what
 * depends on them (which of two rows with one key counts) does not depend on where a run was cut off.
 */
const WINDOW_ROWS = 1_000;
const WINDOW_BYTES = 4_194_304;
/** Part of a journal's options: windows cut otherwise make another run. */
export const WINDOWS = `${WINDOW_ROWS} rows, ${WINDOW_BYTES} bytes`;

/** Rows that are settled together. */
export interface Window {
  readonly rows: readonly Row[];
  /** Rows whose key a later row of the window has, with that row. */
  readonly later: ReadonlyMap<number, number>;
  /** Keys of what is to be written. */
  readonly names: ReadonlySet<string>;
}

/** Cuts rows into windows; those up to `after` belong to windows that are settled. */
export async function* windows(rows: AsyncIterable<Row>, after: number): AsyncGenerator<Window> {
  let window: Row[] = [];
  let bytes = 0;
  for await (const row of rows) {
    if (row.row <= after) continue;
    window.push(row);
    bytes += row.bytes.length;
    if (window.length < WINDOW_ROWS && bytes < WINDOW_BYTES) continue;
    yield toWindow(window);
    window = [];
    bytes = 0;
  }
  if (window.length > 0) yield toWindow(window);
}

function toWindow(rows: readonly Row[]): Window {
  const last = new Map<string, number>();
  for (const { row, item } of rows) if (item?.pending) last.set(item.pending.name, row);
  const later = new Map<number, number>();
  for (const { row, item } of rows) {
    const winner = item?.pending && last.get(item.pending.name);
    if (winner !== undefined && winner !== null && winner !== row) later.set(row, winner);
  }
  return { rows, later, names: new Set(last.keys()) };
}
