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
  type SelectionSetNode,
} from 'graphql';
import { hasVariable, isIncluded } from './conditions.ts';
import { type Args, costOf, type FieldCost } from './field-cost.ts';
import { hasDirective } from './incremental.ts';
import { weightOfLeaf, weightOfObject } from './weight.ts';

/** A field as the executor collects it: all selections with one response name on one type. */
export interface PlanField {
  readonly name: string;
  readonly definition: GraphQLField<unknown, unknown>;
  readonly node: FieldNode;
  readonly isList: boolean;
  /** Null if they are invalid, and the field fails without a call; undefined if they depend on variables. */
  readonly args: Args | null | undefined;
  readonly cost: FieldCost | undefined;
  readonly children: readonly PlanField[];
  /** Weight of one object that the field returns, with its leaves. */
  readonly weight: number;
  readonly deferred: number;
}

export interface CollectScope {
  readonly schema: GraphQLSchema;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** The selections on objects of one type. */
export interface Collected {
  readonly fields: readonly PlanField[];
  readonly leaves: number;
  readonly deferred: number;
  readonly aliases: number;
  /** Length of the longest response name on all levels, in characters. */
  readonly longestName: number;
}

/** Groups selections by response name, https://spec.graphql.org/October2021/#CollectFields(). */
export function collectFields(
  scope: CollectScope,
  type: GraphQLObjectType,
  sets: readonly SelectionSetNode[],
): Collected {
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
  let aliases = 0;
  let longestName = 0;
  for (const [name, group] of groups) {
    if (group.node.alias) aliases += 1;
    longestName = Math.max(longestName, name.length);
    const definition = type.getFields()[group.node.name.value];
    const named = definition && getNamedType(definition.type);
    // A field without a definition is `__typename` or introspection, which `introspection.ts` limits.
    if (!definition || isLeafType(named)) {
      leaves += definition ? weightOfLeaf(definition.type) : 1;
      continue;
    }
    const below = possibleTypes(scope.schema, definition).map((child) => collectFields(scope, child, group.sets));
    const most = (count: keyof Omit<Collected, 'fields'>): number => Math.max(0, ...below.map((one) => one[count]));
    aliases += below.reduce((sum, one) => sum + one.aliases, 0);
    longestName = Math.max(longestName, most('longestName'));
    fields.push({
      name,
      definition,
      node: group.node,
      isList: isListType(getNullableType(definition.type)),
      args: group.node.arguments?.some(hasVariable) ? undefined : argumentsOf(definition, group.node, {}),
      cost: costOf(definition),
      children: below.flatMap((one) => one.fields),
      weight: weightOfObject(named as GraphQLNamedType) + most('leaves'),
      deferred: most('deferred'),
    });
  }
  return { fields, leaves, deferred, aliases, longestName };
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

/** The values of a field's arguments; null if they are invalid. */
export function argumentsOf(
  definition: GraphQLField<unknown, unknown>,
  node: FieldNode,
  variables: CollectScope['variables'],
): Args | null {
  try {
    return getArgumentValues(definition, node, variables);
  } catch {
    return null;
  }
}
