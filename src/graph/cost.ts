import { planBulk } from '../datatrics/bulk/upsert.ts';
import { type Endpoint, endpointFor, RESOURCES, type Resource } from '../datatrics/endpoints.ts';
import { canonicalKey, checkId, decodeGlobalId, type RecordKey } from '../datatrics/keys.ts';
import { scopesOfEntities, scopesOfList, scopesOfNodes } from './document-scopes.ts';
import type { Args, FieldCost, PlannedCalls } from './field-cost.ts';
import type { ReadsExtension } from './operation-facts.ts';
import { DEFAULT_PAGE, MAX_PAGE } from './page-size.ts';
import { keyOrNull } from './representation.ts';
import { weightOfInput } from './weight.ts';

/** Pothos `extensions` of a field with a cost. */
export type CostExtensions = { readonly cost: FieldCost };
type LinkExtensions = CostExtensions & ReadsExtension;

/** Cost of a read by id: one call, or one per configured source until the record is found. */
export function costOfFind(resource: Resource): CostExtensions {
  const idName = `${resource}Id`;
  const endpoint = endpointFor(resource, 'get');
  return {
    cost: {
      weight: 1,
      calls: (args, { project }) => {
        const sources = args.source == null ? [...new Set(project.sources[resource])] : [args.source];
        if (sources.length === 0 || args.source === '' || !isValidId(args[idName])) return [];
        const identity = { resource, type: args.type, source: sources[0], id: args[idName] };
        return [{ endpoint, atLeast: 1, atMost: sources.length, identity }];
      },
    },
  };
}

/**
 * Cost of a link to another record: one call, or one per configured source and one for the parent's own source.
 *
 * @param idField the parent's field with the other record's id
 */
export function costOfLink(resource: Resource, idField: string): LinkExtensions {
  return {
    reads: [idField],
    cost: {
      weight: 1,
      calls: ({ source }, { project }) => {
        const atMost = source == null ? new Set(project.sources[resource]).size + 1 : 1;
        return [{ endpoint: endpointFor(resource, 'get'), atLeast: 0, atMost }];
      },
    },
  };
}

export function costOfList(resource: Resource): CostExtensions {
  const endpoint = endpointFor(resource, 'list');
  return {
    cost: {
      weight: 2,
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
      scopes: scopesOfList(resource),
    },
  };
}

/** Cost of a page of a profile's records. The list is always filtered, so it makes no calls when filters are off. */
export function costOfProfileList(resource: Resource): LinkExtensions {
  const { cost } = costOfList(resource);
  return { reads: [], cost: { ...cost, calls: (args, settings) => cost.calls({ ...args, filter: {} }, settings) } };
}

/** Cost of records by their global ids: one call for each distinct id of this project. */
export function costOfNodes(): CostExtensions {
  const idsOf = (args: Args): string[] => args.ids ?? [args.id];
  return {
    cost: {
      weight: 1,
      calls: (args, { projectId }) =>
        [...new Set(idsOf(args))].flatMap((id) => {
          const key = decodeGlobalId(projectId, id);
          return key === null ? [] : [callOf(key)];
        }),
      rows: (args) => idsOf(args).length,
      keys: ({ ids }) => ids?.length ?? 0,
      scopes: scopesOfNodes,
    },
  };
}

/** Cost of entities by a router's representations: one call for each distinct record of this project. */
export function costOfEntities(): CostExtensions {
  return {
    cost: {
      weight: 1,
      calls: ({ representations }, { projectId }) => {
        const calls = new Map<string, PlannedCalls>();
        for (const representation of representations) {
          const key = keyOrNull(projectId, representation);
          if (key) calls.set(canonicalKey(key), callOf(key));
        }
        return [...calls.values()];
      },
      rows: ({ representations }) => representations.length,
      keys: ({ representations }) => representations.length,
      scopes: scopesOfEntities,
    },
  };
}

function callOf(key: RecordKey): PlannedCalls {
  return { endpoint: endpointFor(key.resource, 'get'), atLeast: 1, atMost: 1, identity: key };
}

/** Cost of writing one record: at most one call. The gateway makes no call for an invalid input, but validates only later. */
export function costOfWrite(endpoint: Endpoint): CostExtensions {
  return {
    cost: {
      weight: 1,
      writes: endpoint,
      calls: () => [{ endpoint, atLeast: 0, atMost: 1 }],
      work: ({ input }) => weightOfInput(input),
    },
  };
}

/** Cost of a bulk write: one call per chunk, and the calls that isolate rejected items. */
export function costOfBulk(resource: Resource): CostExtensions {
  const endpoint = endpointFor(resource, 'bulk');
  return {
    cost: {
      weight: 1,
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
      work: ({ input }) => weightOfInput(input),
    },
  };
}

function isValidId(id: string): boolean {
  try {
    return checkId('id', id) === id;
  } catch {
    return false;
  }
}
