import type { Outcome } from './destination.ts';
import { type Checkpoint, type Counts, type Journal, noCounts } from './journal.ts';
import type { RowProblem } from './problem.ts';
import type { Rejects } from './rejects.ts';
import type { Row } from './rows.ts';
import type { Window } from './window.ts';

export interface SettlerOptions {
  readonly journal: Journal | null;
  readonly rejects: Rejects;
  /** Where to continue. */
  readonly checkpoint: Checkpoint;
  /** Upserted rows after the checkpoint. */
  readonly known: ReadonlySet<number>;
  /** Receives the counts after each window. */
  readonly onProgress: (counts: Counts) => void;
}

/** Settles windows in order: counts their rows, and writes rejects and checkpoints. */
export class Settler {
  readonly counts: Counts;
  readonly #options: SettlerOptions;
  /** Whether rows are sent; false with --dry-run. */
  readonly #sends: boolean;
  /** Whether all rows so far have a final outcome. */
  #isSettled = true;

  constructor(options: SettlerOptions, sends: boolean) {
    this.#options = options;
    this.#sends = sends;
    this.counts = { ...options.checkpoint.counts };
  }

  /**
   * Settles one window.
   *
   * @param outcomeOf returns the outcome of a row that had to be sent
   * @returns whether every row of this window, and of those before, has a final outcome
   */
  settle({ rows, later }: Window, outcomeOf: (row: Row) => Outcome): boolean {
    const { journal, rejects, known } = this.#options;
    const counts = noCounts();
    const refused: { row: Row; problems: readonly RowProblem[] }[] = [];
    for (const row of rows) {
      counts.rows += 1;
      const winner = later.get(row.row);
      if (row.problems.length > 0 || winner !== undefined) {
        counts.rejected += 1;
        const message = `Row ${winner} has the same key and replaces this one.`;
        refused.push({ row, problems: winner === undefined ? row.problems : [{ code: 'DUPLICATE', message }] });
      } else {
        const { outcome, problems: reasons } = known.has(row.row) ? UPSERTED : outcomeOf(row);
        if (outcome === 'UPSERTED') counts.upserted += 1;
        else if (outcome === 'REJECTED') {
          counts.rejected += 1;
          refused.push({ row, problems: reasons });
        } else if (outcome === 'UNKNOWN') counts.unknown += 1;
        else counts.notAttempted += 1;
      }
    }
    for (const name of Object.keys(counts) as (keyof Counts)[]) this.counts[name] += counts[name];
    if (this.#sends && counts.unknown + counts.notAttempted > 0) this.#isSettled = false;
    rejects.add(refused);
    if (this.#isSettled) {
      const upTo = rows.at(-1)?.row ?? 0;
      journal?.checkpoint({ upTo, rejects: rejects.state, counts: { ...this.counts } });
    }
    this.#options.onProgress(this.counts);
    return this.#isSettled;
  }
}

const UPSERTED: Outcome = { outcome: 'UPSERTED', problems: [] };
