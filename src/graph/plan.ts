import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isLeafType,
  isListType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';
import { ENDPOINTS, type EndpointName } from '../datatrics/endpoints.ts';
import { conditionsOf, isIncluded } from './conditions.ts';
import type { CostSettings, FieldCost, PlannedCalls } from './field-cost.ts';
import { hasDirective } from './incremental.ts';
import { FAILURE, weightOfLeaf, weightOfObject } from './weight.ts';

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

/** What an operation costs in the worst case. */
export interface Estimate {
  /** REST calls. */
  readonly calls: number;
  /** Weight of the answer's values, as `weight.ts` counts them. */
  readonly values: number;
  /** The same for one item of a list whose length is known only when it is read. */
  readonly perItem: number;
  /** Parts that `@defer` and `@stream` may divide the answer into, besides the first. */
  readonly parts: number;
  /** Aliases, by which the same data can be in the answer more than once. */
  readonly aliases: number;
  /** Characters of the longest name in the answer. */
  readonly longestName: number;
}

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

/** A field as the executor will meet it: all selections of one response name on one type. */
interface PlanField {
  readonly name: string;
  readonly definition: GraphQLField<unknown, unknown>;
  readonly node: FieldNode;
  readonly cost: FieldCost | undefined;
  readonly children: readonly PlanField[];
  /** Weight of one object that it gives, its leaves included. */
  readonly weight: number;
  /** Fragments with `@defer` on one object that it gives. */
  readonly deferred: number;
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/**
 * Prepares the planner of an operation: its selections are collected once, as the executor would; only where `@skip` or
 * `@include` depend on variables are they collected anew for each set of these.
 */
export function createPlanner(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: Fragments,
  { assumedListSize, maxEstimatedValues = Number.POSITIVE_INFINITY }: PlannerLimits,
): Planner {
  const root = schema.getRootType(operation.operation);
  const names = { aliases: 0, longestName: 0 };
  const collectRoot = (variables: Variables): Collected => {
    Object.assign(names, { aliases: 0, longestName: 0 });
    if (!root) return { fields: [], leaves: 0, deferred: 0 };
    return collect({ schema, fragments, variables, names }, root, [operation.selectionSet]);
  };
  const isConditional = conditionsOf([operation, ...fragments.values()]).size > 0;
  const prepared = isConditional ? undefined : collectRoot({});
  /** Variables that the estimate depends on; undefined: all may matter. */
  const matter = prepared && variablesOf(prepared.fields);
  /** By project, and by those variables. */
  const remembered = new WeakMap<object, Map<string, Estimate>>();

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
    const key = matter && keyOf(settings.projectId, matter, variables);
    if (key === undefined) return count(variables, settings);
    let known = remembered.get(settings.project);
    if (known === undefined || known.size >= MAX_REMEMBERED) {
      known = new Map();
      remembered.set(settings.project, known);
    }
    let estimated = known.get(key);
    if (estimated === undefined) {
      estimated = count(variables, settings);
      known.set(key, estimated);
    }
    return estimated;
  }

  /** Undefined: which of them there are depends on variables. */
  const withKeys = prepared
    ? prepared.fields.filter(({ cost }) => cost?.keys)
    : [operation, ...fragments.values()].some((definition) => mayTakeKeys(root, definition))
      ? undefined
      : [];
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

interface Scope {
  readonly schema: GraphQLSchema;
  readonly fragments: Fragments;
  readonly variables: Variables;
  /** Counted on the way. */
  readonly names: { aliases: number; longestName: number };
}

/** What is selected on objects of one type: their fields that give objects, and the weight of the others. */
interface Collected {
  readonly fields: readonly PlanField[];
  readonly leaves: number;
  /** Fragments with `@defer` among the selections. */
  readonly deferred: number;
}

/** Groups selections by response name, https://spec.graphql.org/October2021/#CollectFields(). */
function collect(scope: Scope, type: GraphQLObjectType, sets: readonly SelectionSetNode[]): Collected {
  const groups = new Map<string, { node: FieldNode; sets: SelectionSetNode[] }>();
  const visited = new Set<string>();
  let deferred = 0;
  const spread = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (!isIncluded(selection, scope.variables)) continue;
      if (selection.kind === Kind.FIELD) {
        const name = selection.alias?.value ?? selection.name.value;
        const group = groups.get(name) ?? { node: selection, sets: [] };
        groups.set(name, group);
        if (selection.selectionSet) group.sets.push(selection.selectionSet);
        continue;
      }
      if (hasDirective(selection, 'defer')) deferred += 1;
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        if (visited.has(selection.name.value)) continue;
        visited.add(selection.name.value);
      }
      const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : scope.fragments.get(selection.name.value);
      if (fragment && applies(scope.schema, type, fragment.typeCondition?.name.value)) spread(fragment.selectionSet);
    }
  };
  sets.forEach(spread);

  const fields: PlanField[] = [];
  let leaves = 0;
  for (const [name, group] of groups) {
    if (group.node.alias) scope.names.aliases += 1;
    scope.names.longestName = Math.max(scope.names.longestName, name.length);
    const definition = type.getFields()[group.node.name.value];
    const named = definition && getNamedType(definition.type);
    // `__typename`; what is asked of the schema itself has a limit of its own.
    if (!definition || isLeafType(named)) {
      leaves += definition ? weightOfLeaf(definition.type) : 1;
      continue;
    }
    const below = possibleTypes(scope.schema, definition).map((child) => collect(scope, child, group.sets));
    const weight = weightOfObject(named as GraphQLNamedType) + Math.max(0, ...below.map((one) => one.leaves));
    const cost = definition.extensions.cost as FieldCost | undefined;
    const children = below.flatMap((one) => one.fields);
    const deferredBelow = Math.max(0, ...below.map((one) => one.deferred));
    fields.push({ name, definition, node: group.node, cost, children, weight, deferred: deferredBelow });
  }
  return { fields, leaves, deferred };
}

function possibleTypes(schema: GraphQLSchema, { type }: GraphQLField<unknown, unknown>): readonly GraphQLObjectType[] {
  const named = getNamedType(type);
  if (!isCompositeType(named)) return [];
  return isAbstractType(named) ? schema.getPossibleTypes(named) : [named];
}

function applies(schema: GraphQLSchema, type: GraphQLObjectType, condition: string | undefined): boolean {
  if (condition === undefined || condition === type.name) return true;
  const named = schema.getType(condition);
  return isAbstractType(named) && schema.isSubType(named, type);
}

/** Estimates of one operation that are remembered at once. */
const MAX_REMEMBERED = 64;
/** Characters of one variable's value in what an estimate is remembered by, and of all together. */
const MAX_KEY_CHARACTERS = 64;
const MAX_KEY_LENGTH = 256;

/** Variables of arguments: those on whose values the number of calls depends, and those that may make a field impossible. */
interface Influences {
  readonly values: ReadonlySet<string>;
  readonly presence: ReadonlySet<string>;
}

/** Names what variables say; undefined where one is no short scalar, and so not worth remembering. */
function keyOf(project: string, { values, presence }: Influences, variables: Variables): string | undefined {
  let key = `${project} `;
  for (const name of values) {
    const value = variables[name];
    if (typeof value === 'string' ? value.length > MAX_KEY_CHARACTERS : typeof value === 'object' && value !== null) {
      return undefined;
    }
    // A string is quoted by its length, so that no other values read the same.
    key += typeof value === 'string' ? `${value.length}"${value}` : `${value},`;
  }
  for (const name of presence) {
    const value = variables[name];
    key += value === undefined ? 'u' : value === null ? 'n' : 'v';
  }
  return key.length > MAX_KEY_LENGTH ? undefined : key;
}

function variablesOf(fields: readonly PlanField[]): Influences {
  const values = new Set<string>();
  const presence = new Set<string>();
  const look = ({ cost, node, children }: PlanField): void => {
    for (const { name, value } of node.arguments ?? []) {
      const names = cost?.dependsOn.includes(name.value) ? values : presence;
      visit(value, {
        Variable(variable) {
          names.add(variable.name.value);
        },
      });
    }
    children.forEach(look);
  };
  fields.forEach(look);
  return { values, presence };
}

/** Whether a field has arguments, and the name of a root field that takes keys. */
function mayTakeKeys(
  root: GraphQLObjectType | null | undefined,
  definition: OperationDefinitionNode | FragmentDefinitionNode,
): boolean {
  let found = false;
  visit(definition.selectionSet, {
    Field({ name, arguments: args }) {
      const cost = args?.length ? root?.getFields()[name.value]?.extensions.cost : undefined;
      found ||= (cost as FieldCost | undefined)?.keys !== undefined;
    },
  });
  return found;
}
