import type { Outcome } from './destination.ts';
import { type Checkpoint, type Counts, type Journal, noCounts } from './journal.ts';
import type { RowProblem } from './problem.ts';
import type { Rejects } from './rejects.ts';
import type { Row } from './rows.ts';
import type { Window } from './window.ts';

export interface SettlerOptions {
  readonly journal: Journal | null;
  readonly rejects: Rejects;
  /** Where to go on. */
  readonly checkpoint: Checkpoint;
  readonly known: ReadonlySet<number>;
  /** Counts as they grow. */
  readonly onProgress: (counts: Counts) => void;
}

/** Counts windows in, one after the other. */
export class Settler {
  readonly counts: Counts;
  readonly #options: SettlerOptions;
  /** Whether rows are really sent. */
  readonly #sends: boolean;
  /** Whether everything so far is settled for good. */
  #isWell = true;

  constructor(options: SettlerOptions, sends: boolean) {
    this.#options = options;
    this.#sends = sends;
    this.counts = { ...options.checkpoint.counts };
  }

  /**
   * @param outcomeOf what became of a row that was to be sent
   * @returns whether every row of it, and of those before, is settled for good
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
        const message = `Row ${winner} has the same key, and counts instead.`;
        refused.push({ row, problems: winner === undefined ? row.problems : [{ code: 'DUPLICATE', message }] });
      } else {
        const { outcome, problems: reasons } = known.has(row.row) ? IN : outcomeOf(row);
        if (outcome === 'UPSERTED') counts.upserted += 1;
        else if (outcome === 'REJECTED') {
          counts.rejected += 1;
          refused.push({ row, problems: reasons });
        } else if (outcome === 'UNKNOWN') counts.unknown += 1;
        else counts.notAttempted += 1;
      }
    }
    for (const name of Object.keys(counts) as (keyof Counts)[]) this.counts[name] += counts[name];
    if (this.#sends && counts.unknown + counts.notAttempted > 0) this.#isWell = false;
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
