import { type CsvError, parse } from 'csv-parse/sync';
import type { RowProblem } from './problem.ts';

/** One row of the input, split into cells. In NDJSON, the line is the only cell. */
export interface Record {
  /** Row number as in a spreadsheet: the header is 1. In NDJSON the line number. */
  readonly row: number;
  /** Null for a row that could not be split. */
  readonly cells: readonly string[] | null;
  /** Text of a row that could not be split, or its start if it is oversized. */
  readonly text: string;
  /** Bytes of the row. */
  readonly size: number;
  readonly problem: RowProblem | null;
}

export interface RecordOptions {
  readonly format: 'csv' | 'ndjson';
  readonly separator: string;
  /** Maximum of one row, in bytes. */
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

/**
 * Cuts UTF-8 bytes into rows with csv-parse, and yields them in batches. Line ends are LF, CRLF, CR, or a mixture. A misplaced
 * or unclosed quote makes only its own line malformed. Empty rows count as rows, but yield no record.
 */
export async function* records(bytes: AsyncIterable<Buffer>, options: RecordOptions): AsyncGenerator<Record[]> {
  const cutter = new Cutter(options);
  for await (const chunk of bytes) {
    const batch = cutter.push(chunk, false);
    if (batch.length > 0) yield batch;
  }
  const batch = cutter.push(Buffer.alloc(0), true);
  if (batch.length > 0) yield batch;
}

/** Cuts a whole text into rows. */
export function recordsOf(text: string, options: RecordOptions): Record[] {
  return new Cutter(options).push(Buffer.from(text), true);
}

interface Found {
  readonly cells: string[];
  /** Offset after the row. */
  readonly end: number;
}

/** Thrown for a row whose quotes enclose line ends, but whose width differs from that of the first row. */
class StrayQuotes extends Error {}

class Cutter {
  readonly #options: RecordOptions;
  /** Bytes of an unfinished row. */
  #rest: Buffer = Buffer.alloc(0);
  #row = 0;
  /** Number of columns of the first row. */
  #width: number | undefined;
  /** Whether to skip the rest of an oversized row. */
  #skipping = false;
  #batch: Record[] = [];

  constructor(options: RecordOptions) {
    this.#options = options;
  }

  push(chunk: Buffer, isLast: boolean): Record[] {
    this.#batch = [];
    const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    for (let next = 0; next !== -1 && at < data.length; ) {
      next = this.#skipping ? this.#skip(data, at, isLast) : this.#cut(data, at, isLast);
      if (next !== -1) at = next;
    }
    // A copy, so that the rest does not keep the whole chunk in memory.
    this.#rest = Buffer.from(data.subarray(at));
    return this.#batch;
  }

  /** Cuts rows up to a malformed one, and that one too. Returns where to continue; -1: more bytes are needed. */
  #cut(data: Buffer, start: number, isLast: boolean): number {
    const { maxRowBytes } = this.#options;
    const { found, error } = this.#parse(data.subarray(start));
    // The last row may go on in the next chunk.
    if (error === null && !isLast) found.pop();
    let at = start;
    for (const { cells, end } of found) {
      if (start + end - at > maxRowBytes) this.#addTooLarge(data, at);
      else this.#add(cells, start + end - at);
      at = start + end;
    }
    const rest = data.length - at;
    const isOpen = error === null || (error as CsvError).code === 'CSV_QUOTE_NOT_CLOSED';
    if (at === data.length || (isOpen && !isLast && rest <= maxRowBytes)) return at === start ? -1 : at;
    const end = lineEnd(data, at, isLast);
    if (end === -1 && rest <= maxRowBytes) return at === start ? -1 : at;
    if (end === -1 || end - at > maxRowBytes) {
      this.#addTooLarge(data, at);
      this.#skipping = end === -1;
      return end === -1 ? data.length : end;
    }
    if (error === null) return at === start ? -1 : at;
    this.#addMalformed(data.toString('utf8', at, end), end - at);
    return end;
  }

  #skip(data: Buffer, at: number, isLast: boolean): number {
    const end = lineEnd(data, at, isLast);
    this.#skipping = end === -1;
    return end === -1 ? data.length : end;
  }

  #parse(data: Buffer): { found: Found[]; error: Error | null } {
    const { format, separator } = this.#options;
    const isCsv = format === 'csv';
    const found: Found[] = [];
    let width = this.#width;
    try {
      parse(data, {
        delimiter: isCsv ? separator : NUL,
        quote: isCsv ? '"' : false,
        // With tabs, Google Sheets does not quote, so a quote within a cell is text.
        relax_quotes: separator === '\t',
        record_delimiter: ['\r\n', '\n', '\r'],
        relax_column_count: true,
        on_record(cells: string[], { bytes }) {
          width ??= cells.length;
          if (cells.length !== width && cells.some((cell) => /[\r\n]/.test(cell))) throw new StrayQuotes();
          found.push({ cells, end: bytes });
          return null;
        },
      });
      return { found, error: null };
    } catch (error) {
      return { found, error: error as Error };
    }
  }

  #add(cells: string[], size: number): void {
    this.#row += 1;
    if (cells.every((cell) => cell.trim() === '')) return;
    this.#width ??= cells.length;
    const { format, separator } = this.#options;
    const isLost = cells.some((cell) => cell.includes(LOST) || cell.includes(NUL)) || (format === 'ndjson' && cells[1]);
    const text = isLost ? cells.join(format === 'csv' ? separator : NUL) : '';
    const problem = isLost ? lostProblem(text) : null;
    this.#batch.push({ row: this.#row, cells: isLost ? null : cells, text, size, problem });
  }

  #addMalformed(line: string, size: number): void {
    // Spreadsheets read ="00123" as the text 00123, and some programs write it without more quotes.
    const quoted = line.replaceAll(/(?<=^|[,;\t|])="([^"\r\n]*)"(?=[,;\t|\r\n]|$)/g, '"=""$1"""');
    if (quoted !== line) {
      const { found, error } = this.#parse(Buffer.from(quoted));
      const [only, ...more] = found;
      if (error === null && only && more.length === 0) {
        this.#add(only.cells, size);
        return;
      }
    }
    this.#row += 1;
    const message = 'A quote is misplaced or not closed. Write a quote inside quotes twice.';
    const text = line.replace(/[\r\n]+$/, '');
    this.#batch.push({ row: this.#row, cells: null, text, size, problem: { code: 'MALFORMED', message } });
  }

  #addTooLarge(data: Buffer, at: number): void {
    this.#row += 1;
    const text = data.toString('utf8', at, Math.min(data.length, at + KEPT_BYTES)) + LOST;
    const message = `The row is larger than ${this.#options.maxRowBytes} bytes.`;
    this.#batch.push({ row: this.#row, cells: null, text, size: KEPT_BYTES, problem: { code: 'TOO_LARGE', message } });
  }
}

function lostProblem(text: string): RowProblem {
  const message = text.includes(LOST)
    ? 'The row has U+FFFD, or bytes that are invalid in its encoding; if the file has another one, name it: --encoding windows-1252.'
    : 'The row has a NUL character.';
  return { code: 'MALFORMED', message };
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
