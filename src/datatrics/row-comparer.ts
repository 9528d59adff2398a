import { isDeepStrictEqual } from 'node:util';

export interface RowComparer {
  /** A digest of the row's key; undefined for a row without one. */
  markOf(row: unknown): string | undefined;
  /** Whether two rows have equal sort values, so that the API may return them in either order. */
  isTied(a: unknown, b: unknown): boolean;
}

export function endsWith({ markOf }: RowComparer, rows: readonly unknown[], mark: string | undefined): boolean {
  return mark !== undefined && rows.length > 0 && markOf(rows.at(-1)) === mark;
}

/** By key, or by value for a row without one. */
export function isSameRow({ markOf }: RowComparer, a: unknown, b: unknown): boolean {
  const mark = markOf(a);
  return mark === undefined ? isDeepStrictEqual(a, b) : mark === markOf(b);
}

/**
 * Whether the API repeated a page instead of returning the next one: more than half of the rows are the same. Fewer equal
 * rows may be chance: a row that is added between the two calls moves the last row of the first page to the second.
 */
export function isRepeat({ markOf }: RowComparer, page: readonly unknown[], next: readonly unknown[]): boolean {
  if (page.length === 0 || next.length === 0) return false;
  const marksOf = (rows: readonly unknown[]): Set<string> =>
    new Set(rows.map((row) => markOf(row)).filter((mark) => mark !== undefined));
  const [marks, nextMarks] = [marksOf(page), marksOf(next)];
  if (marks.size === 0 || nextMarks.size === 0) return isDeepStrictEqual(page, next);
  return marks.intersection(nextMarks).size * 2 > Math.min(marks.size, nextMarks.size);
}
