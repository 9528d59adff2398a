import { type GraphQLSchema, getVariableValues, Kind, type OperationDefinitionNode } from 'graphql';
import type { Variables } from './selections.ts';

type Coerced = ReturnType<typeof getVariableValues>;

/** By scalar, whether coercion would return a value unchanged. */
const IS_PLAIN: Readonly<Record<string, (value: unknown) => boolean>> = {
  ID: (value) => typeof value === 'string',
  String: (value) => typeof value === 'string',
  Boolean: (value) => typeof value === 'boolean',
  Int: (value) => typeof value === 'number' && (value | 0) === value,
  Float: (value) => typeof value === 'number' && Number.isFinite(value),
};

interface ScalarVariable {
  readonly name: string;
  readonly isPlain: (value: unknown) => boolean;
  readonly isRequired: boolean;
  readonly hasDefault: boolean;
}

/**
 * Creates the coercion of an operation's variables, https://spec.graphql.org/October2021/#sec-Coercing-Variable-Values.
 * A fast path returns values of the five standard scalars that need no coercion, in a tenth of the time. graphql-js handles all
 * other types, defaults and values that could be invalid.
 */
export function createCoercion(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  options: NonNullable<Parameters<typeof getVariableValues>[3]>,
): (given: Variables) => Coerced {
  const slow = (given: Variables): Coerced => getVariableValues(schema, variableDefinitions, given, options);
  const scalars: ScalarVariable[] = [];
  for (const { variable, type, defaultValue } of variableDefinitions) {
    const isRequired = type.kind === Kind.NON_NULL_TYPE;
    const named = isRequired ? type.type : type;
    const isPlain = named.kind === Kind.NAMED_TYPE ? IS_PLAIN[named.name.value] : undefined;
    if (isPlain === undefined) return slow;
    scalars.push({ name: variable.name.value, isPlain, isRequired, hasDefault: defaultValue !== undefined });
  }
  return (given) => {
    const coerced: Record<string, unknown> = {};
    for (const { name, isPlain, isRequired, hasDefault } of scalars) {
      if (!Object.hasOwn(given, name)) {
        if (isRequired || hasDefault) return slow(given);
        continue;
      }
      const value = given[name];
      if (!isPlain(value) && (value !== null || isRequired)) return slow(given);
      coerced[name] = value;
    }
    return { coerced };
  };
}
