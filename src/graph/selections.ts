import {
  type ASTNode,
  BREAK,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  GraphQLIncludeDirective,
  type GraphQLObjectType,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  getNamedType,
  isAbstractType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';
import type { Args } from './cost.ts';
import { hasDirective } from './incremental.ts';

/** Coerced values of an operation's variables. */
export type Variables = Readonly<Record<string, unknown>>;

/** A field in an operation, with its definition. */
export interface UsedField {
  readonly definition: GraphQLField<unknown, unknown>;
  readonly node: FieldNode;
}

export interface Scope {
  readonly schema: GraphQLSchema;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly variables: Variables;
}

/** The fragments of a document by name. */
export function fragmentsOf({ definitions }: DocumentNode): Map<string, FragmentDefinitionNode> {
  return new Map(
    definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((fragment) => [fragment.name.value, fragment]),
  );
}

/** Whether `@skip` and `@include` keep a selection. */
export function isIncluded(selection: SelectionNode, variables: Variables): boolean {
  if (!selection.directives?.length) return true;
  try {
    if (getDirectiveValues(GraphQLSkipDirective, selection, variables)?.if === true) return false;
    return getDirectiveValues(GraphQLIncludeDirective, selection, variables)?.if !== false;
  } catch {
    // The condition is null, so the executor will report an error here.
    return true;
  }
}

export function hasVariable(node: ASTNode): boolean {
  let found = false;
  visit(node, {
    Variable() {
      found = true;
      return BREAK;
    },
  });
  return found;
}

/** The values of a field's arguments; null if they are invalid, and the field fails without a call. */
export function argumentsOf({ definition, node }: UsedField, variables: Variables): Args | null {
  try {
    return getArgumentValues(definition, node, variables);
  } catch {
    return null;
  }
}

/** The selections with one response name on one type. All have the same field and arguments. */
interface FieldGroup {
  readonly node: FieldNode;
  readonly sets: SelectionSetNode[];
}

/**
 * Groups selections on one type by response name, https://spec.graphql.org/October2021/#CollectFields().
 * @returns also the number of fragments with `@defer`
 */
export function collectFields(scope: Scope, type: GraphQLObjectType, sets: readonly SelectionSetNode[]) {
  const fields = new Map<string, FieldGroup>();
  const visited = new Set<string>();
  let deferred = 0;
  const spread = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (!isIncluded(selection, scope.variables)) continue;
      if (selection.kind === Kind.FIELD) {
        const name = selection.alias?.value ?? selection.name.value;
        const field = fields.get(name) ?? { node: selection, sets: [] };
        fields.set(name, field);
        if (selection.selectionSet) field.sets.push(selection.selectionSet);
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
  return { fields, deferred };
}

function applies(schema: GraphQLSchema, type: GraphQLObjectType, condition: string | undefined): boolean {
  if (condition === undefined || condition === type.name) return true;
  const named = schema.getType(condition);
  return isAbstractType(named) && schema.isSubType(named, type);
}

/** The types of the objects that a field can return; none for a field that returns plain values. */
export function possibleTypes(
  schema: GraphQLSchema,
  { type }: GraphQLField<unknown, unknown>,
): readonly GraphQLObjectType[] {
  const named = getNamedType(type);
  if (isAbstractType(named)) return schema.getPossibleTypes(named);
  return isObjectType(named) ? [named] : [];
}

/**
 * The paths at which an answer to an operation can have masked values, without list indices.
 * @param masked coordinates of masked fields, such as `Conversion.email` and `Conversion.attributes.phone`
 */
export function maskedPaths(scope: Scope, operation: OperationDefinitionNode, masked: ReadonlySet<string>): string[] {
  const found = new Set<string>();
  const walk = (type: GraphQLObjectType, sets: readonly SelectionSetNode[], above: string): void => {
    for (const [name, { node, sets: below }] of collectFields(scope, type, sets).fields) {
      const field = type.getFields()[node.name.value];
      if (!field) continue;
      const path = above + name;
      const coordinate = `${type.name}.${field.name}`;
      for (const child of possibleTypes(scope.schema, field)) walk(child, below, `${path}.`);
      if (masked.has(coordinate)) found.add(path);
      else if (field.name === 'attributes') {
        const prefix = `${coordinate}.`;
        for (const one of masked) if (one.startsWith(prefix)) found.add(path + one.slice(prefix.length - 1));
      }
    }
  };
  const root = scope.schema.getRootType(operation.operation);
  if (root) walk(root, [operation.selectionSet], '');
  return [...found];
}
