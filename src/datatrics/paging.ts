import { isDeepStrictEqual } from 'node:util';
import { GatewayError } from '../lib/error.ts';
import { invalidResponse } from './errors.ts';
import type { Page } from './wire.ts';

/**
 * Windows over a list that the API only gives in numbered pages. A window is a run of offsets; page `p` of size `L`
 * holds the offsets from `(p - 1) * L` on, so a window that one page of a suitable size covers costs one call, and any
 * other two neighbouring pages of the window's own size: never more than two calls.
 *
 * The API may cap `limit` without saying so. Then page `p` holds other offsets than asked for, which must be noticed,
 * or rows would be lost or seen twice: see `judgeShortPage`. A second call, of no more rows than came, is then right in
 * any case: `readAround`.
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
  /** The rows right before offset `before`, none before offset `from`. */
  | { readonly before: number; readonly from: number }
  /** The last `last` rows, none before offset `from`. */
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

/**
 * A window may hold fewer rows than wanted where the API gives small pages; it never leaves out one at the side where the
 * reader came from.
 *
 * @param tied whether the list's order leaves open which of two rows comes first
 * @throws GatewayError `UPSTREAM_UNSUPPORTED` for the end of a list of unknown length
 */
export function readWindow(
  fetch: FetchPage,
  range: Range,
  sizes: PageSizes,
  tied: (a: unknown, b: unknown) => boolean,
): Promise<Window> {
  if ('last' in range) return readEnd(fetch, range.last, range.from, sizes, tied);
  if ('before' in range) return readBefore(fetch, range.from, range.before, sizes);
  return readFrom(fetch, range.start, range.size, sizes);
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
  const { page, number, shortness } = await readFirst(fetch, start, limit, sizes);
  const got = page.rows.length;
  const run: Run = { start: (number - 1) * limit, rows: page.rows, ends: isLast(page, number, limit) };
  if (shortness !== 'whole' && (number > 1 || start >= got)) {
    // One row more than wanted tells whether there is a next page.
    const reach = (size: number): number => Math.min(wanted + 1, size - (start % size));
    const again = await readAround(fetch, start, reach, run, shortness, sizes);
    return cut(again.run, start, wanted, again.total);
  }

  const end = run.start + got;
  const { total } = page;
  if (run.ends || (total === null ? end > start + wanted : end >= start + wanted))
    return cut(run, start, wanted, total);

  // A capped first page is followed by pages of its own size; asking for that size is right in any case.
  const size = total === null ? limit : Math.min(limit, got);
  const second = await fetch(number + 1, size, false);
  if (got < limit && second.rows.length > 0) sizes.capped(got);
  const rows = [...page.rows.slice(0, limit), ...second.rows.slice(0, limit)];
  const ends = second.rows.length < Math.min(limit, got);
  return cut({ start: run.start, rows, ends }, start, wanted, second.total ?? total);
}

/** Backwards from `to`: what does not fit is left out at the start. */
async function readBefore(fetch: FetchPage, from: number, to: number, sizes: PageSizes): Promise<Window> {
  const max = sizes.max();
  const start = Math.max(from, to - max);
  const limit = pageSizeFor(start, to - start, max);
  const { page, number, shortness } = await readFirst(fetch, to - 1, limit, sizes);
  const run: Run = { start: (number - 1) * limit, rows: page.rows, ends: isLast(page, number, limit) };
  if (shortness !== 'whole' && (number > 1 || page.rows.length < to)) {
    const reach = (size: number): number => Math.min(to - from, ((to - 1) % size) + 1);
    const again = await readAround(fetch, to - 1, reach, run, shortness, sizes);
    return cutBefore(again.run, from, to, again.total);
  }
  if (run.start <= from || page.rows.length === 0) return cutBefore(run, from, to, page.total);
  const earlier = await fetch(number - 1, limit, false);
  // An earlier page that is short is not next to the later one: the list has changed between the two calls.
  const fits = earlier.rows.length === limit;
  const whole = fits ? { ...run, start: run.start - limit, rows: [...earlier.rows, ...run.rows] } : run;
  return cutBefore(whole, from, to, page.total);
}

/** The page of `limit` rows that should hold the offset, and what its length tells. */
async function readFirst(fetch: FetchPage, offset: number, limit: number, sizes: PageSizes) {
  const number = Math.floor(offset / limit) + 1;
  const page = await fetch(number, limit, false);
  const got = page.rows.length;
  if (got > limit && number > 1) throw invalidResponse('more rows than a page was asked for');
  if (got >= limit) sizes.full(limit);
  const shortness = judgeShortPage(page, number, limit, sizes.proven());
  if (typeof shortness === 'number') sizes.capped(shortness);
  return { page, number, shortness };
}

/**
 * Reads what lies at an offset after a page came short, and its rows may not be those of the offsets asked for. A page of
 * no more rows than that one is right in any case; of those sizes, the one that reaches furthest is taken.
 *
 * @param first the short page, as if it had not been capped
 */
async function readAround(
  fetch: FetchPage,
  offset: number,
  reach: (size: number) => number,
  first: Run,
  shortness: 'doubtful' | number,
  sizes: PageSizes,
): Promise<{ run: Run; total: number | null }> {
  const got = first.rows.length;
  const size = furthest(reach, got);
  const page = await fetch(Math.floor(offset / size) + 1, size, false);
  const rows = page.rows.slice(0, size);
  const run: Run = { start: offset - (offset % size), rows, ends: rows.length < size };
  if (shortness === 'doubtful' && rows.length > 0) {
    // The short page was the list's last when nothing lies behind it, and both hold the same where they should.
    const at = Math.max(first.start, run.start);
    const ends = run.start + rows.length <= first.start + got;
    if (ends && isDeepStrictEqual(rows[at - run.start], first.rows[at - first.start])) {
      const before = rows.slice(0, at - run.start);
      const last = { start: at - before.length, rows: [...before, ...first.rows.slice(at - first.start)], ends };
      return { run: last, total: page.total };
    }
    sizes.capped(got);
  }
  return { run, total: page.total };
}

/** Rows to ask for at the end of a list, at least: as cheap as a few, and mostly enough for one more call to do. */
const MIN_END_PAGE = 20;

/**
 * The API's own order reversed has the list's end on its first page, and says how long the list is. Rows that the order
 * does not tell apart may come in the same order both ways: then the end is read once more, forwards.
 */
async function readEnd(
  fetch: FetchPage,
  wanted: number,
  from: number,
  sizes: PageSizes,
  tied: (a: unknown, b: unknown) => boolean,
): Promise<Window> {
  // More rows than wanted show whether the first one is tied with what lies before it, and that such pages are given.
  const limit = Math.min(Math.max(wanted * 2, MIN_END_PAGE), sizes.max());
  const { rows, total } = await fetch(1, limit, true);
  if (total === null) {
    throw new GatewayError(
      'UPSTREAM_UNSUPPORTED',
      'The Datatrics API does not say how long this list is, so its end has no place in it. Use first, or last with before.',
    );
  }
  if (rows.length >= limit) sizes.full(limit);
  else if (rows.length > 0 && rows.length < total) sizes.capped(rows.length);
  const got = Math.max(0, Math.min(rows.length, wanted, total - from));
  const end = rows.slice(0, got).reverse();
  const isUnclear = end.some((row, i) => i > 0 && tied(row, end[i - 1]));
  const hasMore = got > 0 && got < total;
  const previous = rows[got];
  if (hasMore && previous === undefined && !isUnclear && got > 1) {
    const [before] = (await fetch(got + 1, 1, true)).rows;
    if (tied(before, end[0])) end.shift();
  } else if (isUnclear || (hasMore && (previous === undefined || tied(previous, end[0])))) {
    const size = furthest((size) => Math.min(got, ((total - 1) % size) + 1), rows.length);
    const page = await fetch(Math.ceil(total / size), size, false);
    if (page.rows.length === ((total - 1) % size) + 1) end.splice(0, got, ...page.rows.slice(-got));
  }
  return { rows: end, start: total - end.length, total, hasPrevious: end.length < total, hasNext: false };
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

/** The page size up to `max` of the largest reach, the larger one among equals. */
function furthest(reach: (size: number) => number, max: number): number {
  let best = 1;
  for (let size = 2; size <= max; size++) if (reach(size) >= reach(best)) best = size;
  return best;
}

/**
 * What a page tells that came with fewer rows than asked for. `whole`: it is the list's last, its rows are at the
 * offsets asked for (so is a full page). A number: the API gives only so many rows a page. `doubtful`: one of the two.
 *
 * On the first page the offsets are right in any case. Later on totals decide: a list that ends with the page has just
 * the records before it and on it, and more pages of a smaller size.
 */
function judgeShortPage(page: Page, number: number, limit: number, proven: number): 'whole' | 'doubtful' | number {
  const got = page.rows.length;
  const { total, pages } = page;
  if (got === 0 || got >= limit) return 'whole';
  if (number === 1 && total !== null) return total > got ? got : 'whole';
  if (limit <= proven) return 'whole';
  if (total === null || pages === null) return 'doubtful';
  if (pages > number) return pages === Math.ceil(total / got) ? got : 'doubtful';
  if (total === (number - 1) * limit + got) return 'whole';
  // The last page, but of smaller ones than asked for.
  const size = (total - got) / (number - 1);
  return Number.isInteger(size) && size > got && size < limit ? size : 'doubtful';
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
  else if (run.ends || rows.length === 0) hasNext = false;
  else {
    // Nothing is known of what follows. Leave the last row for the next page: then there surely is one. A single row can
    // not be left; better a next page that turns out empty than a list that breaks off.
    if (rows.length > 1) rows = rows.slice(0, -1);
    hasNext = true;
  }
  return { rows, start, total, hasPrevious: start > 0 && total !== 0, hasNext };
}

/** The part of a run from offset `from` up to `to`, where a record was when its cursor was given. */
function cutBefore(run: Run, from: number, to: number, total: number | null): Window {
  const start = Math.max(from, run.start);
  const rows = run.rows.slice(start - run.start, Math.max(0, to - run.start));
  const end = start + rows.length;
  const runEnd = run.start + run.rows.length;
  const hasNext = total === null ? end < runEnd || !run.ends : rows.length > 0 && end < total;
  return { rows, start, total, hasPrevious: start > 0 && total !== 0, hasNext };
}
