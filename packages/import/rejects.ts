import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';
import { stringify } from 'csv-stringify/sync';
import { splitRow } from './cells.ts';
import { REJECT_COLUMNS } from './columns.ts';
import type { RowProblem } from './problem.ts';
import { LOST, type Row } from './rows.ts';

/** Byte order mark: spreadsheets and this importer then read the file as UTF-8. The input may have another encoding. */
const MARK = '\u{FEFF}';

const ADDED: ReadonlySet<string> = new Set(Object.values(REJECT_COLUMNS));

/**
 * Writes the rejected rows to a CSV file with the columns of the input, so that a user can fix and import it. The first
 * rejected row creates the file.
 */
export class Rejects {
  readonly path: string;
  /** Size of the file, in bytes. */
  bytes = 0;
  #fd: number | null = null;
  #columns: readonly string[] | null = null;
  #separator = ',';
  /** Indices of the input's columns, without those that an earlier file of rejects added. */
  #indices: readonly number[] = [];
  /** Index of the column with whole records; -1: none. */
  #recordAt = -1;

  constructor(path: string) {
    this.path = path;
  }

  /** @param columns columns of the input; null for NDJSON, whose rows the file contains as a whole */
  setColumns(columns: readonly string[] | null, separator: string): void {
    this.#recordAt = columns?.indexOf(REJECT_COLUMNS.record) ?? -1;
    this.#columns = this.#recordAt === -1 ? (columns?.filter((name) => !ADDED.has(name)) ?? null) : null;
    this.#separator = columns ? separator : ',';
    this.#indices = columns?.flatMap((name, at) => (ADDED.has(name) ? [] : [at])) ?? [];
  }

  /** Removes the file of an earlier run. */
  clear(): void {
    rmSync(this.path, { force: true });
  }

  /** Truncates the file to its size at a checkpoint. Returns false if the file is missing or shorter. */
  cutTo(bytes: number): boolean {
    if (bytes === 0) {
      this.clear();
      return true;
    }
    let fd: number;
    try {
      fd = openSync(this.path, 'r+');
    } catch {
      return false;
    }
    const isLongEnough = fstatSync(fd).size >= bytes;
    if (isLongEnough) {
      ftruncateSync(fd, bytes);
      this.bytes = bytes;
    }
    closeSync(fd);
    return isLongEnough;
  }

  /** Appends rows. They are on disk when it returns. */
  add(rows: readonly { readonly row: Row; readonly problems: readonly RowProblem[] }[]): void {
    if (rows.length === 0) return;
    const { row: number, code, reason, raw, record } = REJECT_COLUMNS;
    const lines: string[][] = [];
    if (this.bytes === 0) {
      lines.push([number, code, reason, ...(this.#columns ? [raw, ...this.#columns] : [record])]);
    }
    for (const { row, problems } of rows) {
      const added = [
        String(row.row),
        problems[0]?.code ?? 'REJECTED',
        problems.map(({ message }) => message).join(' '),
      ];
      const text = (): string => {
        const whole = row.cells?.[this.#recordAt] ?? row.block.text(row.start, row.end).replace(/\r?\n$/, '');
        return whole.replaceAll('\0', LOST) + (problems[0]?.code === 'TOO_LARGE' ? LOST : '');
      };
      const cells = this.#columns && row.cells === undefined ? splitRow(text(), this.#separator) : row.cells;
      if (this.#columns === null) lines.push([...added, text()]);
      else if (!cells) lines.push([...added, text(), ...this.#columns.map(() => '')]);
      else lines.push([...added, '', ...this.#indices.map((at) => cells[at] ?? '')]);
    }
    this.#fd ??= openSync(this.path, 'a');
    const csv = Buffer.from((this.bytes === 0 ? MARK : '') + stringify(lines, { delimiter: this.#separator }));
    for (let at = 0; at < csv.length; ) at += writeSync(this.#fd, csv, at);
    fdatasyncSync(this.#fd);
    this.bytes += csv.length;
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
  }
}
