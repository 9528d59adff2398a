import type { Principal } from '../auth/principal.ts';
import type { BulkLimits } from '../datatrics/bulk/chunk.ts';
import type { ItemResult } from '../datatrics/bulk/items.ts';
import { createTarget } from '../datatrics/bulk/target.ts';
import { bulkUpsert } from '../datatrics/bulk/upsert.ts';
import type { Caller } from '../datatrics/callers.ts';
import type { Capabilities } from '../datatrics/capabilities.ts';
import type { Client } from '../datatrics/client.ts';
import type { RecordInput } from '../datatrics/encode.ts';
import type { Resource } from '../datatrics/endpoints.ts';
import type { Selection } from '../datatrics/json-selection.ts';
import type { ProjectSettings } from '../datatrics/project-settings.ts';
import type { RecordOf } from '../datatrics/records/record-types.ts';
import { Session } from '../datatrics/session.ts';
import type { Operation } from '../upstream/operation.ts';

/** The context of every resolver: access to the data for one principal and one operation. */
export interface GatewayContext {
  readonly session: Session;
  readonly bulkUpsert: <R extends Resource>(resource: R, input: BulkUpsertInput) => Promise<BulkResult<RecordOf[R]>>;
  readonly operation: Operation;
}

/** The coerced input of a bulk mutation. */
export interface BulkUpsertInput {
  readonly items: readonly RecordInput[];
  readonly resumeToken?: string | null;
  readonly dryRun: boolean;
}

export type BulkResult<R> = Awaited<ReturnType<typeof bulkUpsert>> & { readonly results: readonly BulkItemResult<R>[] };
export type BulkItemResult<R> = ItemResult & { readonly record: R | null };

export interface ContextOptions {
  readonly principal: Principal;
  readonly caller: Caller;
  readonly operation: Operation;
  /** The record fields that the operation may read; undefined: all. */
  readonly selection: Selection | undefined;
  readonly project: {
    /** Base URL of the project's API. */
    readonly upstream: string;
    readonly client: Client;
    readonly settings: ProjectSettings;
  };
  readonly capabilities: Capabilities;
  readonly bulkLimits: BulkLimits;
  /** Called with the summary of a bulk write whose operation was aborted before the end, for example because the client left. */
  readonly onAbandonedWrite: (summary: object) => void;
}

export function createContext(options: ContextOptions): GatewayContext {
  const { principal, caller, operation, selection, capabilities } = options;
  const { upstream, settings } = options.project;
  const client = options.project.client.as(principal, operation, caller);
  const session = new Session({ client, settings, capabilities, selection });
  return {
    operation,
    session,
    async bulkUpsert<R extends Resource>(resource: R, { items, resumeToken, dryRun }: BulkUpsertInput) {
      const result = await bulkUpsert({
        target: createTarget(resource, session),
        inputs: items,
        resumeToken,
        scope: { principal, upstream },
        dryRun,
        limits: options.bulkLimits,
      });
      if (operation.signal.aborted) options.onAbandonedWrite({ resource, ...result.summary });
      // The target decodes records of its resource only.
      return result as BulkResult<RecordOf[R]>;
    },
  };
}
