import {
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isAbstractType,
  isLeafType,
  isListType,
  isObjectType,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { canonicalKey } from '../datatrics/keys.ts';
import { countValues } from '../lib/json-size.ts';
import { type Args, type CostSettings, costOf, type FieldCost, type PlannedCalls } from './cost.ts';
import { hasDirective } from './incremental.ts';
import type { OperationFacts } from './operation-facts.ts';
import {
  argumentsOf,
  collectFields,
  hasVariable,
  possibleTypes,
  type Scope,
  type UsedField,
  type Variables,
} from './selections.ts';

/** One line of a plan: the calls of one field to one endpoint, for all its parents together. */
export interface PlanEntry {
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

export interface PlannerLimits {
  readonly assumedListSize: number;
  /** Weight of an answer's values. Beyond it, the planner does not count the calls of writes: it would encode the input. */
  readonly maxEstimatedValues: number;
  /**
   * Entity representations in one operation, and ids in one `nodes` field. Beyond it, the planner does not count their calls:
   * it would decode each.
   */
  readonly maxRepresentations: number;
}

/** Cost of an operation in the worst case. */
export interface Estimate {
  readonly calls: number;
  /** Weight of the answer's values. The unit is one plain value: see `RECORD_WEIGHT` and the other weights. */
  readonly values: number;
  /** Weight of one item of a list whose length is unknown before the read. */
  readonly perItem: number;
  /** Maximum number of parts after the first that `@defer` and `@stream` cause. */
  readonly parts: number;
  /** Number of aliases. With aliases, an answer can contain the same data more than once. */
  readonly aliases: number;
  /** Length of the longest response name, in characters. */
  readonly longestName: number;
  readonly representations: number;
  /** The largest number of ids of a `nodes` field. */
  readonly ids: number;
}

/*
 * Weights, relative to one plain value of an answer, such as a number or a name. That takes up to a microsecond of CPU time when
 * an operation runs for the first time, and less when it runs compiled.
 */
/** A record: one row of a REST response to read and decode, with an unknown number of fields. */
const RECORD_WEIGHT = 8;
/** Any other object, such as an edge or a line of a conversion. */
const OBJECT_WEIGHT = 2;
/** A field that can fail: an error with its path costs more than most records. */
const FAILURE_WEIGHT = 40;
/** Number of input values that weigh one unit. The gateway encodes each value twice and sends it. */
const INPUT_PER_UNIT = 4;
/** Scalars that cost more than a plain value: the gateway converts ids and times, and a JSON object can have many names. */
const SCALAR_WEIGHTS: Readonly<Record<string, number>> = { ID: 2, DateTime: 2, JSONObject: 6 };

function weightOfObject(type: GraphQLNamedType): number {
  const isRecord = isAbstractType(type) || (isObjectType(type) && type.getInterfaces().length > 0);
  return isRecord ? RECORD_WEIGHT : OBJECT_WEIGHT;
}

/** A field with objects, and its selections merged as the executor merges them. */
interface PlanField extends UsedField {
  readonly name: string;
  readonly isList: boolean;
  /** Null if they are invalid; undefined if they depend on variables. */
  readonly args: Args | null | undefined;
  readonly cost: FieldCost | undefined;
  readonly children: readonly PlanField[];
  /** Weight of one object that the field returns, with its leaves. */
  readonly weight: number;
  readonly deferred: number;
}

/** The selections on objects of one type. */
interface Selections {
  readonly fields: readonly PlanField[];
  /** Weight of the fields with plain values. */
  readonly leaves: number;
  readonly deferred: number;
  readonly aliases: number;
  readonly longestName: number;
}

function readSelections(scope: Scope, type: GraphQLObjectType, sets: readonly SelectionSetNode[]): Selections {
  const collected = collectFields(scope, type, sets);
  const fields: PlanField[] = [];
  let leaves = 0;
  let aliases = 0;
  let longestName = 0;
  for (const [name, { node, sets: selected }] of collected.fields) {
    if (node.alias) aliases += 1;
    longestName = Math.max(longestName, name.length);
    const definition: GraphQLField<unknown, unknown> | undefined = type.getFields()[node.name.value];
    // `__typename` and introspection, which has a limit of its own.
    if (!definition) {
      leaves += 1;
      continue;
    }
    const named = getNamedType(definition.type);
    if (isLeafType(named)) {
      leaves += SCALAR_WEIGHTS[named.name] ?? 1;
      continue;
    }
    const below = possibleTypes(scope.schema, definition).map((child) => readSelections(scope, child, selected));
    const most = (count: keyof Omit<Selections, 'fields'>): number => Math.max(0, ...below.map((one) => one[count]));
    aliases += below.reduce((sum, one) => sum + one.aliases, 0);
    longestName = Math.max(longestName, most('longestName'));
    fields.push({
      name,
      definition,
      node,
      isList: isListType(getNullableType(definition.type)),
      args: node.arguments?.some(hasVariable) ? undefined : argumentsOf({ definition, node }, {}),
      cost: costOf(definition),
      children: below.flatMap((one) => one.fields),
      weight: weightOfObject(named) + most('leaves'),
      deferred: most('deferred'),
    });
  }
  return { fields, leaves, deferred: collected.deferred, aliases, longestName };
}

export type Planner = ReturnType<typeof createPlanner>;

/**
 * Creates the function that computes the cost of an operation before it runs. It reads the selections once, or for each request
 * when `@skip` or `@include` depend on variables.
 */
export function createPlanner(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  { fragments, conditions }: OperationFacts,
  limits: PlannerLimits,
) {
  // Validated documents have a root type.
  const root = schema.getRootType(operation.operation) as GraphQLObjectType;
  const read = (variables: Variables): Selections =>
    readSelections({ schema, fragments, variables }, root, [operation.selectionSet]);
  const constant = conditions.size > 0 ? undefined : read({});

  /** @param entries receives the REST calls of the operation, one entry per field and endpoint */
  return function estimate(variables: Variables, settings: CostSettings, entries?: PlanEntry[]): Estimate {
    const { fields, deferred, aliases, longestName } = constant ?? read(variables);
    const total = {
      calls: 0,
      values: 0,
      perItem: 1,
      parts: deferred,
      aliases,
      longestName,
      representations: 0,
      ids: 0,
    };
    /** Identities of the calls that certainly happen. */
    const certain = new Set<string>();

    /**
     * @param path of the parent; undefined for a root field, and without a plan
     * @param parents maximum number of objects with this field
     * @param assumed whether `parents` depends on an assumed list size
     * @param pageSize for a field of a connection, the number of items in the connection's lists
     */
    function add(
      field: PlanField,
      path: readonly string[] | undefined,
      parents: number,
      assumed: boolean,
      pageSize: number | undefined,
    ): void {
      const { cost, isList, args = argumentsOf(field, variables) } = field;
      if (cost || args === null) total.values += parents * FAILURE_WEIGHT;
      // Invalid arguments: the field fails without a call.
      if (args === null) return;
      const fieldPath = entries && [...(path ?? []), field.name];
      if (cost) addCalls(cost, args, parents, fieldPath, assumed);
      const rows = cost?.rows?.(args);
      if (!isList) {
        total.values += parents * field.weight;
        total.parts += parents * field.deferred;
        for (const child of field.children) add(child, fieldPath, parents, assumed, rows);
        return;
      }
      const size = pageSize ?? rows;
      const items = parents * (size ?? limits.assumedListSize);
      const before = total.values;
      total.values += items * field.weight;
      total.parts += items * (field.deferred + (hasDirective(field.node, 'stream') ? 1 : 0));
      for (const child of field.children) add(child, fieldPath, items, assumed || size === undefined, undefined);
      if (size === undefined && items > 0) {
        total.perItem = Math.max(total.perItem, (total.values - before) / items);
      }
    }

    /** @param path of the field; undefined without a plan */
    function addCalls(
      cost: FieldCost,
      args: Args,
      parents: number,
      path: readonly string[] | undefined,
      assumed: boolean,
    ): void {
      if (cost.writes) total.values += parents * Math.ceil(countValues(args.input) / INPUT_PER_UNIT);
      total.ids = Math.max(total.ids, args.ids?.length ?? 0);
      total.representations += args.representations?.length ?? 0;
      if (cost.writes && total.values > limits.maxEstimatedValues) return;
      if (Math.max(total.ids, total.representations) > limits.maxRepresentations) return;
      for (const planned of cost.calls(args, settings)) {
        const atMost = parents * planned.atMost;
        total.calls += atMost;
        if (path === undefined) continue;
        const atLeast = path.length > 1 ? 0 : leastOf(planned);
        const { method, path: endpoint } = planned.endpoint;
        entries?.push({ path, method, endpoint, atLeast, atMost, ...(assumed && { assumed }) });
      }
    }

    /** Number of calls that certainly happen, for a root field: its parent always exists. Fields that share a call count it once. */
    function leastOf({ atLeast, endpoint, ...calls }: PlannedCalls): number {
      // With batching, one call can read many records, so only one call is certain.
      const identity = settings.project.batchReads === 'off' ? calls.identity : endpoint.name;
      if (identity === undefined) return atLeast;
      const name = typeof identity === 'string' ? identity : canonicalKey(identity);
      if (certain.has(name)) return 0;
      certain.add(name);
      return atLeast;
    }

    for (const field of fields) add(field, undefined, 1, false, undefined);
    return total;
  };
}
