import type { GraphQLField } from 'graphql';
import { NO_SCOPES, type ScopeSet } from '../auth/scopes.ts';
import { asksByPersonal, PERSONAL, scopeOf } from '../datatrics/access.ts';
import type { BulkLimits } from '../datatrics/bulk/chunk.ts';
import { planBulk } from '../datatrics/bulk/upsert.ts';
import { type Endpoint, endpointFor, RESOURCES, type Resource } from '../datatrics/endpoints.ts';
import { canonicalKey, decodeGlobalId, idProblem, type RecordKey } from '../datatrics/keys.ts';
import type { ProjectSettings } from '../datatrics/project-settings.ts';
import { RECORD_TYPES } from '../datatrics/records/record-types.ts';
import { DEFAULT_PAGE, MAX_PAGE } from './connection.ts';
import { keyOrNull } from './representation.ts';

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
  /** Whether the field returns a connection and has the paging arguments. */
  readonly isConnection?: true;
  readonly writes?: Endpoint;
  /** Scopes that the arguments require, besides those of the field's types. */
  scopes?(args: Args, settings: CostSettings): ScopeSet;
}

/** Pothos `extensions` of a field with a cost. */
type CostExtensions = { readonly cost: FieldCost };
/** `extensions` of a field with a resolver: the parent's fields that the resolver reads, besides the key fields. */
export type ReadsExtension = { readonly reads: readonly string[] };

/** The cost of a field; undefined: it makes no calls. */
export function costOf({ extensions }: Pick<GraphQLField<unknown, unknown>, 'extensions'>): FieldCost | undefined {
  return extensions.cost as FieldCost | undefined;
}

/** Cost of a read by id: one call, or one per configured source until the record is found. */
export function costOfFind(resource: Resource): CostExtensions {
  const endpoint = endpointFor(resource, 'get');
  return {
    cost: {
      calls: ({ source, type, [`${resource}Id`]: id }, { project }) => {
        const sources = source == null ? [...new Set(project.sources[resource])] : [source];
        if (sources.length === 0 || source === '' || idProblem(id)) return [];
        return [{ endpoint, atLeast: 1, atMost: sources.length, identity: { resource, type, source: sources[0], id } }];
      },
    },
  };
}

/**
 * Cost of a link to another record: one call, or one per configured source and one for the parent's own source.
 * @param idField the parent's field with the other record's id
 */
export function costOfLink(resource: Resource, idField: string): CostExtensions & ReadsExtension {
  return {
    reads: [idField],
    cost: {
      calls: ({ source }, { project }) => {
        const atMost = source == null ? new Set(project.sources[resource]).size + 1 : 1;
        return [{ endpoint: endpointFor(resource, 'get'), atLeast: 0, atMost }];
      },
    },
  };
}

/** Cost of a page of a list. When filters are off, a filtered list makes no calls. */
export function costOfList(resource: Resource): CostExtensions {
  const endpoint = endpointFor(resource, 'list');
  return {
    cost: {
      isConnection: true,
      calls: ({ source, filter }, { project }) => {
        const filtered = filter != null || (source != null && !RESOURCES[resource].sourceParameter);
        if (filtered && project.filters === 'off') return [];
        return [{ endpoint, atLeast: filtered ? 0 : 1, atMost: 2, identity: endpoint.name }];
      },
      // An invalid page size fails and returns no rows.
      rows: ({ first, last }) => {
        const size = first ?? last ?? DEFAULT_PAGE;
        return size >= 1 && size <= MAX_PAGE ? size : 0;
      },
      // A filter or an order by a personal field: the rows reveal its values.
      scopes: ({ filter, orderBy }, { project }) => {
        const type = (project.recordTypes ?? RECORD_TYPES)[resource];
        return asksByPersonal(project.masking, type, filter, orderBy?.field) ? PERSONAL : NO_SCOPES;
      },
    },
  };
}

/** Cost of a page of a profile's records, which is always filtered. */
export function costOfProfileList(resource: Resource): CostExtensions & ReadsExtension {
  const { cost } = costOfList(resource);
  return { reads: [], cost: { ...cost, calls: (args, settings) => cost.calls({ ...args, filter: {} }, settings) } };
}

/** Cost of records by their global ids. */
export function costOfNodes(): CostExtensions {
  return costOfKeys(({ id, ids = [id] }) => ids, decodeGlobalId);
}

/** Cost of entities by a router's representations. */
export function costOfEntities(): CostExtensions {
  return costOfKeys(({ representations }) => representations, keyOrNull);
}

/** One call for each distinct record of this project, and read access to its resource. */
function costOfKeys<T>(
  given: (args: Args) => readonly T[],
  toKey: (project: string, one: T) => RecordKey | null,
): CostExtensions {
  const keysOf = (args: Args, { projectId }: CostSettings): Map<string, RecordKey> =>
    new Map(
      given(args).flatMap((one) => {
        const key = toKey(projectId, one);
        return key ? [[canonicalKey(key), key]] : [];
      }),
    );
  return {
    cost: {
      calls: (args, settings) =>
        Array.from(keysOf(args, settings).values(), (key) => ({
          endpoint: endpointFor(key.resource, 'get'),
          atLeast: 1,
          atMost: 1,
          identity: key,
        })),
      rows: (args) => given(args).length,
      scopes: (args, settings) =>
        [...keysOf(args, settings).values()].reduce(
          (scopes: ScopeSet, { resource }) => scopes | scopeOf(resource, 'read'),
          NO_SCOPES,
        ),
    },
  };
}

/** Cost of writing one record: at most one call. The gateway makes no call for an invalid input, but validates only later. */
export function costOfWrite(endpoint: Endpoint): CostExtensions {
  return { cost: { writes: endpoint, calls: () => [{ endpoint, atLeast: 0, atMost: 1 }] } };
}

/** Cost of a bulk write: one call per chunk, and the calls that isolate rejected items. */
export function costOfBulk(resource: Resource): CostExtensions {
  const endpoint = endpointFor(resource, 'bulk');
  return {
    cost: {
      writes: endpoint,
      calls: ({ input }, { project, bulkLimits }) => {
        const { items, dryRun, resumeToken } = input;
        if (dryRun || items.length > bulkLimits.maxItems) return [];
        const chunks = planBulk(resource, items, project, bulkLimits);
        // Isolating rejected items among n items takes fewer than 2n calls.
        const atMost = chunks === 0 ? 0 : chunks + Math.min(bulkLimits.extraRequests, 2 * items.length);
        return [{ endpoint, atLeast: resumeToken == null ? Math.min(1, chunks) : 0, atMost }];
      },
      rows: ({ input }) => input.items.length,
    },
  };
}
