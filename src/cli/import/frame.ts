import { isAscii, isUtf8 } from 'node:buffer';
import type { RowProblem } from './problem.ts';

/** One row as it lies in the input. */
export interface Frame {
  /** As a spreadsheet counts: the first row, mostly the header, is 1. In NDJSON the number of the line. */
  readonly row: number;
  readonly block: Block;
  /** Bytes of the block, with the line end, which the last row may lack; of a row that is too large only the beginning. */
  readonly start: number;
  readonly end: number;
  readonly problem: RowProblem | null;
}

/** Bytes that rows are cut out of. Held by each of them: a buffer, or even a string, for each row would be a burden. */
export class Block {
  readonly #bytes: Buffer | null;
  /** Where one character is one byte: to cut a piece out of a text costs less than to decode one. */
  readonly #text: string | null;

  constructor(bytes: Buffer) {
    this.#text = isAscii(bytes) ? bytes.toString('latin1') : null;
    this.#bytes = this.#text === null ? bytes : null;
  }

  /** UTF-8 that can not be read becomes U+FFFD. */
  text(start: number, end: number): string {
    return this.#text?.slice(start, end) ?? (this.#bytes as Buffer).toString('utf8', start, end);
  }

  problemIn(start: number, end: number): RowProblem | null {
    const bytes = this.#bytes?.subarray(start, end);
    if (bytes && !isUtf8(bytes)) {
      const message = 'It has bytes that are no UTF-8; say --encoding when the file has another, such as windows-1252.';
      return { code: 'MALFORMED', message };
    }
    return this.text(start, end).includes('\0') ? { code: 'MALFORMED', message: 'It has a NUL character.' } : null;
  }
}

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;

/** Bytes of a row that is too large, kept to recognise it by. */
const KEPT_BYTES = 1_000;

export interface FrameOptions {
  readonly format: 'csv' | 'ndjson';
  readonly separator: string;
  /** Bytes of one row. */
  readonly maxRowBytes: number;
}

/**
 * Cuts bytes into rows, many at a time. A CSV row may hold line ends between quotes; a quote that is out of place, or never
 * closed, costs only the line that it stands in, whatever follows. Empty lines count as rows and are left out.
 */
export async function* frames(bytes: AsyncIterable<Buffer>, options: FrameOptions): AsyncGenerator<Frame[]> {
  const framer = new Framer(options);
  for await (const chunk of bytes) {
    const batch = framer.push(chunk);
    if (batch.length > 0) yield batch;
  }
  const batch = framer.end();
  if (batch.length > 0) yield batch;
}

function judge(frame: Frame): Frame {
  const { block, start, end } = frame;
  return frame.problem ? frame : { ...frame, problem: block.problemIn(start, end) };
}

/** The rows of a text that stands for itself. */
export function framesOf(text: string, options: FrameOptions): Frame[] {
  const framer = new Framer(options);
  return [...framer.push(Buffer.from(text)), ...framer.end()];
}

/** What a strict look at a row with quotes finds. */
type Scan = { readonly end: number; readonly columns: number } | 'unfinished' | 'bad';

class Framer {
  readonly #quoted: boolean;
  readonly #separator: number;
  readonly #max: number;
  #rest: Buffer = Buffer.alloc(0);
  #row = 0;
  /** Columns of the first row. */
  #columns: number | undefined;
  /** Whether the rest of a line that is too large is being skipped. */
  #skipping = false;
  #batch: Frame[] = [];
  /** Of what is being cut; null until it has a row. */
  #block: Block | null = null;

  constructor({ format, separator, maxRowBytes }: FrameOptions) {
    this.#quoted = format === 'csv';
    this.#separator = separator.charCodeAt(0);
    this.#max = maxRowBytes;
  }

  push(chunk: Buffer): Frame[] {
    return this.#cut(this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk, false);
  }

  end(): Frame[] {
    return this.#cut(this.#rest, true);
  }

  #cut(data: Buffer, isLast: boolean): Frame[] {
    this.#batch = [];
    this.#block = null;
    let at = 0;
    let quote = this.#quoted ? data.indexOf(QUOTE) : -1;
    while (at < data.length) {
      const newline = data.indexOf(LF, at);
      if (newline === -1 && !isLast && data.length - at <= this.#max) break;
      const lineEnd = newline === -1 ? data.length : newline + 1;
      if (this.#skipping) {
        this.#skipping = newline === -1;
        at = lineEnd;
        continue;
      }
      if (lineEnd - at > this.#max) {
        this.#add(data, at, Math.min(lineEnd, at + KEPT_BYTES), {
          code: 'TOO_LARGE',
          message: `The row is larger than ${this.#max} bytes.`,
        });
        this.#skipping = newline === -1;
        at = lineEnd;
        continue;
      }
      if (quote !== -1 && quote < at) quote = data.indexOf(QUOTE, at);
      if (quote === -1 || quote >= lineEnd) {
        this.#add(data, at, lineEnd, null);
        at = lineEnd;
        continue;
      }
      const scan = this.#scan(data, at, isLast);
      if (scan === 'unfinished' && data.length - at <= this.#max) break;
      const isBad = typeof scan === 'string' || scan.end - at > this.#max;
      if (isBad || (scan.end > lineEnd && !this.#fits(scan.columns))) {
        const message = `A quote is out of place, or not closed within ${this.#max} bytes; inside quotes one is written twice.`;
        this.#add(data, at, lineEnd, { code: 'MALFORMED', message });
        at = lineEnd;
        continue;
      }
      this.#columns ??= scan.columns;
      this.#add(data, at, scan.end, null);
      at = scan.end;
    }
    const read = data.subarray(0, at);
    if (!isUtf8(read) || read.includes(0)) this.#batch = this.#batch.map(judge);
    // A copy, so that the whole chunk is not kept for its end.
    this.#rest = Buffer.from(data.subarray(at));
    return this.#batch;
  }

  #fits(columns: number): boolean {
    return this.#columns === undefined || columns === this.#columns;
  }

  #add(data: Buffer, start: number, end: number, problem: RowProblem | null): void {
    this.#row += 1;
    const isEmpty = data[start] === LF || (data[start] === CR && (end === start + 1 || data[start + 1] === LF));
    if (isEmpty && problem === null) return;
    if (this.#quoted && this.#columns === undefined) {
      this.#columns = data.toString('latin1', start, end).split(this.#char).length;
    }
    this.#block ??= new Block(data);
    this.#batch.push({ row: this.#row, block: this.#block, start, end, problem });
  }

  get #char(): string {
    return String.fromCharCode(this.#separator);
  }

  /** Reads one row by RFC 4180: a field is quoted as a whole or holds no quote. */
  #scan(data: Buffer, start: number, isLast: boolean): Scan {
    let at = start;
    for (let columns = 1; ; columns++) {
      if (data[at] === QUOTE) {
        for (;;) {
          const close = data.indexOf(QUOTE, at + 1);
          if (close === -1) return isLast ? 'bad' : 'unfinished';
          if (close + 1 === data.length && !isLast) return 'unfinished';
          at = close + 1;
          if (data[at] !== QUOTE) break;
        }
        if (at === data.length) return { end: at, columns };
        if (data[at] === CR && data[at + 1] === undefined && !isLast) return 'unfinished';
        if (data[at] === LF) return { end: at + 1, columns };
        if (data[at] === CR && data[at + 1] === LF) return { end: at + 2, columns };
        if (data[at] !== this.#separator) return 'bad';
      } else {
        while (at < data.length && data[at] !== this.#separator && data[at] !== LF) {
          if (data[at] === QUOTE) return 'bad';
          at += 1;
        }
        if (at === data.length) return isLast ? { end: at, columns } : 'unfinished';
        if (data[at] === LF) return { end: at + 1, columns };
      }
      at += 1;
      if (at === data.length && !isLast) return 'unfinished';
    }
  }
}
