import { type BulkOutcome, Pending } from '../../datatrics/bulk/items.ts';
import type { RecordInput } from '../../datatrics/encode.ts';
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
   * Sends items, of which no two may have one key, until each is settled or nothing more can be sent: what became of it is
   * its `result` then. Calls may overlap.
   *
   * @param onIn told of the rows of every answer as soon as they are known to be in; the same for all calls
   */
  send(items: readonly Sendable[], onIn: (rows: readonly number[]) => void): Promise<void>;
  /** Finishes what is under way and begins nothing more. */
  stop(): void;
  close(): Promise<void>;
}

/** An item whose `result.index` is its row. */
export class Sendable extends Pending {
  /** What it was made of, for those who ask for it. */
  readonly input: RecordInput | null;

  constructor(key: Pending['key'], json: string, result: Pending['result'], input: RecordInput | null) {
    super(key, json, result);
    this.input = input;
  }
}
