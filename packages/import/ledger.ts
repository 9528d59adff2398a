import { createHash } from 'node:crypto';
import { createReadStream, existsSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'csv-stringify/sync';
import type { Config } from '../../src/config/config.ts';
import { REJECT_COLUMNS } from './columns.ts';
import type { ImportOptions } from './options.ts';
import { type RowProblem, UsageError } from './problem.ts';
import { LOST, type Row } from './records.ts';
import type { Input } from './rows.ts';
import { WINDOWS } from './run.ts';

/** Number of rows, by outcome. */
export type Counts = typeof START.counts;

/** First line of a journal. `digest` is that of the file and the options; `run` is the id of a queued import. */
type Header = { readonly journal: 1; readonly digest: string; readonly run?: string | undefined };

/** What the lines of a journal add up to. */
export type Progress = Readonly<typeof START>;

const START = {
  /** Row up to which every row has a final outcome, and the counts of these rows. */
  upTo: 0,
  counts: { rows: 0, upserted: 0, rejected: 0, notAttempted: 0, unknown: 0 },
  /** The rejects up to there: size, SHA-256, and the path; null if there are none. */
  rejects: { bytes: 0, digest: '' },
  rejectsPath: null as string | null,
  /** Rows of the file; null if they are not counted yet. */
  total: null as number | null,
  /** Whether the run reached the end of the input. */
  ended: false,
};

/** A line: upserted rows as contiguous ranges, or a part of the progress. */
type Line = { readonly in: readonly (readonly [first: number, last: number])[] } | Partial<Progress> | Header;

/**
 * Reads a journal: JSON lines, the header first, then upserted rows as responses arrive, and a checkpoint after each window.
 * `known`: upserted rows after `progress.upTo`; `bytes`: of the valid lines. @throws UsageError for a file that is no journal
 */
export function readJournal(path: string) {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (text !== '' && !text.startsWith('{"journal":1,')) {
    throw new UsageError(`${path} exists, and is no journal of an import: move it, or rename the file to import.`);
  }
  let header: Header | null = null;
  let bytes = 0;
  let progress: Progress = START;
  const known = new Set<number>();
  try {
    for (const line of text.split('\n').slice(0, -1)) {
      const entry = JSON.parse(line) as Line;
      bytes += Buffer.byteLength(line) + 1;
      if ('journal' in entry) header = entry;
      else if ('in' in entry) for (const [from, to] of entry.in) for (let row = from; row <= to; row++) known.add(row);
      else {
        progress = { ...progress, ...entry };
        for (const row of known) if (row <= progress.upTo) known.delete(row);
      }
    }
  } catch {
    // A power failure may have damaged the last lines.
  }
  return { header: header as Header | null, progress, known, bytes };
}

/** Waits for the right to write a journal, until the process ends. Tries every 500 ms while `onBusy` returns. */
export async function takeLock(journal: string | null, onBusy: () => void): Promise<DatabaseSync | undefined> {
  if (journal === null) return;
  const path = `${journal}.lock`;
  for (let lock: DatabaseSync | undefined; ; await sleep(500)) {
    try {
      lock ??= new DatabaseSync(path);
      lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      return lock;
    } catch (error) {
      const { errcode, message } = error as Error & { readonly errcode?: number };
      // SQLITE_BUSY
      if (errcode !== 5) throw new UsageError(`${path} cannot be read or written (${message}).`);
    }
    onBusy();
  }
}

/** What is settled: the journal and the file of rejected rows. */
export type Ledger = Awaited<ReturnType<typeof openLedger>>;

/**
 * Opens the journal and the rejects: those of an earlier run to continue, or new ones. Both are only appended to, so the process
 * may be killed at any time: a reader ignores a truncated last line, and rejects after the last checkpoint.
 * @throws UsageError for a journal of another file or of other options
 */
export async function openLedger(options: ImportOptions, config: Config, input: Input, run: string | undefined) {
  const { journal, resume, dryRun, rejects: wanted } = options;
  let progress: Progress = START;
  let known: ReadonlySet<number> = new Set();
  let fd: number | null = null;
  let syncedAt = 0;

  /** Appends a line. A power failure may lose those of the last 250 ms, whose rows are then sent again. */
  function add(line: Line): void {
    if (fd === null) return;
    writeSync(fd, `${JSON.stringify(line)}\n`);
    if (!('ended' in line) && performance.now() - syncedAt < 250) return;
    fdatasyncSync(fd);
    syncedAt = performance.now();
  }

  if (journal !== null) {
    const earlier = readJournal(journal);
    if (!run && earlier.header?.run !== undefined && !earlier.progress.ended) {
      throw new UsageError(`${journal} belongs to a queued import: finish it with --watch, or delete the file.`);
    }
    const digest = await digestOf(options, config);
    const before = resume ? earlier.header : null;
    if (before && before.digest !== digest) {
      throw new UsageError(
        `${journal} belongs to another file, to a file changed since, or to other options. Run without --resume to start over, which sends every row again.`,
      );
    }
    fd = openSync(journal, 'a');
    ftruncateSync(fd, before ? earlier.bytes : 0);
    if (before) ({ progress, known } = earlier);
    else add({ journal: 1, digest, run });
  }

  /** Columns of the input, without those that an earlier file of rejects added. */
  const columns = [...input.header.entries()].filter(([, name]) => !REJECT_COLUMNS.includes(name));
  const delimiter = input.header.length > 0 ? input.source.separator : ',';
  let path = progress.rejectsPath ?? wanted;
  let { bytes } = progress.rejects;
  const kept = existsSync(path) && bytes > 0 ? readFileSync(path).subarray(0, bytes) : '';
  let hash = createHash('sha256').update(kept);
  let rejectsFd: number | null = null;
  const isChanged = bytes > 0 && hash.copy().digest('base64') !== progress.rejects.digest;
  if (isChanged) [path, bytes, hash] = [wanted, 0, createHash('sha256')];
  else if (progress.rejectsPath !== null && existsSync(path)) {
    rejectsFd = openSync(path, 'a');
    ftruncateSync(rejectsFd, bytes);
  }

  /** The first rejected row creates the file. If it exists, the new one gets a number, or replaces it in a dry run. */
  function createRejects(): number {
    for (let number = 2; !dryRun && existsSync(path); number++) {
      path = wanted.replace(/(\.[a-z]+)?$/i, `.${number}$1`);
    }
    const created = openSync(path, dryRun ? 'w' : 'wx');
    add({ rejectsPath: path });
    return created;
  }

  return {
    progress,
    /** Rows that an earlier run upserted, but did not settle. */
    known,
    /** Whether the rejects of the earlier run are missing or were changed, so that they are left alone. */
    isChanged,
    /** Path of the rejects; until the file exists, the wanted path. */
    path: () => path,

    /** Records upserted rows, in ascending order. */
    addUpserted(rows: readonly number[]): void {
      const ranges: [number, number][] = [];
      for (const row of rows) {
        const last = ranges.at(-1);
        if (last?.[1] === row - 1) last[1] = row;
        else ranges.push([row, row]);
      }
      add({ in: ranges });
    },

    /** Appends rows to the rejects. They are on disk when it returns. */
    addRejects(rows: readonly { readonly row: Row; readonly problems: readonly RowProblem[] }[]): void {
      if (rows.length === 0) return;
      const lines = rows.map(({ row: { row, cells, text }, problems }) => {
        const code = problems[0]?.code ?? 'REJECTED';
        const isWhole = text !== '' || code === 'MALFORMED';
        const raw = text === '' && isWhole ? stringify([[...(cells ?? [])]], { delimiter }).trimEnd() : text;
        const values = columns.map(([at]) => (isWhole ? '' : (cells?.[at] ?? '')));
        return [row, code, problems.map(({ message }) => message).join(' '), raw.replaceAll('\0', LOST), ...values];
      });
      const first = bytes === 0 ? [[...REJECT_COLUMNS, ...columns.map(([, name]) => name)]] : [];
      rejectsFd ??= createRejects();
      // By the byte order mark, spreadsheets and this importer read the file as UTF-8. The input may have another encoding.
      const csv = Buffer.from(stringify([...first, ...lines], { delimiter, bom: bytes === 0 }));
      for (let at = 0; at < csv.length; ) at += writeSync(rejectsFd, csv, at);
      fdatasyncSync(rejectsFd);
      bytes += csv.length;
      hash.update(csv);
    },

    /** Records that all rows up to this one are settled, with their counts. */
    settle: (upTo: number, counts: Counts) =>
      add({ upTo, rejects: { bytes, digest: hash.copy().digest('base64') }, counts }),
    add,
  };
}

/** SHA-256 of the file, and of the options that affect the rows that are sent, or their destination. */
async function digestOf(options: ImportOptions, config: Config): Promise<string> {
  const { headers, concurrency, callsPerSecond, resume, watch, json, quiet, yes, file, journal, ...rest } = options;
  const { upstream, project, timeZone: zone, bulkLimits } = config;
  const to = options.gateway ? {} : { upstream, project };
  const chunks = { bytes: bulkLimits.chunkBytes, items: bulkLimits.chunkItems, WINDOWS };
  const digest = createHash('sha256').update(JSON.stringify({ ...rest, map: [...options.map], to, zone, chunks }));
  for await (const chunk of createReadStream(file, { highWaterMark: 1_048_576 })) digest.update(chunk as Buffer);
  return digest.digest('hex');
}
