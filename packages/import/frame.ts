import { isAscii, isUtf8 } from 'node:buffer';
import type { RowProblem } from './problem.ts';

/** One row of the input, not yet parsed. */
export interface Frame {
  /** Row number as in a spreadsheet: the first row, usually the header, is 1. In NDJSON the line number. */
  readonly row: number;
  readonly block: Block;
  /** Byte range in the block, including the line end, which the last row may lack. Covers only the start of an oversized row. */
  readonly start: number;
  readonly end: number;
  readonly problem: RowProblem | null;
}

/** Bytes that rows are cut from. The rows share one block, since a buffer or a string for each row costs too much memory. */
export class Block {
  readonly #bytes: Buffer | null;
  /** The block as text if it is ASCII, where one character is one byte. Slicing text is cheaper than decoding bytes. */
  readonly #text: string | null;

  constructor(bytes: Buffer) {
    this.#text = isAscii(bytes) ? bytes.toString('latin1') : null;
    this.#bytes = this.#text === null ? bytes : null;
  }

  /** Returns a range as text. Invalid UTF-8 becomes U+FFFD. */
  text(start: number, end: number): string {
    return this.#text?.slice(start, end) ?? (this.#bytes as Buffer).toString('utf8', start, end);
  }

  problemIn(start: number, end: number): RowProblem | null {
    const bytes = this.#bytes?.subarray(start, end);
    if (bytes && !isUtf8(bytes)) {
      const message = 'The row is not UTF-8; if the file has another encoding, name it: --encoding windows-1252.';
      return { code: 'MALFORMED', message };
    }
    return this.text(start, end).includes('\0') ? { code: 'MALFORMED', message: 'The row has a NUL character.' } : null;
  }
}

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;

/** Bytes kept of an oversized row, to identify it in the rejects. */
const KEPT_BYTES = 1_000;

export interface FrameOptions {
  readonly format: 'csv' | 'ndjson';
  readonly separator: string;
  /** Maximum of one row, in bytes. */
  readonly maxRowBytes: number;
}

/**
 * Cuts UTF-8 bytes into rows and yields them in batches. A CSV row may contain line ends inside quotes. A misplaced or
 * unclosed quote makes only its own line malformed. Empty lines count as rows, but yield no frame.
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

function withProblem(frame: Frame): Frame {
  const { block, start, end } = frame;
  return frame.problem ? frame : { ...frame, problem: block.problemIn(start, end) };
}

/** Cuts a whole text into rows. */
export function framesOf(text: string, options: FrameOptions): Frame[] {
  const framer = new Framer(options);
  return [...framer.push(Buffer.from(text)), ...framer.end()];
}

/** Result of parsing a row with quotes: its end and number of columns, or why there is none. */
type Scan = { readonly end: number; readonly columns: number } | 'unfinished' | 'bad';

class Framer {
  readonly #quoted: boolean;
  readonly #separator: number;
  readonly #max: number;
  #rest: Buffer = Buffer.alloc(0);
  #row = 0;
  /** Columns of the first row. */
  #columns: number | undefined;
  /** Whether the framer skips the rest of an oversized line. */
  #skipping = false;
  #batch: Frame[] = [];
  /** Block of the current chunk; null until the chunk has a row. */
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
      if (isBad || (scan.end > lineEnd && !this.#matchesFirstRow(scan.columns))) {
        const message = `A quote is misplaced, or not closed within ${this.#max} bytes. Write a quote inside quotes twice.`;
        this.#add(data, at, lineEnd, { code: 'MALFORMED', message });
        at = lineEnd;
        continue;
      }
      this.#columns ??= scan.columns;
      this.#add(data, at, scan.end, null);
      at = scan.end;
    }
    const read = data.subarray(0, at);
    if (!isUtf8(read) || read.includes(0)) this.#batch = this.#batch.map(withProblem);
    // A copy, so that the rest does not keep the whole chunk in memory.
    this.#rest = Buffer.from(data.subarray(at));
    return this.#batch;
  }

  #matchesFirstRow(columns: number): boolean {
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

  /** Parses one row by RFC 4180: a field is quoted as a whole or has no quote. */
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
