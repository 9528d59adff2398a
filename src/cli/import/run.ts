import { setTimeout as sleep } from 'node:timers/promises';
import type { Destination, Outcome, Sendable } from './destination.ts';
import { type Checkpoint, type Counts, type Journal, noCounts } from './journal.ts';
import { InputError, type RowProblem } from './problem.ts';
import type { Rejects } from './rejects.ts';
import type { Row } from './rows.ts';

/**
 * Rows, and bytes of them, that are settled together. Windows are cut the same way in every run of a file, so that what
 * depends on them (which of two rows with one key counts) does not depend on where a run was cut off.
 */
const WINDOW_ROWS = 1_000;
const WINDOW_BYTES = 4_194_304;
/** Part of a journal's options: windows cut otherwise make another run. */
export const WINDOWS = `${WINDOW_ROWS} rows, ${WINDOW_BYTES} bytes`;

/** ms that calls under way get when the user has asked to stop. */
const STOP_GRACE_MS = 10_000;

export interface RunOptions {
  readonly rows: AsyncIterable<Row>;
  /** Null: nothing is sent. */
  readonly destination: Destination | null;
  readonly journal: Journal | null;
  readonly rejects: Rejects;
  /** Where to go on. */
  readonly checkpoint: Checkpoint;
  readonly known: ReadonlySet<number>;
  /** Counts as they grow. */
  readonly onProgress: (counts: Counts) => void;
  /** Resolves when the user asks to stop. */
  readonly stop: Promise<void>;
}

export interface RunResult {
  readonly counts: Counts;
  /** Whether every row of the input was settled. */
  readonly complete: boolean;
  /** Why not. */
  readonly reason: string | null;
}

interface Window {
  readonly rows: readonly Row[];
  /** Rows whose key a later row of the window has, with that row. */
  readonly later: ReadonlyMap<number, number>;
  /** Keys of what is to be written. */
  readonly names: ReadonlySet<string>;
}

/** A window under way. */
interface Flight {
  readonly window: Window;
  readonly outcomes: Promise<Map<number, Outcome>>;
}

/**
 * Sends all rows, a window at a time, and settles each: counted, in the journal, and among the rejects when it did not go
 * in. The next window is sent while the one before it is under way, unless both write one key.
 */
export async function run(options: RunOptions): Promise<RunResult> {
  const { destination, known } = options;
  const settler = new Settler(options);
  let stopped = false;
  let isLate = false;
  let giveUp = (): void => undefined;
  options.stop.then(async () => {
    stopped = true;
    destination?.stop();
    await sleep(STOP_GRACE_MS, undefined, { ref: false });
    isLate = true;
    giveUp();
  });

  /** Outcomes; null when the time is up after a stop. No `Promise.race`: it would hold all outcomes until the end. */
  function outcomesOf({ outcomes }: Flight): Promise<Map<number, Outcome> | null> {
    return new Promise((resolve, reject) => {
      giveUp = () => resolve(null);
      if (isLate) giveUp();
      outcomes.then(resolve, reject);
    });
  }

  function start(window: Window): Flight {
    const items = window.rows.flatMap(({ row, item, input }): Sendable[] =>
      item?.pending && input && !window.later.has(row) && !known.has(row) ? [{ pending: item.pending, input }] : [],
    );
    const outcomes =
      destination?.send(items, (rows) => options.journal?.noteIn(rows)) ?? Promise.resolve(new Map<number, Outcome>());
    // Looked at when its turn comes.
    outcomes.catch(() => undefined);
    return { window, outcomes };
  }

  let flight: Flight | null = null;
  let reason: string | null = null;
  const finish = async (): Promise<boolean> => {
    const current = flight as Flight;
    flight = null;
    const outcomes = await outcomesOf(current);
    return settler.settle(current.window, outcomes);
  };

  let isWell = true;
  try {
    for await (const window of windows(options.rows, options.checkpoint.upTo)) {
      if (stopped) break;
      if (flight !== null && shares(flight.window.names, window.names)) isWell = await finish();
      if (!isWell) break;
      const next = start(window);
      if (flight !== null) isWell = await finish();
      flight = next;
      if (!isWell) break;
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    reason = error.message;
  }
  if (flight !== null) isWell = (await finish()) && isWell;
  if (stopped) reason = 'It was stopped.';
  else if (!isWell) reason ??= destination?.failure ?? 'The API did not say what became of some rows.';
  if (reason === null) options.journal?.end();
  return { counts: settler.counts, complete: reason === null, reason };
}

/** Cuts rows into windows; those up to `after` belong to windows that are settled. */
async function* windows(rows: AsyncIterable<Row>, after: number): AsyncGenerator<Window> {
  let window: Row[] = [];
  let bytes = 0;
  for await (const row of rows) {
    if (row.row <= after) continue;
    window.push(row);
    bytes += row.bytes.length;
    if (window.length < WINDOW_ROWS && bytes < WINDOW_BYTES) continue;
    yield toWindow(window);
    window = [];
    bytes = 0;
  }
  if (window.length > 0) yield toWindow(window);
}

function toWindow(rows: readonly Row[]): Window {
  const last = new Map<string, number>();
  for (const { row, item } of rows) if (item?.pending) last.set(item.pending.name, row);
  const later = new Map<number, number>();
  for (const { row, item } of rows) {
    const winner = item?.pending && last.get(item.pending.name);
    if (winner !== undefined && winner !== null && winner !== row) later.set(row, winner);
  }
  return { rows, later, names: new Set(last.keys()) };
}

function shares(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return !a.isDisjointFrom(b);
}

/** Counts windows in, one after the other. */
class Settler {
  readonly counts: Counts;
  readonly #options: RunOptions;
  /** Whether everything so far is settled for good. */
  #isWell = true;

  constructor(options: RunOptions) {
    this.#options = options;
    this.counts = { ...options.checkpoint.counts };
  }

  /**
   * @param outcomes null when nobody waited for them
   * @returns whether every row of it, and of those before, is settled for good
   */
  settle({ rows, later }: Window, outcomes: ReadonlyMap<number, Outcome> | null): boolean {
    const { destination, journal, rejects, known } = this.#options;
    const counts = noCounts();
    const refused: { row: Row; problems: readonly RowProblem[] }[] = [];
    for (const row of rows) {
      counts.rows += 1;
      const winner = later.get(row.row);
      const problems: readonly RowProblem[] =
        winner === undefined
          ? row.problems
          : [{ code: 'DUPLICATE', message: `Row ${winner} has the same key, and counts instead.` }];
      if (row.item?.pending && winner === undefined) {
        const outcome = known.has(row.row) ? IN : outcomes?.get(row.row);
        if (outcome?.outcome === 'UPSERTED') counts.upserted += 1;
        else if (outcome?.outcome === 'REJECTED') {
          counts.rejected += 1;
          refused.push({ row, problems: outcome.problems });
        } else if (outcome?.outcome === 'UNKNOWN' || outcomes === null) counts.unknown += 1;
        else counts.notAttempted += 1;
      } else {
        counts.rejected += 1;
        refused.push({ row, problems });
      }
    }
    for (const name of Object.keys(counts) as (keyof Counts)[]) this.counts[name] += counts[name];
    if (destination !== null && counts.unknown + counts.notAttempted > 0) this.#isWell = false;
    rejects.add(refused);
    if (this.#isWell) {
      const upTo = rows.at(-1)?.row ?? 0;
      journal?.checkpoint({ upTo, rejectsBytes: rejects.bytes, counts: { ...this.counts } });
    }
    this.#options.onProgress(this.counts);
    return this.#isWell;
  }
}

const IN: Outcome = { outcome: 'UPSERTED', problems: [] };
