import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isListType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';
import { ENDPOINTS, type EndpointName } from '../datatrics/endpoints.ts';
import { conditionsOf, isIncluded } from './conditions.ts';
import type { CostSettings, FieldCost, PlannedCalls } from './cost.ts';

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

/** Tells what an operation costs before it runs. */
export interface Planner {
  /** REST calls in the worst case; cheap, and remembered where variables do not matter. */
  estimate(variables: Variables, settings: CostSettings): number;
  plan(variables: Variables, settings: CostSettings): PlanEntry[];
  /** Representations of entities that it asks for, all its fields together. */
  representations(variables: Variables): number;
}

/** A field as the executor will meet it: all selections of one response name on one type. */
interface PlanField {
  readonly name: string;
  readonly definition: GraphQLField<unknown, unknown>;
  readonly node: FieldNode;
  readonly cost: FieldCost | undefined;
  readonly children: readonly PlanField[];
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/**
 * Prepares the planner of an operation: its selections are collected once, as the executor would; only where `@skip` or
 * `@include` depend on variables are they collected anew for each set of these.
 *
 * @param assumedListSize items that a list without a page size counts as
 */
export function createPlanner(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: Fragments,
  assumedListSize: number,
): Planner {
  const root = schema.getRootType(operation.operation);
  const collectRoot = (variables: Variables): PlanField[] =>
    root ? collect({ schema, fragments, variables }, root, [operation.selectionSet]) : [];
  const isConditional = conditionsOf([operation, ...fragments.values()]).size > 0;
  const prepared = isConditional ? undefined : collectRoot({});
  /** Variables that the estimate depends on; undefined: all may matter. */
  const matter = prepared && variablesOf(prepared);
  /** By project, and by those variables. */
  const remembered = new WeakMap<object, Map<string, number>>();

  /** @param worst whether to count what is impossible only with these values: see `PlannedCalls` */
  function plan(variables: Variables, settings: CostSettings, worst = false): PlanEntry[] {
    const entries: PlanEntry[] = [];
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
      // Its arguments can't be, so it will fail without a call, and have nothing below it.
      if (args === null) return;
      for (const calls of cost?.calls(args, settings) ?? []) {
        if (calls.isImpossible && !worst) continue;
        const least = above.length > 0 ? 0 : leastOf(calls, counted, settings.project.batchReads !== 'off');
        entries.push(entryOf(path, calls.endpoint, least, parents * calls.atMost, assumed));
      }
      const rows = cost?.rows?.(args);
      if (!isListType(getNullableType(definition.type))) {
        for (const child of field.children) walk(child, path, parents, assumed, rows);
        return;
      }
      const size = pageSize ?? rows;
      for (const child of field.children) {
        walk(child, path, parents * (size ?? assumedListSize), assumed || size === undefined);
      }
    }

    for (const field of prepared ?? collectRoot(variables)) walk(field, [], 1, false);
    return entries;
  }

  function estimate(variables: Variables, settings: CostSettings): number {
    if (prepared?.length === 0) return 0;
    const key = matter && keyOf(settings.projectId, matter, variables);
    if (key === undefined) return total(variables, settings);
    let known = remembered.get(settings.project);
    if (known === undefined || known.size >= MAX_REMEMBERED) {
      known = new Map();
      remembered.set(settings.project, known);
    }
    let estimated = known.get(key);
    if (estimated === undefined) {
      estimated = total(variables, settings);
      known.set(key, estimated);
    }
    return estimated;
  }

  function total(variables: Variables, settings: CostSettings): number {
    return plan(variables, settings, true).reduce((sum, entry) => sum + entry.atMost, 0);
  }

  const hasEntities = root?.getFields()._entities !== undefined;
  function representations(variables: Variables): number {
    if (!hasEntities) return 0;
    return (prepared ?? collectRoot(variables)).reduce((sum, field) => {
      const args = field.cost?.representations && argumentsOf(field, variables);
      return args ? sum + (field.cost?.representations?.(args) ?? 0) : sum;
    }, 0);
  }

  return { plan: (variables, settings) => plan(variables, settings), estimate, representations };
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
}

/**
 * Groups selections by response name, https://spec.graphql.org/October2021/#CollectFields(). Fields that cost nothing,
 * and have nothing below them that does, are left out.
 */
function collect(scope: Scope, type: GraphQLObjectType, sets: readonly SelectionSetNode[]): PlanField[] {
  const groups = new Map<string, { node: FieldNode; sets: SelectionSetNode[] }>();
  const visited = new Set<string>();
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
  for (const [name, group] of groups) {
    const definition = type.getFields()[group.node.name.value];
    if (!definition) continue;
    const children = possibleTypes(scope.schema, definition).flatMap((child) => collect(scope, child, group.sets));
    const cost = definition.extensions.cost as FieldCost | undefined;
    if (cost || children.length > 0) fields.push({ name, definition, node: group.node, cost, children });
  }
  return fields;
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
