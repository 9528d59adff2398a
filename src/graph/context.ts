import type { InputProblem, RecordInput } from '../datatrics/encode.ts';
import type { Resource } from '../datatrics/endpoints.ts';
import type { RecordOf } from '../datatrics/records.ts';
import type { Session } from '../datatrics/session.ts';
import type { Writer } from '../datatrics/writer.ts';
import type { Operation } from '../lib/operation.ts';

/** What every resolver gets: the door to the data, in one principal's name and for one operation. */
export interface GatewayContext {
  readonly session: Session;
  readonly writer: Writer;
  readonly bulkUpsert: (resource: Resource, input: BulkUpsertInput) => Promise<BulkResult>;
  readonly operation: Operation;
}

/** The input of a bulk mutation, as the schema has coerced it. */
export interface BulkUpsertInput {
  readonly items: readonly RecordInput[];
  readonly resumeToken?: string | null;
  readonly dryRun: boolean;
}

/** What came of a bulk mutation. */
export interface BulkResult {
  /** One entry per item, in order. */
  readonly results: readonly {
    readonly index: number;
    readonly outcome: 'UPSERTED' | 'REJECTED' | 'NOT_ATTEMPTED' | 'UNKNOWN';
    readonly record: RecordOf[Resource] | null;
    readonly problems: readonly InputProblem[];
  }[];
  readonly summary: {
    readonly total: number;
    readonly upserted: number;
    readonly rejected: number;
    readonly notAttempted: number;
    readonly unknown: number;
    /** Calls. */
    readonly upstreamRequests: number;
  };
  readonly resumeToken: string | null;
}
