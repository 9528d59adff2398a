import { GatewayError } from '../lib/error.ts';
import { DatatricsError, invalidResponse } from './errors.ts';
import { bestPageSize, isLast, judgeShortPage, type PageSizes, pageSizeFor } from './page-caps.ts';
import type { Page } from './responses.ts';
import { endsWith, isRepeat, isSameRow, type RowComparer } from './row-comparer.ts';
import { type Run, type Window, windowBefore, windowFrom } from './window.ts';

/**
 * Reads windows (ranges of offsets) of lists, although the API only has numbered pages. Page `p` of size `L` starts at
 * offset `(p - 1) * L`. A window that fits on one page of a suitable size costs one call. Any other window costs two calls:
 * two neighbouring pages of the window's own size.
 *
 * The API may silently cap `limit`. Then page `p` starts at another offset than requested. `judgeShortPage` detects this,
 * since rows would otherwise be lost or returned twice. `#rereadSmaller` then makes a second call for no more rows than the
 * API returned. Its offsets are correct with and without a cap.
 *
 * Past the end of a list, the API may answer an empty page, 404, or the last page again. A total shows which rows are real.
 * Without a total, the reader compares a page with the previous page, and with the row of the client's cursor: a row never
 * follows itself.
 */

/** Makes one REST call. `page` counts from 1. */
type FetchPage = (page: number, limit: number, reversed: boolean) => Promise<Page>;

export type Range =
  /** `size` rows from offset `start` on. `after` is the mark of the row before them, if known. */
  | { readonly start: number; readonly size: number; readonly after?: string | undefined }
  /** The rows from offset `from` up to, without, offset `before`. */
  | { readonly before: number; readonly from: number }
  /** The last `last` rows, but none before offset `from`. */
  | { readonly last: number; readonly from: number };

/**
 * Reads a window of a list. The window may have fewer rows than requested where the API returns small pages. The rows next
 * to the cursor, from which the client pages on, are always there.
 *
 * @throws GatewayError `UPSTREAM_UNSUPPORTED` for the end of a list of unknown length
 * @throws DatatricsError for a 404, unless a second call shows that the list exists and ends before that page
 */
export function readWindow(fetch: FetchPage, range: Range, sizes: PageSizes, comparer: RowComparer): Promise<Window> {
  const reader = new WindowReader(fetch, sizes, comparer);
  if ('last' in range) return reader.readEnd(range.last, range.from);
  if ('before' in range) return reader.readBefore(range.from, range.before);
  return reader.readFrom(range.start, range.size, range.after);
}

interface ReadPage extends Page {
  readonly notFound?: DatatricsError;
}

/** Least number of rows to request at the end of a list. It usually saves a call when rows are tied. */
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

  /**
   * Makes one call. Drops the rows of a page that lies past the total: the API repeated its last page. A 404 for any page
   * but the first may mean the end of the list.
   */
  async #page(number: number, limit: number, reversed = false): Promise<ReadPage> {
    try {
      const page = await this.#fetch(number, limit, reversed);
      if (page.total !== null && number > 1 && (number - 1) * limit >= page.total) return { ...page, rows: [] };
      this.#sizes.notePage(Math.min(page.rows.length, limit));
      return page;
    } catch (error) {
      if (number === 1 || !(error instanceof DatatricsError) || error.status !== 404) throw error;
      return { rows: [], total: null, pages: null, notFound: error };
    }
  }

  async readFrom(start: number, wanted: number, after: string | undefined): Promise<Window> {
    const limit = pageSizeFor(start, wanted, this.#sizes.max());
    const { page, number, shortness } = await this.#readFirst(start, limit, start - 1, after);
    if (page.notFound) return this.#readPastEnd(start, page.notFound);
    const { total } = page;
    const got = page.rows.length;
    const run: Run = { start: (number - 1) * limit, rows: page.rows, ends: isLast(page, number, limit) };
    if (shortness !== 'whole' && (number > 1 || start >= got)) {
      // One more row than wanted shows whether there is a next page.
      const coverage = (size: number): number => Math.min(wanted + 1, size - (start % size));
      const again = await this.#rereadSmaller(start, coverage, run, shortness, after);
      return windowFrom(again.run, start, wanted, again.total ?? total);
    }

    const end = run.start + got;
    // The page ends with the cursor's row: the API repeated the list's last page, or rows were added before the cursor.
    const mayBePastEnd = total === null && run.start === start && endsWith(this.#comparer, page.rows, after);
    if (!mayBePastEnd && (run.ends || (total === null ? end > start + wanted : end >= start + wanted))) {
      return windowFrom(run, start, wanted, total);
    }

    // If the first page was capped, the next one has its size too. Without a cap, that size is correct as well.
    const size = total === null ? limit : Math.min(limit, got);
    const second = await this.#page(number + 1, size);
    if (total === null && isRepeat(this.#comparer, page.rows, second.rows)) {
      return windowFrom(mayBePastEnd ? { start, rows: [], ends: true } : { ...run, ends: true }, start, wanted, null);
    }
    if (got < limit && second.rows.length > 0) this.#sizes.noteCap(got);
    const rows = [...page.rows.slice(0, limit), ...second.rows.slice(0, limit)];
    const ends = second.rows.length < Math.min(limit, got);
    return windowFrom({ start: run.start, rows, ends }, start, wanted, second.total ?? total);
  }

  /** The empty window for an offset whose page is a 404, unless the list does not exist or is longer. */
  async #readPastEnd(start: number, notFound: DatatricsError): Promise<Window> {
    const { rows, total } = await this.#page(1, 1);
    if (total !== null && total > start) throw notFound;
    return { rows: [], start, total, hasPrevious: rows.length > 0, hasNext: false };
  }

  /** If the rows are too many, the ones nearest to `from` are left out. */
  async readBefore(from: number, to: number): Promise<Window> {
    const max = this.#sizes.max();
    const start = Math.max(from, to - max);
    const limit = pageSizeFor(start, to - start, max);
    const { page, number, shortness } = await this.#readFirst(to - 1, limit);
    const run: Run = { start: (number - 1) * limit, rows: page.rows, ends: isLast(page, number, limit) };
    if (shortness !== 'whole' && (number > 1 || page.rows.length < to)) {
      const coverage = (size: number): number => Math.min(to - from, ((to - 1) % size) + 1);
      const again = await this.#rereadSmaller(to - 1, coverage, run, shortness);
      return windowBefore(again.run, from, to, again.total ?? page.total);
    }
    if (!page.notFound && (run.start <= from || page.rows.length === 0)) return windowBefore(run, from, to, page.total);
    const earlier = await this.#page(number - 1, limit);
    if (page.notFound && earlier.notFound) throw page.notFound;
    // A short earlier page does not adjoin the later one: the list changed between the two calls. An earlier page that the
    // API repeats, or that a 404 follows, is now the last page of the list.
    const isEnd =
      page.notFound !== undefined || (page.total === null && isRepeat(this.#comparer, earlier.rows, run.rows));
    const fits = isEnd || earlier.rows.length === limit;
    const rows = isEnd ? earlier.rows : [...earlier.rows, ...run.rows];
    const whole = fits ? { ...run, start: run.start - limit, rows } : run;
    return windowBefore(whole, from, to, page.total);
  }

  /**
   * Reads the page of `limit` rows that contains the offset, and judges its length.
   * @param mark of the row at `markedOffset`. If the page has that row there, the page's offsets are correct
   */
  async #readFirst(offset: number, limit: number, markedOffset = -1, mark?: string) {
    const number = Math.floor(offset / limit) + 1;
    const page = await this.#page(number, limit);
    if (page.rows.length > limit && number > 1) throw invalidResponse('more rows than the requested page size');
    let shortness = judgeShortPage(page, number, limit, this.#sizes.largestSeen());
    if (shortness === 'doubtful' && number > 1 && mark !== undefined) {
      const marked = page.rows[markedOffset - (number - 1) * limit];
      if (marked !== undefined && this.#comparer.markOf(marked) === mark) shortness = 'whole';
    }
    if (typeof shortness === 'number') this.#sizes.noteCap(shortness);
    return { page, number, shortness };
  }

  /**
   * Reads the rows at an offset again, after a short page that may have other offsets than requested. The new page has at
   * most as many rows as the short one, so no cap applies to it.
   *
   * @param coverage see `bestPageSize`
   * @param first the short page, at the offsets that it has if it was not capped
   * @param before mark of the row before the offset
   */
  async #rereadSmaller(
    offset: number,
    coverage: (size: number) => number,
    first: Run,
    shortness: 'doubtful' | number,
    before?: string,
  ): Promise<{ run: Run; total: number | null }> {
    const got = first.rows.length;
    const size = bestPageSize(coverage, got);
    const start = offset - (offset % size);
    const page = await this.#page(Math.floor(offset / size) + 1, size);
    const isPastEnd = page.total === null && start === offset && endsWith(this.#comparer, page.rows, before);
    const rows = isPastEnd ? [] : page.rows.slice(0, size);
    const run: Run = { start, rows, ends: rows.length < size };
    if (shortness === 'doubtful' && rows.length > 0) {
      // The short page was the last of the list if no row follows it and both pages have the same row at the same offset.
      const at = Math.max(first.start, start);
      const ends = start + rows.length <= first.start + got;
      if (ends && isSameRow(this.#comparer, rows[at - start], first.rows[at - first.start])) {
        const earlier = rows.slice(0, at - start);
        const last = { start: at - earlier.length, rows: [...earlier, ...first.rows.slice(at - first.start)], ends };
        return { run: last, total: page.total };
      }
      this.#sizes.noteCap(got);
    }
    return { run, total: page.total };
  }

  /**
   * Reads the end of the list from the first page of the reversed order, which also has the total. The API may return tied
   * rows in the same order both ways. Then this reads the end again, forwards.
   */
  async readEnd(wanted: number, from: number): Promise<Window> {
    const { isTied } = this.#comparer;
    // More rows than wanted show whether the window's first row is tied with the row before it. They also prove that the
    // API returns pages of that size.
    const limit = Math.min(Math.max(wanted * 2, MIN_END_PAGE), this.#sizes.max());
    const { rows, total } = await this.#page(1, limit, true);
    if (total === null) {
      throw new GatewayError(
        'UPSTREAM_UNSUPPORTED',
        'The Datatrics API does not return the length of this list, so the gateway cannot read its end. Use first, or last with before.',
      );
    }
    if (rows.length > 0 && rows.length < Math.min(limit, total)) this.#sizes.noteCap(rows.length);
    const got = Math.max(0, Math.min(rows.length, wanted, total - from));
    const end = rows.slice(0, got).reverse();
    const isUnclear = end.some((row, i) => i > 0 && isTied(row, end[i - 1]));
    const hasMore = got > 0 && got < total;
    const previous = rows[got];
    if (hasMore && previous === undefined && !isUnclear && got > 1) {
      const [before] = (await this.#page(got + 1, 1, true)).rows;
      if (isTied(before, end[0])) end.shift();
    } else if (isUnclear || (hasMore && (previous === undefined || isTied(previous, end[0])))) {
      const size = bestPageSize((size) => Math.min(got, ((total - 1) % size) + 1), rows.length);
      const page = await this.#page(Math.ceil(total / size), size);
      if (page.rows.length === ((total - 1) % size) + 1) end.splice(0, got, ...page.rows.slice(-got));
    }
    return { rows: end, start: total - end.length, total, hasPrevious: end.length < total, hasNext: false };
  }
}
