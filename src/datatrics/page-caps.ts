import type { Page } from './responses.ts';

/** What earlier calls showed about the page size of a list. */
export interface PageSizes {
  /** Most rows to request: the configured limit, or the API's cap if one is known. */
  max(): number;
  /** Rows of the largest page that the API returned; 0 if none is known. */
  largestSeen(): number;
  /** Records a cap: the API returned `rows` rows although more were requested and exist. */
  noteCap(rows: number): void;
  notePage(rows: number): void;
}

/** The smallest page size up to `max` and up to twice `wanted` that puts a window on one page, otherwise the window's size. */
export function pageSizeFor(start: number, wanted: number, max: number): number {
  const size = Math.min(wanted, max);
  for (let limit = size; limit <= Math.min(max, size * 2); limit++) {
    if (Math.floor(start / limit) === Math.floor((start + size - 1) / limit)) return limit;
  }
  return size;
}

/**
 * The page size up to `max` with the largest coverage; among equals the larger size.
 * @param coverage number of wanted rows on a page of a given size
 */
export function bestPageSize(coverage: (size: number) => number, max: number): number {
  let best = 1;
  for (let size = 2; size <= max; size++) if (coverage(size) >= coverage(best)) best = size;
  return best;
}

/**
 * Judges whether a page with fewer rows than requested is the last page or was capped by the API.
 *
 * The first page's offsets are always correct. For later pages the totals decide. If the page ends the list, the total is
 * the number of rows before it and on it. If the page was capped, the totals fit a smaller page size.
 *
 * @param number of the page, from 1
 * @returns `whole`: the rows are at the requested offsets (the last page of the list, or a full page). A number: the API's
 *   cap on rows per page. `doubtful`: either of the two
 */
export function judgeShortPage(
  { rows, total, pages }: Page,
  number: number,
  limit: number,
  largestSeen: number,
): 'whole' | 'doubtful' | number {
  const got = rows.length;
  if (got === 0 || got >= limit) return 'whole';
  if (number === 1 && total !== null) return total > got ? got : 'whole';
  if (limit <= largestSeen) return 'whole';
  if (total === null || pages === null) return 'doubtful';
  if (pages > number) return pages === Math.ceil(total / got) ? got : 'doubtful';
  if (total === (number - 1) * limit + got) return 'whole';
  // The last page of a list in smaller pages than requested.
  const size = (total - got) / (number - 1);
  return Number.isInteger(size) && size > got && size < limit ? size : 'doubtful';
}

/** Whether the list certainly ends with this page; false if unknown. */
export function isLast({ rows, total }: Page, number: number, limit: number): boolean {
  return rows.length === 0 || (total !== null && (number - 1) * limit + rows.length >= total);
}
