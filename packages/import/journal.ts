import { closeSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { UsageError } from './problem.ts';
import type { RejectsState } from './rejects.ts';

/** Number of rows, by outcome. */
export interface Counts {
  rows: number;
  upserted: number;
  rejected: number;
  notAttempted: number;
  unknown: number;
}

export function noCounts(): Counts {
  return { rows: 0, upserted: 0, rejected: 0, notAttempted: 0, unknown: 0 };
}

/** A row up to which every row has a final outcome. */
export interface Checkpoint {
  readonly upTo: number;
  readonly rejects: RejectsState;
  readonly counts: Counts;
}

const START: Checkpoint = { upTo: 0, rejects: { bytes: 0, digest: '' }, counts: noCounts() };

export const NO_PROGRESS: Progress = { checkpoint: START, known: new Set(), rejectsPath: null, ended: false };

/** Progress of an earlier run. */
export interface Progress {
  readonly checkpoint: Checkpoint;
  /** Upserted rows after the checkpoint. */
  readonly known: ReadonlySet<number>;
  /** Path of its rejects; null if it had none. */
  readonly rejectsPath: string | null;
  /** Whether the run reached the end of the input. */
  readonly ended: boolean;
}

/** First line of a journal. The journal is valid only for this file and these options. */
export interface JournalHeader {
  readonly journal: 1;
  /** SHA-256 of the file. */
  readonly file: string;
  /** SHA-256 of the options that affect the rows that are sent, or their destination. */
  readonly options: string;
  /** Id of a queued import. */
  readonly run?: string;
}

const END = { ended: true };

/** Minimum time between two syncs to disk, in ms. */
const SYNC_MS = 250;

/**
 * A file of JSON lines: the header first, then upserted rows as responses arrive, and a checkpoint after each window. Lines
 * are only appended, each by one write, so the process may be killed at any time. A reader ignores a truncated last line.
 */
export class Journal {
  readonly #fd: number;
  #syncedAt = 0;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Creates a journal. Replaces the journal of an earlier run.
   * @throws UsageError for any other file
   */
  static create(path: string, header: JournalHeader): Journal {
    const text = readText(path);
    if (text !== '' && (parseLine(text.split('\n', 1)[0] ?? '') as Partial<JournalHeader> | null)?.journal !== 1) {
      throw new UsageError(`${path} exists, and is no journal of an import: move it, or rename the file to import.`);
    }
    const journal = new Journal(openSync(path, 'w'));
    journal.#write(header);
    fdatasyncSync(journal.#fd);
    return journal;
  }

  /**
   * Opens the journal of an earlier run, or creates one.
   * @throws UsageError when the journal belongs to another file or to other options
   */
  static resume(path: string, header: JournalHeader): { journal: Journal; progress: Progress } {
    const text = readText(path);
    const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
    const first = parseLine(lines[0] ?? '') as Partial<JournalHeader> | null;
    if (first === null) {
      return { journal: Journal.create(path, header), progress: NO_PROGRESS };
    }
    if (first.journal !== header.journal || first.file !== header.file || first.options !== header.options) {
      const what = first.file === header.file ? 'a run with other options' : 'another file, or to a file changed since';
      throw new UsageError(
        `${path} belongs to ${what}. Run without --resume to start over, which sends every row again.`,
      );
    }
    let bytes = Buffer.byteLength(`${lines[0]}\n`);
    let checkpoint = START;
    let ended = false;
    let rejectsPath: string | null = null;
    const known = new Set<number>();
    for (const line of lines.slice(1, -1)) {
      const entry = parseLine(line) as
        | (Partial<Checkpoint> & { in?: [number, number][]; ended?: boolean; rejectsPath?: string })
        | null;
      if (entry === null) break;
      bytes += Buffer.byteLength(`${line}\n`);
      for (const row of fromRanges(entry.in)) known.add(row);
      if (entry.upTo !== undefined) {
        checkpoint = entry as Checkpoint;
        for (const row of known) if (row <= checkpoint.upTo) known.delete(row);
      }
      ended ||= entry.ended === true;
      rejectsPath = entry.rejectsPath ?? rejectsPath;
    }
    const fd = openSync(path, 'r+');
    ftruncateSync(fd, bytes);
    closeSync(fd);
    return { journal: new Journal(openSync(path, 'a')), progress: { checkpoint, known, rejectsPath, ended } };
  }

  /** Returns the id of the queued import that a journal belongs to; null for a direct import. */
  static runOf(path: string): string | null {
    const [line = ''] = readText(path).split('\n', 1);
    return (parseLine(line) as Partial<JournalHeader> | null)?.run ?? null;
  }

  /** Whether the run of a journal reached the end of the input. */
  static hasEnded(path: string): boolean {
    return readText(path).endsWith(`\n${JSON.stringify(END)}\n`);
  }

  /** Records upserted rows. They survive a crash of the process at once, and a power failure from the next sync on. */
  noteIn(rows: readonly number[]): void {
    this.#write({ in: toRanges(rows) });
  }

  /** Records the path of the rejects, so that a resumed run knows that the file is its own. */
  noteRejects(path: string): void {
    this.#write({ rejectsPath: path });
  }

  /**
   * Records a checkpoint. It survives a crash of the process at once. A power failure may lose the last fraction of a second:
   * a resumed run then only sends again some rows that are already upserted.
   */
  checkpoint(checkpoint: Checkpoint): void {
    this.#write(checkpoint);
    if (performance.now() - this.#syncedAt < SYNC_MS) return;
    fdatasyncSync(this.#fd);
    this.#syncedAt = performance.now();
  }

  /** Records that the input has no more rows. */
  end(): void {
    this.#write(END);
    fdatasyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #write(entry: object): void {
    writeSync(this.#fd, `${JSON.stringify(entry)}\n`);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new UsageError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

function parseLine(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** Returns the first and last row of each contiguous range. `rows` must be ascending. */
export function toRanges(rows: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const row of rows) {
    const last = ranges.at(-1);
    if (last && last[1] === row - 1) last[1] = row;
    else ranges.push([row, row]);
  }
  return ranges;
}

/** Returns the rows of ranges. */
export function fromRanges(ranges: readonly (readonly [number, number])[] = []): Set<number> {
  const rows = new Set<number>();
  for (const [from, to] of ranges) for (let row = from; row <= to; row++) rows.add(row);
  return rows;
}
