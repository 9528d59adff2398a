import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';
import { stringify } from 'csv-stringify/sync';
import { splitRow } from './cells.ts';
import { REJECT_COLUMNS } from './columns.ts';
import type { RowProblem } from './problem.ts';
import { LOST, type Row } from './rows.ts';

/** Spreadsheets take the file for UTF-8 by it, and so do we, whatever encoding the first file had. */
const MARK = '\u{FEFF}';

const OWN: ReadonlySet<string> = new Set(Object.values(REJECT_COLUMNS));

/**
 * A CSV file of the rows that did not go in, with the columns of the input, so that it can be mended and imported itself.
 * It comes to be with the first of them.
 */
export class Rejects {
  readonly path: string;
  /** Bytes in the file. */
  bytes = 0;
  #fd: number | null = null;
  #columns: readonly string[] | null = null;
  #separator = ',';
  /** Places of the columns that are the input's own. */
  #indices: readonly number[] = [];
  /** Place of the column with whole records; -1: none. */
  #recordAt = -1;

  constructor(path: string) {
    this.path = path;
  }

  /** Columns of the input; null for NDJSON, whose rows are kept whole. */
  setColumns(columns: readonly string[] | null, separator: string): void {
    this.#recordAt = columns?.indexOf(REJECT_COLUMNS.record) ?? -1;
    this.#columns = this.#recordAt === -1 ? (columns?.filter((name) => !OWN.has(name)) ?? null) : null;
    this.#separator = columns ? separator : ',';
    this.#indices = columns?.flatMap((name, at) => (OWN.has(name) ? [] : [at])) ?? [];
  }

  /** Removes what an earlier run left. */
  clear(): void {
    rmSync(this.path, { force: true });
  }

  /** Goes back to what the file held at a checkpoint. False when it is gone, or shorter. */
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
    const isThere = fstatSync(fd).size >= bytes;
    if (isThere) {
      ftruncateSync(fd, bytes);
      this.bytes = bytes;
    }
    closeSync(fd);
    return isThere;
  }

  /** Adds rows, and has them on disk when it returns. */
  add(rows: readonly { readonly row: Row; readonly problems: readonly RowProblem[] }[]): void {
    if (rows.length === 0) return;
    const { row: number, code, reason, raw, record } = REJECT_COLUMNS;
    const lines: string[][] = [];
    if (this.bytes === 0) {
      lines.push([number, code, reason, ...(this.#columns ? [raw, ...this.#columns] : [record])]);
    }
    for (const { row, problems } of rows) {
      const why = [String(row.row), problems[0]?.code ?? 'REJECTED', problems.map(({ message }) => message).join(' ')];
      const text = (): string => {
        const whole = row.cells?.[this.#recordAt] ?? row.block.text(row.start, row.end).replace(/\r?\n$/, '');
        return whole.replaceAll('\0', LOST) + (problems[0]?.code === 'TOO_LARGE' ? LOST : '');
      };
      const cells = this.#columns && row.cells === undefined ? splitRow(text(), this.#separator) : row.cells;
      if (this.#columns === null) lines.push([...why, text()]);
      else if (!cells) lines.push([...why, text(), ...this.#columns.map(() => '')]);
      else lines.push([...why, '', ...this.#indices.map((at) => cells[at] ?? '')]);
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
