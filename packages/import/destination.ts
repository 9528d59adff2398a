import { type BulkOutcome, Pending } from '../../src/datatrics/bulk/items.ts';
import type { RecordInput } from '../../src/datatrics/encode.ts';
import type { RowProblem } from './problem.ts';

/** Result of sending one row. */
export interface Outcome {
  readonly outcome: BulkOutcome;
  readonly problems: readonly RowProblem[];
}

/** Sends rows to the API or to a gateway. */
export interface Destination {
  /** REST calls so far. With a gateway: those that it reported. */
  readonly requests: number;
  /** Why the destination sends nothing more; null while it works. */
  readonly failure: string | null;
  /**
   * Sends items until each has an outcome or nothing more can be sent. The outcomes are in the items' `result`. No two items
   * may have the same key. Calls of `send` may overlap.
   *
   * @param onUpserted receives the upserted rows of each response; must be the same function in all calls
   */
  send(items: readonly Sendable[], onUpserted: (rows: readonly number[]) => void): Promise<void>;
  /** Finishes the calls in flight and starts no more. */
  stop(): void;
  close(): Promise<void>;
}

/** An item to send. Its `result.index` is the row number. */
export class Sendable extends Pending {
  /** The mutation input, for a gateway; null otherwise. */
  readonly input: RecordInput | null;

  constructor(key: Pending['key'], json: string, result: Pending['result'], input: RecordInput | null) {
    super(key, json, result);
    this.input = input;
  }
}
