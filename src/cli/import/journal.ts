import { closeSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { UsageError } from './problem.ts';

/** Rows by what became of them. */
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

/** A row up to which everything is settled for good. */
export interface Checkpoint {
  readonly upTo: number;
  /** Bytes of the file of rejects at that row. */
  readonly rejectsBytes: number;
  readonly counts: Counts;
}

const START: Checkpoint = { upTo: 0, rejectsBytes: 0, counts: noCounts() };

/** What an earlier run left. */
export interface Progress {
  readonly checkpoint: Checkpoint;
  /** Rows beyond the checkpoint that are in. */
  readonly known: ReadonlySet<number>;
  /** Whether it came to the end of the input. */
  readonly ended: boolean;
}

/** What a journal is of: with another file or other options it is of no use. */
export interface JournalHeader {
  readonly journal: 1;
  /** SHA-256 of the file. */
  readonly file: string;
  /** SHA-256 of the options that decide on what is sent, and where to. */
  readonly options: string;
  /** Names an import in the queue. */
  readonly run?: string;
}

const END = { ended: true };

/** ms between two waits for the disk. */
const SYNC_MS = 250;

/**
 * One line of JSON for each thing that is known: first what the journal is of, then rows as they are answered to be in, and
 * from time to time a row up to which all is settled. Lines are only ever added, each by one write, so that a process can
 * be killed between any two; a last line that was cut off says nothing.
 */
export class Journal {
  readonly #fd: number;
  #syncedAt = 0;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Begins anew, whatever was there. */
  static create(path: string, header: JournalHeader): Journal {
    const journal = new Journal(openSync(path, 'w'));
    journal.#write(header);
    fdatasyncSync(journal.#fd);
    return journal;
  }

  /**
   * Goes on with what an earlier run of the same file left; begins anew where there is nothing.
   * @throws UsageError when the journal is of something else
   */
  static resume(path: string, header: JournalHeader): { journal: Journal; progress: Progress } {
    const text = readText(path);
    const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
    const first = parseLine(lines[0] ?? '') as Partial<JournalHeader> | null;
    if (first === null) {
      return {
        journal: Journal.create(path, header),
        progress: { checkpoint: START, known: new Set(), ended: false },
      };
    }
    if (first.journal !== header.journal || first.file !== header.file || first.options !== header.options) {
      const what = first.file === header.file ? 'with other options' : 'of another file, or of what this one was';
      throw new UsageError(
        `${path} is from a run ${what}. Run without --resume to begin anew; that sends every row again.`,
      );
    }
    let bytes = Buffer.byteLength(`${lines[0]}\n`);
    let checkpoint = START;
    let ended = false;
    const known = new Set<number>();
    for (const line of lines.slice(1, -1)) {
      const entry = parseLine(line) as (Partial<Checkpoint> & { in?: [number, number][]; ended?: boolean }) | null;
      if (entry === null) break;
      bytes += Buffer.byteLength(`${line}\n`);
      for (const [from, to] of entry.in ?? []) for (let row = from; row <= to; row++) known.add(row);
      if (entry.upTo !== undefined) {
        checkpoint = entry as Checkpoint;
        for (const row of known) if (row <= checkpoint.upTo) known.delete(row);
      }
      ended ||= entry.ended === true;
    }
    const fd = openSync(path, 'r+');
    ftruncateSync(fd, bytes);
    closeSync(fd);
    return { journal: new Journal(openSync(path, 'a')), progress: { checkpoint, known, ended } };
  }

  /** The import in the queue that a journal is of; null for none. */
  static runOf(path: string): string | null {
    const [line = ''] = readText(path).split('\n', 1);
    return (parseLine(line) as Partial<JournalHeader> | null)?.run ?? null;
  }

  /** Whether a journal says that the input had no more rows. */
  static hasEnded(path: string): boolean {
    return readText(path).endsWith(`\n${JSON.stringify(END)}\n`);
  }

  /** Notes rows that are in. It outlives the process at once, and the machine from the next checkpoint on. */
  noteIn(rows: readonly number[]): void {
    this.#write({ in: toRanges(rows) });
  }

  /**
   * Notes, before it counts as done, that all up to a row is settled. That outlives the process at once; the machine, should
   * it lose its power, may lose the last fraction of a second, and with it no more than the knowledge of what is in.
   */
  checkpoint(checkpoint: Checkpoint): void {
    this.#write(checkpoint);
    if (performance.now() - this.#syncedAt < SYNC_MS) return;
    fdatasyncSync(this.#fd);
    this.#syncedAt = performance.now();
  }

  /** Notes that the input has no more rows. */
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
    throw new UsageError(`${path} can not be read (${(error as NodeJS.ErrnoException).code}).`);
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

/** First and last rows of each gapless run; `rows` ascend. */
export function toRanges(rows: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const row of rows) {
    const last = ranges.at(-1);
    if (last && last[1] === row - 1) last[1] = row;
    else ranges.push([row, row]);
  }
  return ranges;
}
