import { createHash } from 'node:crypto';
import { fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { stringify } from 'csv-stringify/sync';
import { REJECT_COLUMNS } from './columns.ts';
import type { Progress } from './journal.ts';
import type { ImportOptions } from './options.ts';
import type { RowProblem } from './problem.ts';
import { LOST, type Row } from './records.ts';

/** Byte order mark: spreadsheets and this importer then read the file as UTF-8. The input may have another encoding. */
const MARK = '\u{FEFF}';

/**
 * Writes the rejected rows to a CSV file with the columns of the input, so that a user can fix and import it. The first
 * rejected row creates the file. If a file of that name exists, the new one gets a number.
 */
export class Rejects {
  /** Path of the file; until it exists, the wanted path. */
  path: string;
  readonly #wanted: string;
  /** Whether the file of an earlier run may be replaced. */
  readonly #replaces: boolean;
  readonly #header: readonly string[];
  readonly #onCreate: (path: string) => void;
  /** Indices of the input's columns, without those that an earlier file of rejects added. */
  readonly #own: readonly number[];
  readonly #delimiter: string;
  #bytes = 0;
  #hash = createHash('sha256');
  #fd: number | null = null;

  /**
   * @param header columns of the input; empty for NDJSON, whose rows the file contains as a whole
   * @param onCreate called with the path before the file is used
   */
  constructor(
    { rejects, dryRun }: ImportOptions,
    header: readonly string[],
    separator: string,
    onCreate: (path: string) => void,
  ) {
    this.path = rejects;
    this.#wanted = rejects;
    this.#replaces = dryRun;
    this.#header = header;
    this.#onCreate = onCreate;
    this.#own = [...header.keys()].filter((at) => !REJECT_COLUMNS.includes(header[at] as string));
    this.#delimiter = header.length > 0 ? separator : ',';
  }

  get state(): Progress['rejects'] {
    return { bytes: this.#bytes, digest: this.#hash.copy().digest('base64') };
  }

  /** Goes on with the file of an earlier run, cut to its state at a checkpoint. Returns false if somebody changed the file. */
  resume(path: string, { bytes, digest }: Progress['rejects']): boolean {
    let content: Buffer;
    try {
      content = readFileSync(path).subarray(0, bytes);
    } catch {
      return bytes === 0;
    }
    const hash = createHash('sha256').update(content);
    if (bytes > 0 && hash.copy().digest('base64') !== digest) return false;
    this.path = path;
    this.#fd = openSync(path, 'r+');
    ftruncateSync(this.#fd, bytes);
    this.#bytes = bytes;
    this.#hash = hash;
    return true;
  }

  /** Appends rows. They are on disk when it returns. */
  add(rows: readonly { readonly row: Row; readonly problems: readonly RowProblem[] }[]): void {
    if (rows.length === 0) return;
    const delimiter = this.#delimiter;
    const lines = rows.map(({ row: { row, cells, text }, problems }) => {
      const [{ code } = { code: 'REJECTED' }] = problems;
      const messages = problems.map(({ message }) => message).join(' ');
      const isWhole = text !== '' || code === 'MALFORMED';
      const raw = text === '' && isWhole ? stringify([[...(cells ?? [])]], { delimiter }).trimEnd() : text;
      const own = this.#own.map((at) => (isWhole ? '' : (cells?.[at] ?? '')));
      return [String(row), code, messages, raw.replaceAll('\0', LOST), ...own];
    });
    if (this.#bytes === 0) lines.unshift([...REJECT_COLUMNS, ...this.#own.map((at) => this.#header[at] as string)]);
    this.#fd ??= this.#create();
    const csv = Buffer.from((this.#bytes === 0 ? MARK : '') + stringify(lines, { delimiter }));
    for (let at = 0; at < csv.length; ) at += writeSync(this.#fd, csv, at, csv.length - at, this.#bytes + at);
    fdatasyncSync(this.#fd);
    this.#bytes += csv.length;
    this.#hash.update(csv);
  }

  #create(): number {
    for (let number = 2; ; number++) {
      try {
        const fd = openSync(this.path, this.#replaces ? 'w' : 'wx');
        this.#onCreate(this.path);
        return fd;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        this.path = this.#wanted.replace(/(\.[a-z]+)?$/i, `.${number}$1`);
      }
    }
  }
}
