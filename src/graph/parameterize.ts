import {
  type ArgumentNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLArgument,
  type GraphQLInputType,
  type GraphQLSchema,
  isNonNullType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  TypeInfo,
  type ValueNode,
  type VariableDefinitionNode,
  type VariableNode,
  valueFromAST,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { hasVariable, isIncluded } from './conditions.ts';

export type Values = Readonly<Record<string, unknown>>;

interface VariableArgument {
  readonly name: string;
  readonly variable: string;
  readonly mayBeNull: boolean;
}

interface NestedArgument {
  readonly name: string;
  readonly node: ValueNode;
  readonly type: GraphQLInputType;
}

/**
 * Replaces every argument of an operation with a new variable, and removes the selections that `@skip` and `@include` exclude.
 * graphql-js computes the values of the new variables: once for an argument without client variables, else for each run.
 *
 * @param variables values of the variables in conditions; none may be missing
 * @param typeName declared type of the new variables
 * @returns an operation without client input in its document: every argument is a variable, and no selection has a condition;
 *   null when a literal is invalid
 */
export function parameterize(
  schema: GraphQLSchema,
  definitions: readonly (OperationDefinitionNode | FragmentDefinitionNode)[],
  variables: Values,
  typeName: string,
) {
  const constants: Record<string, unknown> = {};
  const variableArguments: VariableArgument[] = [];
  const nestedArguments: NestedArgument[] = [];
  const declared: VariableDefinitionNode[] = [];
  let isValid = true;

  function variableFor({ type }: GraphQLArgument, value: ValueNode): VariableNode {
    const name = `v${declared.length}`;
    if (value.kind === Kind.VARIABLE) {
      variableArguments.push({ name, variable: value.name.value, mayBeNull: !isNonNullType(type) });
    } else if (hasVariable(value)) {
      nestedArguments.push({ name, node: value, type });
    } else {
      constants[name] = valueFromAST(value, type);
      if (constants[name] === undefined) isValid = false;
    }
    const variable: VariableNode = { kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: name } };
    declared.push({
      kind: Kind.VARIABLE_DEFINITION,
      variable,
      type: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: typeName } },
    });
    return variable;
  }

  const types = new TypeInfo(schema);
  const selection = {
    enter: (node: SelectionNode): null | undefined => (isIncluded(node, variables) ? undefined : null),
  };
  const visitor = visitWithTypeInfo(types, {
    Field: selection,
    InlineFragment: selection,
    FragmentSpread: selection,
    VariableDefinition: () => null,
    Directive: () => null,
    Argument(node): ArgumentNode | false {
      const argument = types.getArgument();
      if (argument) return { ...node, value: variableFor(argument, node.value) };
      isValid = false;
      return false;
    },
  });
  const replaced = definitions.map((definition) => visit(definition, visitor));
  if (!isValid) return null;
  const [operation, ...fragments] = replaced as [OperationDefinitionNode, ...FragmentDefinitionNode[]];

  /** The values of the document's variables, or undefined when an argument is invalid with these client variables. */
  function values(given: Values): Values | undefined {
    const all: Record<string, unknown> = { ...constants };
    for (const { name, variable, mayBeNull } of variableArguments) {
      // Without a value for its variable, an argument is absent or has its default.
      if (!Object.hasOwn(given, variable)) continue;
      const value = given[variable];
      if (value === null && !mayBeNull) return undefined;
      all[name] = value;
    }
    for (const { name, node, type } of nestedArguments) {
      const value = valueFromAST(node, type, given);
      if (value === undefined) return undefined;
      all[name] = value;
    }
    return all;
  }

  const document: DocumentNode = {
    kind: Kind.DOCUMENT,
    definitions: [{ ...operation, variableDefinitions: declared }, ...fragments],
  };
  return { document, values };
}
