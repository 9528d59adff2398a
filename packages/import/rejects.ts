import { createHash } from 'node:crypto';
import { closeSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { stringify } from 'csv-stringify/sync';
import { REJECT_COLUMNS } from './columns.ts';
import { type RowProblem, UsageError } from './problem.ts';
import { LOST } from './records.ts';
import type { Row } from './rows.ts';

/** Byte order mark: spreadsheets and this importer then read the file as UTF-8. The input may have another encoding. */
const MARK = '\u{FEFF}';

const ADDED: ReadonlySet<string> = new Set(Object.values(REJECT_COLUMNS));

/** A file of rejects up to a checkpoint. */
export interface RejectsState {
  readonly bytes: number;
  /** SHA-256 of these bytes. */
  readonly digest: string;
}

/**
 * Writes the rejected rows to a CSV file with the columns of the input, so that a user can fix and import it. The first
 * rejected row creates the file. If a file of that name exists, the new one gets a number.
 */
export class Rejects {
  /** Path of the file; until it exists, the wanted path. */
  path: string;
  #bytes = 0;
  #hash = createHash('sha256');
  #fd: number | null = null;
  #columns: readonly string[] | null = null;
  #separator = ',';
  /** Indices of the input's columns, without those that an earlier file of rejects added. */
  #indices: readonly number[] = [];
  /** Index of the column with whole records; -1: none. */
  #recordAt = -1;
  /** Called with the path before the file is created. */
  onCreate: (path: string) => void = () => undefined;

  constructor(path: string) {
    this.path = path;
  }

  get state(): RejectsState {
    return { bytes: this.#bytes, digest: this.#hash.copy().digest('base64') };
  }

  /** @param columns columns of the input; null for NDJSON, whose rows the file contains as a whole */
  setColumns(columns: readonly string[] | null, separator: string): void {
    this.#recordAt = columns?.indexOf(REJECT_COLUMNS.record) ?? -1;
    this.#columns = this.#recordAt === -1 ? (columns?.filter((name) => !ADDED.has(name)) ?? null) : null;
    this.#separator = columns ? separator : ',';
    this.#indices = columns?.flatMap((name, at) => (ADDED.has(name) ? [] : [at])) ?? [];
  }

  /** Goes on with the file of an earlier run, cut to its state at a checkpoint. Returns false if somebody changed the file. */
  resume(path: string, { bytes, digest }: RejectsState): boolean {
    let content: Buffer;
    try {
      content = readFileSync(path);
    } catch {
      return bytes === 0;
    }
    this.#hash.update(content.subarray(0, bytes));
    if (content.length < bytes || (bytes > 0 && this.state.digest !== digest)) {
      this.#hash = createHash('sha256');
      return false;
    }
    this.path = path;
    this.#fd = openSync(path, 'r+');
    ftruncateSync(this.#fd, bytes);
    this.#bytes = bytes;
    return true;
  }

  /** Appends rows. They are on disk when it returns. */
  add(rows: readonly { readonly row: Row; readonly problems: readonly RowProblem[] }[]): void {
    if (rows.length === 0) return;
    const { row: number, code, reason, raw, record } = REJECT_COLUMNS;
    const lines: string[][] = [];
    if (this.#bytes === 0) {
      lines.push([number, code, reason, ...(this.#columns ? [raw, ...this.#columns] : [record])]);
    }
    for (const { row, problems } of rows) {
      const { cells, text } = row;
      const messages = problems.map(({ message }) => message).join(' ');
      const added = [String(row.row), problems[0]?.code ?? 'REJECTED', messages];
      const whole = cells === null ? text : (cells[Math.max(0, this.#recordAt)] as string);
      if (this.#columns === null) lines.push([...added, printable(whole)]);
      else if (cells !== null && problems[0]?.code !== 'MALFORMED') {
        lines.push([...added, '', ...this.#indices.map((at) => cells[at] ?? '')]);
      } else {
        const line = cells === null ? text : stringify([[...cells]], { delimiter: this.#separator }).trimEnd();
        lines.push([...added, printable(line), ...this.#columns.map(() => '')]);
      }
    }
    this.#fd ??= this.#create();
    const csv = Buffer.from((this.#bytes === 0 ? MARK : '') + stringify(lines, { delimiter: this.#separator }));
    for (let at = 0; at < csv.length; ) at += writeSync(this.#fd, csv, at, csv.length - at, this.#bytes + at);
    fdatasyncSync(this.#fd);
    this.#bytes += csv.length;
    this.#hash.update(csv);
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
  }

  #create(): number {
    const wanted = this.path;
    for (let number = 2; ; number++) {
      try {
        const fd = openSync(this.path, 'wx');
        this.onCreate(this.path);
        return fd;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'EEXIST') throw new UsageError(`${this.path} cannot be written (${code}).`);
        this.path = wanted.replace(/(\.[a-z]+)?$/i, `.${number}$1`);
      }
    }
  }
}

function printable(text: string): string {
  return text.replaceAll('\0', LOST);
}
