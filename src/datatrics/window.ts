/** A part of a list, with its place in the list. */
export interface Window<R = unknown> {
  readonly rows: readonly R[];
  readonly start: number;
  /** Number of records in the whole list; null where the API does not return it. */
  readonly total: number | null;
  readonly hasPrevious: boolean;
  readonly hasNext: boolean;
}

/** Consecutive rows at known offsets. */
export interface Run {
  readonly start: number;
  readonly rows: readonly unknown[];
  readonly ends: boolean;
}

/** The window of up to `wanted` rows from offset `start` on. */
export function windowFrom(run: Run, start: number, wanted: number, total: number | null): Window {
  const from = Math.max(0, start - run.start);
  let rows = run.rows.slice(from, from + wanted);
  const end = start + rows.length;
  let hasNext: boolean;
  if (total !== null) hasNext = rows.length > 0 && end < total;
  else if (end < run.start + run.rows.length) hasNext = true;
  else if (run.ends || rows.length === 0) hasNext = false;
  else {
    // It is unknown whether the list continues. Leave the last row to the next page, so that the next page exists.
    // A single row must stay: an empty next page is better than a list that stops early.
    if (rows.length > 1) rows = rows.slice(0, -1);
    hasNext = true;
  }
  return { rows, start, total, hasPrevious: start > 0 && total !== 0, hasNext };
}

/** The window from offset `from` up to, without, offset `to`: the offset of a record when its cursor was made. */
export function windowBefore(run: Run, from: number, to: number, total: number | null): Window {
  const start = Math.max(from, run.start);
  const rows = run.rows.slice(start - run.start, Math.max(0, to - run.start));
  const end = start + rows.length;
  const hasNext = total === null ? end < run.start + run.rows.length || !run.ends : rows.length > 0 && end < total;
  return { rows, start, total, hasPrevious: start > 0 && total !== 0, hasNext };
}
