import { createHash } from 'node:crypto';
import { existsSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { stringify } from 'csv-stringify/sync';
import { REJECT_COLUMNS } from './columns.ts';
import type { Progress } from './journal.ts';
import type { ImportOptions } from './options.ts';
import type { RowProblem } from './problem.ts';
import { LOST, type Row } from './records.ts';

/** Byte order mark: spreadsheets and this importer then read the file as UTF-8. The input may have another encoding. */
const MARK = '\u{FEFF}';

/** The file of rejected rows. */
export type Rejects = ReturnType<typeof createRejects>;

/**
 * Writes the rejected rows to a CSV file with the columns of the input, so that a user can fix and import it. The first
 * rejected row creates the file. If a file of that name exists, the new one gets a number, or replaces it in a dry run.
 *
 * @param header columns of the input; empty for NDJSON, whose rows the file contains as a whole
 * @param onCreate called with the path when the file is created
 */
export function createRejects(
  { rejects: wanted, dryRun }: ImportOptions,
  header: readonly string[],
  separator: string,
  onCreate: (path: string) => void,
) {
  /** Columns of the input, without those that an earlier file of rejects added. */
  const own = [...header.entries()].filter(([, name]) => !REJECT_COLUMNS.includes(name));
  const delimiter = header.length > 0 ? separator : ',';
  let path = wanted;
  let bytes = 0;
  let hash = createHash('sha256');
  let fd: number | null = null;

  function create(): number {
    for (let number = 2; ; number++) {
      try {
        const created = openSync(path, dryRun ? 'w' : 'wx');
        onCreate(path);
        return created;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        path = wanted.replace(/(\.[a-z]+)?$/i, `.${number}$1`);
      }
    }
  }

  return {
    /** Path of the file; until it exists, the wanted path. */
    path: () => path,
    state: (): Progress['rejects'] => ({ bytes, digest: hash.copy().digest('base64') }),

    /** Truncates the file of an earlier run to its size at a checkpoint, and appends to it. Returns false if the file was changed. */
    resume(earlier: string, state: Progress['rejects']): boolean {
      if (!existsSync(earlier)) return state.bytes === 0;
      const read = createHash('sha256').update(readFileSync(earlier).subarray(0, state.bytes));
      if (state.bytes > 0 && read.copy().digest('base64') !== state.digest) return false;
      fd = openSync(earlier, 'r+');
      ftruncateSync(fd, state.bytes);
      [path, bytes, hash] = [earlier, state.bytes, read];
      return true;
    },

    /** Appends rows. They are on disk when it returns. */
    add(rows: readonly { readonly row: Row; readonly problems: readonly RowProblem[] }[]): void {
      if (rows.length === 0) return;
      const lines = rows.map(({ row: { row, cells, text }, problems }) => {
        const [{ code } = { code: 'REJECTED' }] = problems;
        const messages = problems.map(({ message }) => message).join(' ');
        const isWhole = text !== '' || code === 'MALFORMED';
        const raw = text === '' && isWhole ? stringify([[...(cells ?? [])]], { delimiter }).trimEnd() : text;
        const values = own.map(([at]) => (isWhole ? '' : (cells?.[at] ?? '')));
        return [String(row), code, messages, raw.replaceAll('\0', LOST), ...values];
      });
      if (bytes === 0) lines.unshift([...REJECT_COLUMNS, ...own.map(([, name]) => name)]);
      fd ??= create();
      const csv = Buffer.from((bytes === 0 ? MARK : '') + stringify(lines, { delimiter }));
      for (let at = 0; at < csv.length; ) at += writeSync(fd, csv, at, csv.length - at, bytes + at);
      fdatasyncSync(fd);
      bytes += csv.length;
      hash.update(csv);
    },
  };
}
