import { existsSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { UsageError } from './problem.ts';

/** Number of rows, by outcome. */
export type Counts = ReturnType<typeof noCounts>;

export const noCounts = () => ({ rows: 0, upserted: 0, rejected: 0, notAttempted: 0, unknown: 0 });

/** First line of a journal. The journal is valid only for this file and these options. */
interface Header {
  readonly journal: 1;
  /** SHA-256 of the file. */
  readonly file: string;
  /** SHA-256 of the options that affect the rows that are sent, or their destination. */
  readonly options: string;
  /** Id of a queued import. */
  readonly run?: string;
}

/** What the lines of a journal add up to. */
export type Progress = Readonly<typeof START>;

export const START = {
  /** Row up to which every row has a final outcome. */
  upTo: 0,
  /** Of the rows up to there. */
  counts: noCounts(),
  /** The file of rejects up to there: its size, and the SHA-256 of its content. */
  rejects: { bytes: 0, digest: '' },
  /** Null if there are no rejects. */
  rejectsPath: null as string | null,
  /** Whether the run reached the end of the input. */
  ended: false,
};

/** A line: upserted rows as contiguous ranges, or a part of the progress. */
type Line = { readonly in: readonly Range[] } | Partial<Progress> | Header;
type Range = readonly [first: number, last: number];

/** Minimum time between two syncs to disk, in ms. */
const SYNC_MS = 250;

/**
 * Returns the header, null for a file that is empty or missing; the progress; upserted rows after `progress.upTo`; and the
 * bytes of the complete lines.
 *
 * @throws UsageError for a file that is no journal
 */
export function readJournal(path: string) {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (text !== '' && !text.startsWith('{"journal":1,')) {
    throw new UsageError(`${path} exists, and is no journal of an import: move it, or rename the file to import.`);
  }
  const [first = '', ...lines] = text.split('\n').slice(0, -1);
  const header = parseLine(first) as Header | null;
  let bytes = header ? Buffer.byteLength(first) + 1 : 0;
  let progress: Progress = START;
  const known: Set<number> = new Set();
  for (const line of lines) {
    const entry = parseLine(line) as { readonly in?: readonly Range[] } | null;
    if (entry === null) break;
    bytes += Buffer.byteLength(line) + 1;
    if (!entry.in) progress = { ...progress, ...entry };
    for (const [from, to] of entry.in ?? []) for (let row = from; row <= to; row++) known.add(row);
    for (const row of entry.in ? [] : known) if (row <= progress.upTo) known.delete(row);
  }
  return { header, progress, known, bytes };
}

/** An open journal. */
export type Journal = ReturnType<typeof openJournal>['journal'];

/**
 * Opens the journal of an earlier run, or replaces it with a new one. It is a file of JSON lines: the header first, then
 * upserted rows as responses arrive, and a checkpoint after each window. Lines are only appended, each by one write, so the
 * process may be killed at any time. A reader ignores a truncated last line.
 *
 * @throws UsageError for another file, and for the journal of another file or of other options
 */
export function openJournal(path: string, header: Header, isResumed: boolean) {
  const earlier = readJournal(path);
  const { file, options } = (isResumed && earlier.header) || header;
  if (file !== header.file || options !== header.options) {
    const what = file === header.file ? 'a run with other options' : 'another file, or to a file changed since';
    throw new UsageError(
      `${path} belongs to ${what}. Run without --resume to start over, which sends every row again.`,
    );
  }
  const reading = isResumed ? earlier : { header: null, progress: START, known: new Set<number>(), bytes: 0 };
  const fd = openSync(path, 'a');
  ftruncateSync(fd, reading.bytes);
  let syncedAt = 0;

  /**
   * Appends a line. It survives a crash of the process at once. A power failure may lose the lines of the last fraction of a
   * second: a resumed run then only sends again some rows that are already upserted.
   */
  function add(line: Line): void {
    writeSync(fd, `${JSON.stringify(line)}\n`);
    if (!('ended' in line) && performance.now() - syncedAt < SYNC_MS) return;
    fdatasyncSync(fd);
    syncedAt = performance.now();
  }

  /** Records upserted rows, in ascending order. */
  function addRows(rows: readonly number[]): void {
    const ranges: [number, number][] = [];
    for (const row of rows) {
      const last = ranges.at(-1);
      if (last?.[1] === row - 1) last[1] = row;
      else ranges.push([row, row]);
    }
    add({ in: ranges });
  }

  if (reading.header === null) add(header);
  return { ...reading, journal: { add, addRows } };
}

function parseLine(line: string): object | null {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
