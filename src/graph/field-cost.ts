import type { GraphQLField } from 'graphql';
import type { ScopeSet } from '../auth/scopes.ts';
import type { BulkLimits } from '../datatrics/bulk/chunk.ts';
import type { Endpoint } from '../datatrics/endpoints.ts';
import type { RecordKey } from '../datatrics/keys.ts';
import type { ProjectSettings } from '../datatrics/project-settings.ts';

/** Settings on which the cost of a field depends, besides its arguments. */
export interface CostSettings {
  readonly project: ProjectSettings;
  readonly projectId: string;
  readonly bulkLimits: BulkLimits;
}

/** Calls of one endpoint that a field makes for one parent. */
export interface PlannedCalls {
  readonly endpoint: Endpoint;
  readonly atLeast: number;
  readonly atMost: number;
  /** Identifies the call that `atLeast` counts, so that fields that share the call count it once. */
  readonly identity?: RecordKey | string;
}

// biome-ignore lint/suspicious/noExplicitAny: arguments of all fields
export type Args = any;

/**
 * The cost of a field in REST calls for one parent, in the field's `extensions.cost`. A field without it makes no calls. It
 * does not include retries and the filter probe.
 */
export interface FieldCost {
  calls(args: Args, settings: CostSettings): readonly PlannedCalls[];
  /** Number of objects that the field returns for one parent. Default: one. */
  rows?(args: Args): number;
  /** Number of record keys in the arguments: ids, or representations of entities. */
  keys?(args: Args): number;
  /** Weight of the work that the arguments cause in the gateway, besides calls. */
  work?(args: Args): number;
  /** Typical number of calls for one parent: the weight in `@cost` for routers. */
  readonly weight: number;
  /** Whether the field returns a connection and has the paging arguments. */
  readonly isConnection?: true;
  readonly writes?: Endpoint;
  /** Scopes that the arguments require, besides those of the field's types. */
  scopes?(args: Args, settings: CostSettings): ScopeSet;
}

/** The cost of a field; undefined: it makes no calls. */
export function costOf({ extensions }: Pick<GraphQLField<unknown, unknown>, 'extensions'>): FieldCost | undefined {
  return extensions.cost as FieldCost | undefined;
}
