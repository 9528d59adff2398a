import { type CsvError, parse } from 'csv-parse/sync';
import type { Sendable } from './destination.ts';
import type { RowProblem } from './problem.ts';

/** One row of the input, with its item to send, or the problems that prevent it. */
export interface Row {
  /** Row number as in a spreadsheet: the header is 1. In NDJSON the line number. */
  readonly row: number;
  /** In NDJSON, the line is the only cell. Null for a row that could not be split. */
  readonly cells: readonly string[] | null;
  /** The row as it is, in NDJSON or if it could not be split; else empty. */
  readonly text: string;
  /** Bytes of the row. */
  readonly size: number;
  /** Null if the row cannot be sent, or is not converted yet. */
  readonly item: Sendable | null;
  readonly problems: readonly RowProblem[];
}

type RecordOptions = { readonly format: 'csv' | 'ndjson'; readonly separator: string; readonly maxRowBytes: number };

/** Replaces lost text: bytes that are invalid in the encoding, NUL, the rest of an oversized row. */
export const LOST = '\u{FFFD}';

const LF = 0x0a;
const CR = 0x0d;
/** Bytes kept of an oversized row, to identify it in the rejects. */
const KEPT_BYTES = 1_000;
const INVALID_BYTES =
  'The row has U+FFFD, or bytes that are invalid in its encoding; if the file has another one, name it: --encoding windows-1252.';
const NUL = 'The row has a NUL character. If the file is UTF-16 or UTF-32, name it: --encoding utf-32le.';
const MISPLACED = 'A quote is misplaced or not closed. Write a quote inside quotes twice.';

/**
 * Cuts UTF-8 bytes into rows with csv-parse, and yields them in batches. Line ends are LF, CRLF, CR, or a mixture. A misplaced
 * or unclosed quote makes only its own line malformed. Empty rows count as rows, but yield none.
 */
export async function* records(bytes: AsyncIterable<Buffer>, options: RecordOptions): AsyncGenerator<Row[]> {
  const cut = createCutter(options);
  for await (const chunk of bytes) yield cut(chunk, false);
  yield cut(Buffer.alloc(0), true);
}

/** Cuts a whole text into rows. */
export function recordsOf(text: string, options: RecordOptions): Row[] {
  return createCutter(options)(Buffer.from(text), true);
}

/** A row, and the offset after it. */
type Found = { readonly cells: string[]; readonly end: number };

/** Returns a function that takes the next bytes, and returns the rows that end in them. */
function createCutter({ format, separator, maxRowBytes }: RecordOptions) {
  const isCsv = format === 'csv';
  /** Bytes of an unfinished row. */
  let rest: Buffer = Buffer.alloc(0);
  let row = 0;
  /** Number of columns of the first row. */
  let width: number | undefined;
  /** Whether to skip the rest of an oversized row. */
  let isSkipping = false;
  let batch: Row[] = [];

  /** Splits rows up to the first error. The last one may be incomplete. */
  function split(data: Buffer): { found: Found[]; error: CsvError | null } {
    if (!isCsv) return { found: linesOf(data), error: null };
    const found: Found[] = [];
    let own = width;
    try {
      parse(data, {
        delimiter: separator,
        // With tabs, Google Sheets does not quote, so a quote within a cell is text.
        relax_quotes: separator === '\t',
        record_delimiter: data.includes(CR) ? ['\r\n', '\n', '\r'] : '\n',
        relax_column_count: true,
        on_record(cells: string[], { bytes }) {
          own ??= cells.length;
          if (cells.length !== own && cells.some((cell) => /[\r\n]/.test(cell))) throw new Error('stray quotes');
          found.push({ cells, end: bytes });
          return null;
        },
      });
      return { found, error: null };
    } catch (error) {
      return { found, error: error as CsvError };
    }
  }

  function refuse(text: string, size: number, code: RowProblem['code'], message: string): void {
    row += 1;
    batch.push({ row, cells: null, text, size, item: null, problems: [{ code, message }] });
  }

  function add(cells: string[], size: number): void {
    if (cells.some((cell) => cell.includes(LOST) || cell.includes('\0'))) {
      const text = cells.join(separator);
      refuse(text, size, 'MALFORMED', text.includes(LOST) ? INVALID_BYTES : NUL);
      return;
    }
    row += 1;
    if (cells.every((cell) => cell.trim() === '')) return;
    width ??= cells.length;
    batch.push({ row, cells, text: isCsv ? '' : (cells[0] as string), size, item: null, problems: [] });
  }

  function addMalformed(line: string, size: number): void {
    // Spreadsheets read ="00123" as the text 00123, and some programs write it without more quotes.
    const quoted = line.replaceAll(/(?<=^|[,;\t|])="([^"\r\n]*)"(?=[,;\t|\r\n]|$)/g, '"=""$1"""');
    const { found, error } = split(Buffer.from(quoted));
    const [only, ...more] = found;
    if (error === null && only && more.length === 0) add(only.cells, size);
    else refuse(line.replace(/[\r\n]+$/, ''), size, 'MALFORMED', MISPLACED);
  }

  function addTooLarge(data: Buffer, at: number): void {
    const text = data.toString('utf8', at, at + KEPT_BYTES) + LOST;
    refuse(text, KEPT_BYTES, 'TOO_LARGE', `The row is larger than ${maxRowBytes} bytes.`);
  }

  return function cut(chunk: Buffer, isLast: boolean): Row[] {
    batch = [];
    const data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let at = 0;
    while (at < data.length) {
      if (!isSkipping) {
        const start = at;
        const { found, error } = split(data.subarray(start));
        // The last row may go on in the next chunk.
        if (error === null && !isLast) found.pop();
        for (const { cells, end } of found) {
          if (start + end - at > maxRowBytes) addTooLarge(data, at);
          else add(cells, start + end - at);
          at = start + end;
        }
        const isOpen = error === null || error.code === 'CSV_QUOTE_NOT_CLOSED';
        const end = lineEnd(data, at, isLast);
        if (data.length - at <= maxRowBytes && (end === -1 || (isOpen && !isLast))) break;
        if (end !== -1 && end - at <= maxRowBytes) {
          if (error === null) break;
          addMalformed(data.toString('utf8', at, end), end - at);
          at = end;
          continue;
        }
        addTooLarge(data, at);
      }
      const end = lineEnd(data, at, isLast);
      isSkipping = end === -1;
      at = end === -1 ? data.length : end;
    }
    // A copy, so that the rest does not keep the whole chunk in memory.
    rest = Buffer.from(data.subarray(at));
    return batch;
  };
}

function linesOf(data: Buffer): Found[] {
  const found: Found[] = [];
  for (let end = 0; end < data.length; ) {
    const start = end;
    end = lineEnd(data, start, true);
    found.push({ cells: [data.toString('utf8', start, end).replace(/[\r\n]+$/, '')], end });
  }
  return found;
}

/** Returns the offset after the next line end; -1 if there is none, or if more bytes decide. The last line needs none. */
function lineEnd(data: Buffer, at: number, isLast: boolean): number {
  const lf = data.indexOf(LF, at);
  const cr = data.subarray(at, lf === -1 ? data.length : lf).indexOf(CR);
  if (cr === -1) return lf === -1 ? (isLast ? data.length : -1) : lf + 1;
  const end = at + cr + 1;
  if (end === data.length && !isLast) return -1;
  return data[end] === LF ? end + 1 : end;
}
