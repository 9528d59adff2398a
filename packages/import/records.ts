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

export interface RecordOptions {
  readonly format: 'csv' | 'ndjson';
  readonly separator: string;
  readonly maxRowBytes: number;
}

/** Replaces lost text: bytes that are invalid in the encoding, NUL, the rest of an oversized row. */
export const LOST = '\u{FFFD}';

const LF = 0x0a;
const CR = 0x0d;
/** Bytes kept of an oversized row, to identify it in the rejects. */
const KEPT_BYTES = 1_000;
/** No line of JSON has this character. */
const NUL = '\0';
const NO_PROBLEMS: readonly RowProblem[] = [];
const INVALID_BYTES =
  'The row has U+FFFD, or bytes that are invalid in its encoding; if the file has another one, name it: --encoding windows-1252.';

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

interface Found {
  readonly cells: string[];
  /** Offset after the row. */
  readonly end: number;
}

/** Thrown for a row whose quotes enclose line ends, but whose width differs from that of the first row. */
class StrayQuotes extends Error {}

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

  function split(data: Buffer): { found: Found[]; error: Error | null } {
    const found: Found[] = [];
    let own = width;
    try {
      parse(data, {
        delimiter: isCsv ? separator : NUL,
        quote: isCsv ? '"' : false,
        // With tabs, Google Sheets does not quote, so a quote within a cell is text.
        relax_quotes: separator === '\t',
        record_delimiter: ['\r\n', '\n', '\r'],
        relax_column_count: true,
        on_record(cells: string[], { bytes }) {
          own ??= cells.length;
          if (cells.length !== own && cells.some((cell) => /[\r\n]/.test(cell))) throw new StrayQuotes();
          found.push({ cells, end: bytes });
          return null;
        },
      });
      return { found, error: null };
    } catch (error) {
      return { found, error: error as Error };
    }
  }

  function refuse(text: string, size: number, code: RowProblem['code'], message: string): void {
    batch.push({ row, cells: null, text, size, item: null, problems: [{ code, message }] });
  }

  function add(cells: string[], size: number): void {
    row += 1;
    if (cells.every((cell) => cell.trim() === '')) return;
    width ??= cells.length;
    const isLost = cells.some((cell) => cell.includes(LOST) || cell.includes(NUL)) || (!isCsv && cells.length > 1);
    const text = isCsv && !isLost ? '' : cells.join(isCsv ? separator : NUL);
    if (!isLost) batch.push({ row, cells, text, size, item: null, problems: NO_PROBLEMS });
    else refuse(text, size, 'MALFORMED', text.includes(LOST) ? INVALID_BYTES : 'The row has a NUL character.');
  }

  function addMalformed(line: string, size: number): void {
    // Spreadsheets read ="00123" as the text 00123, and some programs write it without more quotes.
    const quoted = line.replaceAll(/(?<=^|[,;\t|])="([^"\r\n]*)"(?=[,;\t|\r\n]|$)/g, '"=""$1"""');
    const { found, error } = split(Buffer.from(quoted));
    if (error === null && found.length === 1) {
      add((found[0] as Found).cells, size);
      return;
    }
    row += 1;
    const text = line.replace(/[\r\n]+$/, '');
    refuse(text, size, 'MALFORMED', 'A quote is misplaced or not closed. Write a quote inside quotes twice.');
  }

  function addTooLarge(data: Buffer, at: number): void {
    row += 1;
    const text = data.toString('utf8', at, Math.min(data.length, at + KEPT_BYTES)) + LOST;
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
        const isOpen = error === null || (error as CsvError).code === 'CSV_QUOTE_NOT_CLOSED';
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

/** Returns the offset after the next line end; -1 if there is none, or if more bytes decide. The last line needs none. */
function lineEnd(data: Buffer, at: number, isLast: boolean): number {
  const lf = data.indexOf(LF, at);
  const cr = data.subarray(at, lf === -1 ? data.length : lf).indexOf(CR);
  if (cr === -1) return lf === -1 ? (isLast ? data.length : -1) : lf + 1;
  const end = at + cr + 1;
  if (end === data.length && !isLast) return -1;
  return data[end] === LF ? end + 1 : end;
}
