import type { Page } from './responses.ts';

/** What is known of a list's page size, kept from call to call. */
export interface PageSizes {
  /** Rows to ask for at most: the configured limit, or the API's cap where one was met. */
  max(): number;
  /** The largest page that the API is known to give. */
  proven(): number;
  /** A page of `rows` rows came where more were requested and exist. */
  capped(rows: number): void;
  /** A page of `rows` rows came. */
  came(rows: number): void;
}

/** The size of the pages in which to read a window: one page's where that is not much more than the window. */
export function pageSizeFor(start: number, wanted: number, max: number): number {
  const size = Math.min(wanted, max);
  return onePageSize(start, size, Math.min(max, size * 2)) ?? size;
}

/** The smallest page size up to `max` that puts the offsets from `start` to `start + size - 1` on one page, or null. */
function onePageSize(start: number, size: number, max: number): number | null {
  for (let limit = size; limit <= max; limit++) {
    if (Math.floor(start / limit) === Math.floor((start + size - 1) / limit)) return limit;
  }
  return null;
}

/** The page size up to `max` of the largest reach, the larger one among equals. */
export function furthest(reach: (size: number) => number, max: number): number {
  let best = 1;
  for (let size = 2; size <= max; size++) if (reach(size) >= reach(best)) best = size;
  return best;
}

/**
 * What a page tells that came with fewer rows than requested. `whole`: it is the list's last, its rows are at the
 * requested offsets (so is a full page). A number: the API gives only so many rows a page. `doubtful`: one of the two.
 *
 * On the first page the offsets are right in any case. Later on totals decide: a list that ends with the page has just
 * the records before it and on it, and more pages of a smaller size.
 */
export function judgeShortPage(
  page: Page,
  number: number,
  limit: number,
  proven: number,
): 'whole' | 'doubtful' | number {
  const got = page.rows.length;
  const { total, pages } = page;
  if (got === 0 || got >= limit) return 'whole';
  if (number === 1 && total !== null) return total > got ? got : 'whole';
  if (limit <= proven) return 'whole';
  if (total === null || pages === null) return 'doubtful';
  if (pages > number) return pages === Math.ceil(total / got) ? got : 'doubtful';
  if (total === (number - 1) * limit + got) return 'whole';
  // The last page, but of smaller ones than requested.
  const size = (total - got) / (number - 1);
  return Number.isInteger(size) && size > got && size < limit ? size : 'doubtful';
}

/** Whether the list surely ends with this page. */
export function isLast(page: Page, number: number, limit: number): boolean {
  if (page.rows.length === 0) return true;
  return page.total !== null && (number - 1) * limit + page.rows.length >= page.total;
}
