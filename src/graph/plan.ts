import {
  type FragmentDefinitionNode,
  type GraphQLSchema,
  getArgumentValues,
  getNullableType,
  isListType,
  type OperationDefinitionNode,
} from 'graphql';
import type { Endpoint } from '../datatrics/endpoints.ts';
import { type Collected, collectFields, type PlanField } from './collected-fields.ts';
import { type Estimate, EstimateCache } from './estimate-cache.ts';
import type { CostSettings, PlannedCalls } from './field-cost.ts';
import { hasDirective } from './incremental.ts';
import type { OperationFacts } from './operation-facts.ts';
import { FAILURE } from './weight.ts';

type Variables = Readonly<Record<string, unknown>>;

/** One line of a plan: the calls of one field to one endpoint, for all its parents together. */
export interface PlanEntry {
  /** Response names from the root. */
  readonly path: readonly string[];
  readonly method: string;
  /** Path template, relative to the API's base URL. */
  readonly endpoint: string;
  readonly atLeast: number;
  readonly atMost: number;
  /** A list on the path has no page size, so the plan assumes the configured number of items. */
  readonly assumed?: true;
}

/** Assumed items of a list without a page size. Most lists are short, and MAX_UPSTREAM_CALLS limits the calls really made. */
export const ASSUMED_LIST_SIZE = 10;

/** Options of the planner. */
export interface PlannerLimits {
  /** Number of items assumed for a list without a page size. */
  readonly assumedListSize: number;
  /** Weight of an answer's values beyond which the planner does not count the calls of writes. Default: no limit. */
  readonly maxEstimatedValues?: number;
}

/** Computes the cost of an operation before it runs. */
export interface Planner {
  /** The cost in the worst case. Cheap: the planner caches estimates. */
  estimate(variables: Variables, settings: CostSettings): Estimate;
  /** The REST calls of the operation, one entry per field and endpoint. */
  plan(variables: Variables, settings: CostSettings): PlanEntry[];
  /** Number of record keys in the root fields: representations of all `_entities` together, and the largest `ids` of a `nodes`. */
  keys(variables: Variables): { readonly representations: number; readonly ids: number };
}

/**
 * Creates the planner of an operation. It collects the selections once, as the executor would. When `@skip` or `@include`
 * depend on variables, it collects them again for each call.
 */
export function createPlanner(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  facts: OperationFacts,
  { assumedListSize, maxEstimatedValues = Number.POSITIVE_INFINITY }: PlannerLimits,
): Planner {
  const root = schema.getRootType(operation.operation);
  const names = { aliases: 0, longestName: 0 };
  const collectRoot = (variables: Variables): Collected => {
    Object.assign(names, { aliases: 0, longestName: 0 });
    if (!root) return { fields: [], leaves: 0, deferred: 0 };
    return collectFields({ schema, fragments, variables, names }, root, [operation.selectionSet]);
  };
  const prepared = facts.conditions.size > 0 ? undefined : collectRoot({});
  const cache = prepared && new EstimateCache(prepared.fields);

  /** @param entries receives the plan's entries */
  function count(variables: Variables, settings: CostSettings, entries?: PlanEntry[]): Estimate {
    let calls = 0;
    let values = 0;
    let perItem = 1;
    let parts = 0;
    const counted = new Set<string>();

    /**
     * @param parents maximum number of objects with this field
     * @param pageSize for a field of a connection, the number of items in the connection's lists
     */
    function walk(
      field: PlanField,
      above: readonly string[],
      parents: number,
      assumed: boolean,
      pageSize?: number,
    ): void {
      const { definition, cost } = field;
      const path = [...above, field.name];
      const args = argumentsOf(field, variables);
      if (cost || args === null) values += parents * FAILURE;
      // Invalid arguments: the field fails without a call.
      if (args === null) return;
      values += parents * (cost?.work?.(args) ?? 0);
      // Counting the calls of a write encodes its input. Skip that for an input that already exceeds the limit.
      const isTooLarge = cost?.writes && values > maxEstimatedValues;
      for (const planned of isTooLarge ? [] : (cost?.calls(args, settings) ?? [])) {
        if (entries && planned.isInvalid) continue;
        calls += parents * planned.atMost;
        if (!entries) continue;
        const least = above.length > 0 ? 0 : leastOf(planned, counted, settings.project.batchReads !== 'off');
        entries.push(entryOf(path, planned.endpoint, least, parents * planned.atMost, assumed));
      }
      const rows = cost?.rows?.(args);
      if (!isListType(getNullableType(definition.type))) {
        values += parents * field.weight;
        parts += parents * field.deferred;
        for (const child of field.children) walk(child, path, parents, assumed, rows);
        return;
      }
      const size = pageSize ?? rows;
      const items = parents * (size ?? assumedListSize);
      const before = values;
      values += items * field.weight;
      parts += items * (field.deferred + (hasDirective(field.node, 'stream') ? 1 : 0));
      for (const child of field.children) walk(child, path, items, assumed || size === undefined);
      if (size === undefined && items > 0) perItem = Math.max(perItem, (values - before) / items);
    }

    const { fields, deferred } = prepared ?? collectRoot(variables);
    for (const field of fields) walk(field, [], 1, false);
    return { calls, values, perItem, parts: parts + deferred, ...names };
  }

  function plan(variables: Variables, settings: CostSettings): PlanEntry[] {
    const entries: PlanEntry[] = [];
    count(variables, settings, entries);
    return entries;
  }

  function estimate(variables: Variables, settings: CostSettings): Estimate {
    const make = (): Estimate => count(variables, settings);
    return cache ? cache.get(variables, settings, make) : make();
  }

  /** The root fields with keys; undefined when they depend on variables. */
  const withKeys = prepared ? prepared.fields.filter(({ cost }) => cost?.keys) : facts.takesKeys ? undefined : [];
  function keys(variables: Variables): ReturnType<Planner['keys']> {
    let representations = 0;
    let ids = 0;
    for (const field of withKeys ?? collectRoot(variables).fields) {
      const args = field.cost?.keys && argumentsOf(field, variables);
      if (!args) continue;
      if (args.ids) ids = Math.max(ids, (args.ids as unknown[]).length);
      else representations += field.cost?.keys?.(args) ?? 0;
    }
    return { representations, ids };
  }

  return { plan, estimate, keys };
}

function argumentsOf({ definition, node }: PlanField, variables: Variables): Record<string, unknown> | null {
  try {
    return getArgumentValues(definition, node, variables);
  } catch {
    return null;
  }
}

/** Number of calls that certainly happen, for a root field: its parent always exists. Fields that share a call count it once. */
function leastOf({ atLeast, endpoint, ...calls }: PlannedCalls, counted: Set<string>, batches: boolean): number {
  // With batching, one call can read many records, so only one call is certain.
  const identity = batches ? endpoint.name : calls.identity;
  if (identity === undefined) return atLeast;
  if (counted.has(identity)) return 0;
  counted.add(identity);
  return atLeast;
}

function entryOf(
  path: readonly string[],
  endpoint: Endpoint,
  atLeast: number,
  atMost: number,
  assumed: boolean,
): PlanEntry {
  return { path, method: endpoint.method, endpoint: endpoint.path, atLeast, atMost, ...(assumed && { assumed }) };
}
