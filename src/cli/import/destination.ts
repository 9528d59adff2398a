import type { BulkOutcome, Pending } from '../../bulk/items.ts';
import type { RowProblem } from './problem.ts';

/** What became of one item that was to be sent. */
export interface Outcome {
  readonly outcome: BulkOutcome;
  readonly problems: readonly RowProblem[];
}

/** Where rows go. */
export interface Destination {
  /** REST calls, as far as they are known. */
  readonly requests: number;
  /** Why nothing more is sent; null while all is well. */
  readonly failure: string | null;
  /**
   * Sends items, of which no two may have one key, until each is settled or nothing more can be sent. Calls may overlap.
   *
   * @param onIn told of the rows of every answer as soon as they are known to be in; the same for all calls
   * @returns outcomes by row
   */
  send(items: readonly Sendable[], onIn: (rows: readonly number[]) => void): Promise<Map<number, Outcome>>;
  /** Finishes what is under way and begins nothing more. */
  stop(): void;
  close(): Promise<void>;
}

/** An item with the input that it was made of. `pending.result.index` is its row. */
export interface Sendable {
  readonly pending: Pending;
  readonly input: Readonly<Record<string, unknown>>;
}

export const NOT_ATTEMPTED: Outcome = { outcome: 'NOT_ATTEMPTED', problems: [] };
