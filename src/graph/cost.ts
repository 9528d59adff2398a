import type { BulkLimits } from '../bulk/chunk.ts';
import { planBulk } from '../bulk/upsert.ts';
import type { EndpointName, Resource } from '../datatrics/endpoints.ts';
import { checkId, decodeGlobalId } from '../datatrics/keys.ts';
import type { ProjectSettings } from '../datatrics/session.ts';
import type { ScopeSet } from '../lib/scopes.ts';
import { scopesOfList, scopesOfNodes } from './access.ts';
import { DEFAULT_PAGE } from './connection.ts';

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
}

// biome-ignore lint/suspicious/noExplicitAny: arguments of all fields
type Args = any;

/**
 * What a field costs in REST calls for one parent. It stands in the field's `extensions.cost`; a field without one calls
 * nothing. Retries and the filter probe stand outside.
 */
export interface FieldCost {
  calls(args: Args, settings: CostSettings): readonly PlannedCalls[];
  /** Objects that it gives for one parent, where that is not one. */
  rows?(args: Args): number;
  /** The endpoint by which it writes. */
  readonly writes?: EndpointName;
  /** Scopes that its arguments ask for, beyond those of the types it gives. */
  scopes?(args: Args, settings: CostSettings): ScopeSet;
  /** Arguments that `atMost` depends on; without variables among them it is the same every time, impossible values apart. */
  readonly dependsOn: readonly string[];
}

/** Extensions of a field, as Pothos takes them. */
export type CostExtensions = { readonly cost: FieldCost };

const GET = {
  profile: 'getProfile',
  content: 'getContent',
  conversion: 'getConversion',
  interaction: 'getInteraction',
} as const;
const LIST = {
  profile: 'listProfiles',
  content: 'listContents',
  conversion: 'listConversions',
  interaction: 'listInteractions',
} as const;

/** A read by id: one call, or one per configured source until it is found. */
export function costOfFind(resource: Resource): CostExtensions {
  const idName = `${resource}Id`;
  return {
    cost: {
      dependsOn: ['source'],
      calls: (args, { project }) => {
        const sources = args.source == null ? [...new Set(project.sources[resource])] : [args.source];
        if (sources.length === 0 || args.source === '' || !isPossibleId(args[idName])) return [];
        const identity = JSON.stringify([resource, args.type, sources[0], args[idName]]);
        return [{ endpoint: GET[resource], atLeast: 1, atMost: sources.length, identity }];
      },
    },
  };
}

/** A link: one call, or one per configured source and then the other record's own. */
export function costOfLink(resource: Resource): CostExtensions {
  return {
    cost: {
      dependsOn: ['source'],
      calls: ({ source }, { project }) => {
        const atMost = source == null ? new Set(project.sources[resource]).size + 1 : 1;
        return [{ endpoint: GET[resource], atLeast: 0, atMost }];
      },
    },
  };
}

/** A page of a list: one call or two. */
export function costOfList(resource: Resource): CostExtensions {
  return {
    cost: {
      dependsOn: ['first', 'last', 'source', 'filter'],
      calls: ({ source, filter }, { project }) => {
        const filtered = filter != null || (source != null && resource !== 'profile');
        if (filtered && project.filters === 'off') return [];
        return [{ endpoint: LIST[resource], atLeast: filtered ? 0 : 1, atMost: 2, identity: LIST[resource] }];
      },
      rows: ({ first, last }) => first ?? last ?? DEFAULT_PAGE,
      scopes: scopesOfList(resource),
    },
  };
}

/** A page of what a profile has: always filtered, so nothing where lists are not. */
export function costOfProfileList(resource: Resource): CostExtensions {
  const { cost } = costOfList(resource);
  return { cost: { ...cost, calls: (args, settings) => cost.calls({ ...args, filter: {} }, settings) } };
}

/** Records by their global ids: one call for each that this project could have. */
export function costOfNodes(): CostExtensions {
  const idsOf = (args: Args): string[] => args.ids ?? [args.id];
  return {
    cost: {
      dependsOn: ['id', 'ids'],
      calls: (args, { projectId }) =>
        [...new Set(idsOf(args))].flatMap((id) => {
          const key = decodeGlobalId(projectId, id);
          if (key === null) return [];
          const identity = JSON.stringify([key.resource, key.type, key.source, key.id]);
          return [{ endpoint: GET[key.resource], atLeast: 1, atMost: 1, identity }];
        }),
      rows: (args) => idsOf(args).length,
      scopes: scopesOfNodes,
    },
  };
}

/** A write of one record. An input that is not taken costs nothing, which is known only when it is looked at. */
export function costOfWrite(endpoint: EndpointName): CostExtensions {
  return { cost: { dependsOn: [], writes: endpoint, calls: () => [{ endpoint, atLeast: 0, atMost: 1 }] } };
}

const BULK = {
  profile: 'bulkProfiles',
  content: 'bulkContents',
  conversion: 'bulkConversions',
  interaction: 'bulkInteractions',
} as const;

/** A bulk write: a call per chunk, and those that may be spent on parting refused items from the rest. */
export function costOfBulk(resource: Resource): CostExtensions {
  return {
    cost: {
      dependsOn: ['input'],
      writes: BULK[resource],
      calls: ({ input }, { project, bulkLimits }) => {
        const { items, dryRun, resumeToken } = input;
        if (dryRun || items.length > bulkLimits.maxItems) return [];
        const chunks = planBulk(resource, items, project, bulkLimits);
        // Parting n items takes fewer than 2n calls, whatever the limit.
        const atMost = chunks === 0 ? 0 : chunks + Math.min(bulkLimits.extraRequests, 2 * items.length);
        return [{ endpoint: BULK[resource], atLeast: resumeToken == null ? Math.min(1, chunks) : 0, atMost }];
      },
    },
  };
}

function isPossibleId(id: string): boolean {
  try {
    return checkId('id', id) === id;
  } catch {
    return false;
  }
}
