import { isDeepStrictEqual } from 'node:util';
import { GatewayError } from '../lib/error.ts';
import { DatatricsError, invalidResponse } from './errors.ts';
import { furthest, isLast, judgeShortPage, type PageSizes, pageSizeFor } from './page-size.ts';
import type { Page } from './responses.ts';

/**
 * Windows over a list that the API only gives in numbered pages. A window is a run of offsets; page `p` of size `L`
 * holds the offsets from `(p - 1) * L` on, so a window that one page of a suitable size covers costs one call, and any
 * other two neighbouring pages of the window's own size: never more than two calls.
 *
 * The API may cap `limit` without saying so. Then page `p` holds other offsets than requested, which must be noticed,
 * or rows would be lost or seen twice: see `judgeShortPage`. A second call, of no more rows than came, is then right in
 * any case: `readAround`.
 *
 * Beyond the end of a list, the API may answer an empty page, 404, or its last page once more. A total tells which rows
 * are real. Where there is none, a page is compared with the page before it, and with the row of the cursor that the
 * reader came with: that row is never behind itself.
 */

/** One REST call. `reversed` asks for the opposite order. */
export type FetchPage = (page: number, limit: number, reversed: boolean) => Promise<Page>;

/** How the rows of a list are told apart. */
export interface RowComparer {
  /** A digest of the row's key; undefined for a row without one. */
  markOf(row: unknown): string | undefined;
  /** Whether the list's order leaves open which of two rows comes first. */
  tied(a: unknown, b: unknown): boolean;
}

/** Which offsets are wanted. */
export type Range =
  /** `size` rows from offset `start` on; `after` is the mark of the row before them, where it is known. */
  | { readonly start: number; readonly size: number; readonly after?: string | undefined }
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
 * @throws GatewayError `UPSTREAM_UNSUPPORTED` for the end of a list of unknown length
 * @throws DatatricsError for a 404, unless a second call shows that the list exists and ends before that page
 */
export function readWindow(fetch: FetchPage, range: Range, sizes: PageSizes, comparer: RowComparer): Promise<Window> {
  return new WindowReader(fetch, sizes, comparer).read(range);
}

/** A run of rows at known offsets. */
interface Run {
  readonly start: number;
  readonly rows: readonly unknown[];
  /** Whether the list ends with this run. */
  readonly ends: boolean;
}

/** A page as it was read; `missing` is the 404 that came in its place. */
interface ReadPage extends Page {
  readonly missing?: DatatricsError;
}

/** Rows to ask for at the end of a list, at least: as cheap as a few, and mostly enough for one more call to do. */
const MIN_END_PAGE = 20;

class WindowReader {
  readonly #fetch: FetchPage;
  readonly #sizes: PageSizes;
  readonly #comparer: RowComparer;

  constructor(fetch: FetchPage, sizes: PageSizes, comparer: RowComparer) {
    this.#fetch = fetch;
    this.#sizes = sizes;
    this.#comparer = comparer;
  }

  read(range: Range): Promise<Window> {
    if ('last' in range) return this.#readEnd(range.last, range.from);
    if ('before' in range) return this.#readBefore(range.from, range.before);
    return this.#readFrom(range.start, range.size, range.after);
  }

  /** One call. Rows that are not the page's own are left out; a 404 for a page behind the first may mean the list's end. */
  async #page(number: number, limit: number, reversed = false): Promise<ReadPage> {
    try {
      const page = await this.#fetch(number, limit, reversed);
      if (page.total !== null && number > 1 && (number - 1) * limit >= page.total) return { ...page, rows: [] };
      this.#sizes.came(Math.min(page.rows.length, limit));
      return page;
    } catch (error) {
      if (number === 1 || !(error instanceof DatatricsError) || error.status !== 404) throw error;
      return { rows: [], total: null, pages: null, missing: error };
    }
  }

  async #readFrom(start: number, wanted: number, after: string | undefined): Promise<Window> {
    const limit = pageSizeFor(start, wanted, this.#sizes.max());
    const { page, number, shortness } = await this.#readFirst(start, limit, start - 1, after);
    if (page.missing) return this.#readNothing(start, page.missing);
    const { total } = page;
    const got = page.rows.length;
    const run: Run = { start: (number - 1) * limit, rows: page.rows, ends: isLast(page, number, limit) };
    if (shortness !== 'whole' && (number > 1 || start >= got)) {
      // One row more than wanted tells whether there is a next page.
      const reach = (size: number): number => Math.min(wanted + 1, size - (start % size));
      const again = await this.#readAround(start, reach, run, shortness, after);
      return cut(again.run, start, wanted, again.total ?? total);
    }

    const end = run.start + got;
    // The cursor's row comes last behind itself: the API repeated the list's last page, or the list grew in front.
    const isDoubtful = total === null && run.start === start && this.#endsWith(page.rows, after);
    if (!isDoubtful && (run.ends || (total === null ? end > start + wanted : end >= start + wanted))) {
      return cut(run, start, wanted, total);
    }

    // A capped first page is followed by pages of its own size; asking for that size is right in any case.
    const size = total === null ? limit : Math.min(limit, got);
    const second = await this.#page(number + 1, size);
    if (total === null && this.#isRepeat(page.rows, second.rows)) {
      return cut(isDoubtful ? { start, rows: [], ends: true } : { ...run, ends: true }, start, wanted, null);
    }
    if (got < limit && second.rows.length > 0) this.#sizes.capped(got);
    const rows = [...page.rows.slice(0, limit), ...second.rows.slice(0, limit)];
    const ends = second.rows.length < Math.min(limit, got);
    return cut({ start: run.start, rows, ends }, start, wanted, second.total ?? total);
  }

  /** The window at an offset for whose page the API answered 404: empty, if the list exists and is no longer than that. */
  async #readNothing(start: number, missing: DatatricsError): Promise<Window> {
    const { rows, total } = await this.#page(1, 1);
    if (total !== null && total > start) throw missing;
    return { rows: [], start, total, hasPrevious: rows.length > 0, hasNext: false };
  }

  /** Backwards from `to`: what does not fit is left out at the start. */
  async #readBefore(from: number, to: number): Promise<Window> {
    const max = this.#sizes.max();
    const start = Math.max(from, to - max);
    const limit = pageSizeFor(start, to - start, max);
    const { page, number, shortness } = await this.#readFirst(to - 1, limit);
    const run: Run = { start: (number - 1) * limit, rows: page.rows, ends: isLast(page, number, limit) };
    if (shortness !== 'whole' && (number > 1 || page.rows.length < to)) {
      const reach = (size: number): number => Math.min(to - from, ((to - 1) % size) + 1);
      const again = await this.#readAround(to - 1, reach, run, shortness);
      return cutBefore(again.run, from, to, again.total ?? page.total);
    }
    if (!page.missing && (run.start <= from || page.rows.length === 0)) return cutBefore(run, from, to, page.total);
    const earlier = await this.#page(number - 1, limit);
    if (page.missing && earlier.missing) throw page.missing;
    // An earlier page that is short is not next to the later one: the list has changed between the two calls. One that
    // is repeated, or is followed by a 404, is the list's last by now.
    const isEnd = page.missing !== undefined || (page.total === null && this.#isRepeat(earlier.rows, run.rows));
    const fits = isEnd || earlier.rows.length === limit;
    const rows = isEnd ? earlier.rows : [...earlier.rows, ...run.rows];
    const whole = fits ? { ...run, start: run.start - limit, rows } : run;
    return cutBefore(whole, from, to, page.total);
  }

  /**
   * The page of `limit` rows that should hold the offset, and what its length tells.
   * @param mark of the row at `markedOffset`: where the page has it in its place, the page is in its place too
   */
  async #readFirst(offset: number, limit: number, markedOffset = -1, mark?: string) {
    const number = Math.floor(offset / limit) + 1;
    const page = await this.#page(number, limit);
    if (page.rows.length > limit && number > 1) throw invalidResponse('more rows than a page was asked for');
    let shortness = judgeShortPage(page, number, limit, this.#sizes.proven());
    if (shortness === 'doubtful' && number > 1 && mark !== undefined) {
      const marked = page.rows[markedOffset - (number - 1) * limit];
      if (marked !== undefined && this.#comparer.markOf(marked) === mark) shortness = 'whole';
    }
    if (typeof shortness === 'number') this.#sizes.capped(shortness);
    return { page, number, shortness };
  }

  /**
   * Reads what lies at an offset after a page came short, and its rows may not be those of the requested offsets. A page
   * of no more rows than that one is right in any case; of those sizes, the one that reaches furthest is taken.
   *
   * @param first the short page, as if it had not been capped
   * @param before mark of the row before the offset
   */
  async #readAround(
    offset: number,
    reach: (size: number) => number,
    first: Run,
    shortness: 'doubtful' | number,
    before?: string,
  ): Promise<{ run: Run; total: number | null }> {
    const got = first.rows.length;
    const size = furthest(reach, got);
    const start = offset - (offset % size);
    const page = await this.#page(Math.floor(offset / size) + 1, size);
    const isBeyond = page.total === null && start === offset && this.#endsWith(page.rows, before);
    const rows = isBeyond ? [] : page.rows.slice(0, size);
    const run: Run = { start, rows, ends: rows.length < size };
    if (shortness === 'doubtful' && rows.length > 0) {
      // The short page was the list's last when nothing lies behind it, and both hold the same where they should.
      const at = Math.max(first.start, start);
      const ends = start + rows.length <= first.start + got;
      if (ends && this.#isSame(rows[at - start], first.rows[at - first.start])) {
        const earlier = rows.slice(0, at - start);
        const last = { start: at - earlier.length, rows: [...earlier, ...first.rows.slice(at - first.start)], ends };
        return { run: last, total: page.total };
      }
      this.#sizes.capped(got);
    }
    return { run, total: page.total };
  }

  /**
   * The API's own order reversed has the list's end on its first page, and says how long the list is. Rows that the order
   * does not tell apart may come in the same order both ways: then the end is read once more, forwards.
   */
  async #readEnd(wanted: number, from: number): Promise<Window> {
    const { tied } = this.#comparer;
    // More rows than wanted show whether the first one is tied with what lies before it, and that such pages are given.
    const limit = Math.min(Math.max(wanted * 2, MIN_END_PAGE), this.#sizes.max());
    const { rows, total } = await this.#page(1, limit, true);
    if (total === null) {
      throw new GatewayError(
        'UPSTREAM_UNSUPPORTED',
        'The Datatrics API does not return the length of this list, so the gateway can not read its end. Use first, or last with before.',
      );
    }
    if (rows.length > 0 && rows.length < Math.min(limit, total)) this.#sizes.capped(rows.length);
    const got = Math.max(0, Math.min(rows.length, wanted, total - from));
    const end = rows.slice(0, got).reverse();
    const isUnclear = end.some((row, i) => i > 0 && tied(row, end[i - 1]));
    const hasMore = got > 0 && got < total;
    const previous = rows[got];
    if (hasMore && previous === undefined && !isUnclear && got > 1) {
      const [before] = (await this.#page(got + 1, 1, true)).rows;
      if (tied(before, end[0])) end.shift();
    } else if (isUnclear || (hasMore && (previous === undefined || tied(previous, end[0])))) {
      const size = furthest((size) => Math.min(got, ((total - 1) % size) + 1), rows.length);
      const page = await this.#page(Math.ceil(total / size), size);
      if (page.rows.length === ((total - 1) % size) + 1) end.splice(0, got, ...page.rows.slice(-got));
    }
    return { rows: end, start: total - end.length, total, hasPrevious: end.length < total, hasNext: false };
  }

  #endsWith(rows: readonly unknown[], mark: string | undefined): boolean {
    return mark !== undefined && rows.length > 0 && this.#comparer.markOf(rows.at(-1)) === mark;
  }

  #isSame(a: unknown, b: unknown): boolean {
    const mark = this.#comparer.markOf(a);
    return mark === undefined ? isDeepStrictEqual(a, b) : mark === this.#comparer.markOf(b);
  }

  /**
   * Whether a page is the one before it once more: most rows of one are rows of the other. Fewer may be so by chance: a row
   * that was added between the two calls moves the last row of the first page to the second.
   */
  #isRepeat(page: readonly unknown[], next: readonly unknown[]): boolean {
    if (page.length === 0 || next.length === 0) return false;
    const marksOf = (rows: readonly unknown[]): Set<string> =>
      new Set(rows.map((row) => this.#comparer.markOf(row)).filter((mark) => mark !== undefined));
    const [marks, nextMarks] = [marksOf(page), marksOf(next)];
    if (marks.size === 0 || nextMarks.size === 0) return isDeepStrictEqual(page, next);
    return marks.intersection(nextMarks).size * 2 > Math.min(marks.size, nextMarks.size);
  }
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
