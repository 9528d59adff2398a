import {
  type GraphQLSchema,
  getVariableValues,
  isNonNullType,
  isScalarType,
  type OperationDefinitionNode,
  specifiedScalarTypes,
  typeFromAST,
} from 'graphql';
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
  readonly mayBeMissing: boolean;
  readonly mayBeNull: boolean;
}

/**
 * Creates the coercion of an operation's variables, https://spec.graphql.org/October2021/#sec-Coercing-Variable-Values.
 * A fast path handles nearly all requests: it returns values of the five standard scalars that need no coercion. graphql-js
 * handles all other types, defaults and values that could be invalid.
 */
export function createCoercion(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  options: NonNullable<Parameters<typeof getVariableValues>[3]>,
): (given: Variables) => Coerced {
  const slow = (given: Variables): Coerced => getVariableValues(schema, variableDefinitions, given, options);
  const scalars: ScalarVariable[] = [];
  for (const { variable, type, defaultValue } of variableDefinitions) {
    const declared = typeFromAST(schema, type);
    const isRequired = isNonNullType(declared);
    const named = isRequired ? declared.ofType : declared;
    const isPlain = isScalarType(named) && specifiedScalarTypes.includes(named) ? IS_PLAIN[named.name] : undefined;
    if (isPlain === undefined) return slow;
    scalars.push({
      name: variable.name.value,
      isPlain,
      mayBeMissing: !isRequired && defaultValue === undefined,
      mayBeNull: !isRequired,
    });
  }
  return (given) => {
    const coerced: Record<string, unknown> = {};
    for (const { name, isPlain, mayBeMissing, mayBeNull } of scalars) {
      if (!Object.hasOwn(given, name)) {
        if (mayBeMissing) continue;
        return slow(given);
      }
      const value = given[name];
      if (!isPlain(value) && !(mayBeNull && value === null)) return slow(given);
      coerced[name] = value;
    }
    return { coerced };
  };
}
