import {
  type FragmentDefinitionNode,
  type GraphQLSchema,
  getArgumentValues,
  getNullableType,
  isListType,
  type OperationDefinitionNode,
} from 'graphql';
import { ENDPOINTS, type EndpointName } from '../datatrics/endpoints.ts';
import { type Collected, collectFields, type PlanField } from './collected-fields.ts';
import { type Estimate, EstimateCache } from './estimate-cache.ts';
import type { CostSettings, PlannedCalls } from './field-cost.ts';
import { hasDirective } from './incremental.ts';
import type { OperationFacts } from './operation-facts.ts';
import { FAILURE } from './weight.ts';

type Variables = Readonly<Record<string, unknown>>;

/** One line of a plan: the calls of one endpoint that one field makes, all its parents together. */
export interface PlanEntry {
  /** Response names from the root. */
  readonly path: readonly string[];
  readonly method: string;
  /** Path template, below the API's base URL. */
  readonly endpoint: string;
  readonly atLeast: number;
  readonly atMost: number;
  /** A list on the way has no page size, and was taken to have the configured number of items. */
  readonly assumed?: true;
}

/** What a list without a page size counts as. Most lists are short, and the calls really made are limited too. */
export const ASSUMED_LIST_SIZE = 10;

/** How the parts of an operation are counted. */
export interface PlannerLimits {
  /** Items that a list without a page size counts as. */
  readonly assumedListSize: number;
  /** Weight of an answer's values beyond which the calls of writes are not counted. Default: any. */
  readonly maxEstimatedValues?: number;
}

/** Tells what an operation costs before it runs. */
export interface Planner {
  /** Cheap, and remembered where variables do not matter. */
  estimate(variables: Variables, settings: CostSettings): Estimate;
  plan(variables: Variables, settings: CostSettings): PlanEntry[];
  /** Keys that its root fields are given: those of all `_entities` together, and the most of one `nodes`. */
  keys(variables: Variables): { readonly representations: number; readonly ids: number };
}

/**
 * Prepares the planner of an operation: its selections are collected once, as the executor would; only where `@skip` or
 * `@include` depend on variables are they collected anew for each set of these.
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
  const remembered = prepared && new EstimateCache(prepared.fields);

  /** @param entries the plan, where one is wanted */
  function count(variables: Variables, settings: CostSettings, entries?: PlanEntry[]): Estimate {
    let calls = 0;
    let values = 0;
    let perItem = 1;
    let parts = 0;
    const counted = new Set<string>();

    /**
     * @param parents objects that the field is asked of, at most
     * @param pageSize items of the lists in a connection, on the fields of one
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
      // Its arguments can't be, so it will fail without a call, and have nothing below it.
      if (args === null) return;
      values += parents * (cost?.work?.(args) ?? 0);
      // An input that is over the limit already is not encoded to count its calls.
      const isTooLarge = cost?.writes && values > maxEstimatedValues;
      for (const planned of isTooLarge ? [] : (cost?.calls(args, settings) ?? [])) {
        if (entries && planned.isImpossible) continue;
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
    return remembered ? remembered.get(variables, settings, make) : make();
  }

  /** Undefined: which of them there are depends on variables. */
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

/** Calls that surely happen: on the first level, where no parent can be missing, and once for all fields that share one. */
function leastOf({ atLeast, endpoint, ...calls }: PlannedCalls, counted: Set<string>, batches: boolean): number {
  // Where many records may come by one call, no more than one of them is sure.
  const identity = batches ? endpoint : calls.identity;
  if (identity === undefined) return atLeast;
  if (counted.has(identity)) return 0;
  counted.add(identity);
  return atLeast;
}

function entryOf(
  path: readonly string[],
  name: EndpointName,
  atLeast: number,
  atMost: number,
  assumed: boolean,
): PlanEntry {
  const { method, path: endpoint } = ENDPOINTS[name];
  return { path, method, endpoint, atLeast, atMost, ...(assumed && { assumed }) };
}
