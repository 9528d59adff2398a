import { GatewayError } from '../lib/error.ts';
import { invalidResponse } from './errors.ts';
import type { Page } from './wire.ts';

/**
 * Windows over a list that the API only gives in numbered pages. A window is a run of offsets; page `p` of size `L`
 * holds the offsets from `(p - 1) * L` on, so a window that one page of a suitable size covers costs one call, and any
 * other two neighbouring pages of the window's own size: never more than two calls.
 *
 * The API may cap `limit` without saying so. Then page `p` holds other offsets than asked for, which must be noticed,
 * or rows would be lost or seen twice: see `judgeShortPage`.
 */

/** One REST call. `reversed` asks for the opposite order. */
export type FetchPage = (page: number, limit: number, reversed: boolean) => Promise<Page>;

/** What is known of a list's page size, kept from call to call. */
export interface PageSizes {
  /** Rows to ask for at most: the configured limit, or the API's cap where one was met. */
  max(): number;
  /** The largest page that the API is known to give. */
  proven(): number;
  /** A page of `rows` rows came where more were asked for and exist. */
  capped(rows: number): void;
  /** A page came as large as it was asked for. */
  full(rows: number): void;
}

/** Which offsets are wanted. */
export type Range =
  /** `size` rows from offset `start` on. */
  | { readonly start: number; readonly size: number }
  /** The last `size` rows, none before offset `from`. */
  | { readonly last: number; readonly from: number };

export interface Window {
  readonly rows: readonly unknown[];
  /** Offset of the first row. */
  readonly start: number;
  /** Records of the whole list, null where the API does not say. */
  readonly total: number | null;
  readonly hasPrevious: boolean;
  readonly hasNext: boolean;
}

/** @throws GatewayError `UPSTREAM_UNSUPPORTED` for the end of a list of unknown length */
export function readWindow(fetch: FetchPage, range: Range, sizes: PageSizes): Promise<Window> {
  return 'last' in range
    ? readEnd(fetch, range.last, range.from, sizes)
    : readFrom(fetch, range.start, range.size, sizes);
}

/** A run of rows at known offsets. */
interface Run {
  readonly start: number;
  readonly rows: readonly unknown[];
  /** Whether the list ends with this run. */
  readonly ends: boolean;
}

async function readFrom(fetch: FetchPage, start: number, wanted: number, sizes: PageSizes): Promise<Window> {
  const limit = pageSizeFor(start, wanted, sizes.max());
  const number = Math.floor(start / limit) + 1;
  const first = await fetch(number, limit, false);
  const got = first.rows.length;
  if (got > limit && number > 1) throw invalidResponse('more rows than a page was asked for');
  if (got >= limit) sizes.full(limit);

  const shortness = judgeShortPage(first, number, limit, sizes.proven());
  if (shortness === 'capped') sizes.capped(got);
  if (shortness !== 'whole' && number > 1) {
    // The rows may not be those of the offsets asked for. A page of the size that came is right in any case.
    const again = await fetch(Math.floor(start / got) + 1, got, false);
    const run = { start: start - (start % got), rows: again.rows.slice(0, got), ends: again.rows.length < got };
    return cut(run, start, wanted, again.total);
  }

  const run: Run = { start: (number - 1) * limit, rows: first.rows, ends: isLast(first, number, limit) };
  const end = run.start + got;
  const { total } = first;
  if (run.ends || (total === null ? end > start + wanted : end >= start + wanted))
    return cut(run, start, wanted, total);

  // A capped first page is followed by pages of its own size; asking for that size is right in any case.
  const size = total === null ? limit : Math.min(limit, got);
  const second = await fetch(number + 1, size, false);
  if (got < limit && second.rows.length > 0) sizes.capped(got);
  const rows = [...first.rows.slice(0, limit), ...second.rows.slice(0, limit)];
  const ends = second.rows.length < Math.min(limit, got);
  return cut({ start: run.start, rows, ends }, start, wanted, second.total ?? total);
}

/** The API's own order reversed has the list's end on its first page, and says how long the list is. */
async function readEnd(fetch: FetchPage, wanted: number, from: number, sizes: PageSizes): Promise<Window> {
  const limit = Math.min(wanted, sizes.max());
  const { rows, total } = await fetch(1, limit, true);
  if (total === null) {
    throw new GatewayError(
      'UPSTREAM_UNSUPPORTED',
      'The Datatrics API does not say how long this list is, so its end has no place in it. Use first, or last with before.',
    );
  }
  if (rows.length >= limit) sizes.full(limit);
  else if (rows.length > 0 && rows.length < total) sizes.capped(rows.length);
  const got = Math.max(0, Math.min(rows.length, limit, total - from));
  return { rows: rows.slice(0, got).reverse(), start: total - got, total, hasPrevious: got < total, hasNext: false };
}

/** The size of the pages in which to read a window: one page's where that is not much more than the window. */
function pageSizeFor(start: number, wanted: number, max: number): number {
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

/**
 * What a page tells that came with fewer rows than asked for. `whole`: it is the list's last, its rows are at the
 * offsets asked for (so is a full page). `capped`: the API gives smaller pages than asked for. `doubtful`: one of the two.
 *
 * On the first page the offsets are right in any case. Later on the number of pages decides: a last page of `rows` rows
 * and a capped page of `rows` rows never belong to lists of equally many pages.
 */
function judgeShortPage(page: Page, number: number, limit: number, proven: number): 'whole' | 'capped' | 'doubtful' {
  const got = page.rows.length;
  const { total, pages } = page;
  if (got === 0 || got >= limit) return 'whole';
  if (number === 1) return total !== null && total > got ? 'capped' : 'whole';
  if (limit <= proven) return 'whole';
  if (total === null || pages === null) return 'doubtful';
  const fitsWhole = pages === Math.ceil(total / limit);
  const fitsCapped = pages === Math.ceil(total / got);
  if (fitsWhole === fitsCapped) return 'doubtful';
  return fitsWhole ? 'whole' : 'capped';
}

/** Whether the list surely ends with this page. */
function isLast(page: Page, number: number, limit: number): boolean {
  if (page.rows.length === 0) return true;
  return page.total !== null && (number - 1) * limit + page.rows.length >= page.total;
}

/** The part of a run that was wanted, and what lies around it. */
function cut(run: Run, start: number, wanted: number, total: number | null): Window {
  const from = Math.max(0, start - run.start);
  let rows = run.rows.slice(from, from + wanted);
  const end = start + rows.length;
  const runEnd = run.start + run.rows.length;
  let hasNext: boolean;
  if (total !== null) hasNext = rows.length > 0 && end < total;
  else if (end < runEnd) hasNext = true;
  else if (run.ends || rows.length < 2) hasNext = false;
  else {
    // Nothing is known of what follows. Leave the last row for the next page: then there surely is one.
    rows = rows.slice(0, -1);
    hasNext = true;
  }
  return { rows, start, total, hasPrevious: start > 0 && total !== 0, hasNext };
}
