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

/** An operation whose document holds no input of the client's: every argument is a variable, and no selection a condition. */
export interface Parameterized {
  readonly document: DocumentNode;
  /**
   * The values of the document's variables.
   *
   * @param variables of the client, as graphql-js coerced them
   * @returns undefined: an argument is invalid with these variables
   */
  values(variables: Values): Values | undefined;
}

/** An argument that is a variable of the client. */
interface Passed {
  readonly name: string;
  readonly variable: string;
  readonly mayBeNull: boolean;
}

/** An argument that has variables inside. */
interface Built {
  readonly name: string;
  readonly node: ValueNode;
  readonly type: GraphQLInputType;
}

/**
 * Replaces every argument of an operation with a variable of its own, and takes out what `@skip` and `@include` exclude.
 * The values of these variables come from graphql-js, once for an argument without variables, for each run otherwise.
 *
 * @param variables decide the conditions; they all have values
 * @param typeName the type that the new variables are declared with
 * @returns null: a literal is invalid
 */
export function parameterize(
  schema: GraphQLSchema,
  definitions: readonly (OperationDefinitionNode | FragmentDefinitionNode)[],
  variables: Values,
  typeName: string,
): Parameterized | null {
  const constants: Record<string, unknown> = {};
  const passed: Passed[] = [];
  const built: Built[] = [];
  const declared: VariableDefinitionNode[] = [];
  let isValid = true;

  /** The variable that stands for an argument from now on. */
  function variableFor({ type }: GraphQLArgument, value: ValueNode): VariableNode {
    const name = `v${declared.length}`;
    if (value.kind === Kind.VARIABLE) {
      passed.push({ name, variable: value.name.value, mayBeNull: !isNonNullType(type) });
    } else if (hasVariable(value)) {
      built.push({ name, node: value, type });
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

  function values(given: Values): Values | undefined {
    const all: Record<string, unknown> = { ...constants };
    for (const { name, variable, mayBeNull } of passed) {
      // An argument whose variable is absent is absent, or has its default.
      if (!Object.hasOwn(given, variable)) continue;
      const value = given[variable];
      if (value === null && !mayBeNull) return undefined;
      all[name] = value;
    }
    for (const { name, node, type } of built) {
      const value = valueFromAST(node, type, given);
      if (value === undefined) return undefined;
      all[name] = value;
    }
    return all;
  }

  return {
    document: { kind: Kind.DOCUMENT, definitions: [{ ...operation, variableDefinitions: declared }, ...fragments] },
    values,
  };
}
