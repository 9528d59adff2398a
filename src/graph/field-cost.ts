import type { ScopeSet } from '../auth/scopes.ts';
import type { BulkLimits } from '../datatrics/bulk/chunk.ts';
import type { EndpointName } from '../datatrics/endpoints.ts';
import type { ProjectSettings } from '../datatrics/settings.ts';

/** What the cost of a field depends on, besides its arguments. */
export interface CostSettings {
  readonly project: ProjectSettings;
  /** The project id. */
  readonly projectId: string;
  readonly bulkLimits: BulkLimits;
}

/** Calls of one endpoint that a field makes for one parent. */
export interface PlannedCalls {
  readonly endpoint: EndpointName;
  readonly atLeast: number;
  readonly atMost: number;
  /** Names the call that `atLeast` counts, so that it is not counted again where another field shares it. */
  readonly identity?: string;
  /** Not made with the values at hand, but counted by estimates, which are remembered for other values too. */
  readonly isImpossible?: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: arguments of all fields
export type Args = any;

/**
 * What a field costs in REST calls for one parent. It stands in the field's `extensions.cost`; a field without one calls
 * nothing. Retries and the filter probe stand outside.
 */
export interface FieldCost {
  calls(args: Args, settings: CostSettings): readonly PlannedCalls[];
  /** Objects that it gives for one parent, where that is not one. */
  rows?(args: Args): number;
  /** Keys of records that it is given: ids, or representations of entities. */
  keys?(args: Args): number;
  /** Weight of what its arguments make the gateway do, besides calls. */
  work?(args: Args): number;
  /** Calls that it mostly makes for one parent, as routers are told. */
  readonly weight: number;
  /** Whether it gives a connection with the paging arguments. */
  readonly isConnection?: true;
  /** The endpoint by which it writes. */
  readonly writes?: EndpointName;
  /** Scopes that its arguments ask for, beyond those of the types it gives. */
  scopes?(args: Args, settings: CostSettings): ScopeSet;
  /** Arguments on whose values `atMost` and `rows` depend; without variables among them they are the same every time. */
  readonly dependsOn: readonly string[];
}
