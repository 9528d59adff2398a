import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type FragmentDefinitionNode,
  GraphQLScalarType,
  GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import type { GatewayContext } from './context.ts';
import type { OperationFacts } from './operation-facts.ts';
import { parameterize, type Values } from './parameterize.ts';

/** The variables of one request. */
export interface RequestVariables {
  /** As the client sent them. */
  readonly given: Values;
  /** The same, as graphql-js coerced them. */
  readonly coerced: Values;
}

/** Runs one operation of a document that has been validated, with variables that are valid. */
export type Executor = (
  context: GatewayContext,
  variables: RequestVariables,
) => ExecutionResult | Promise<ExecutionResult>;

/** Runs an operation by graphql-js, which supports everything, and coerces the variables itself. */
export function interpret(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): Executor {
  const args: ExecutionArgs = { schema, document, operationName: operation.name?.value };
  return (contextValue, { given }) => execute({ ...args, contextValue, variableValues: given });
}

/** Compiles operations to JavaScript by graphql-jit. */
export type Compiler = (
  operation: OperationDefinitionNode,
  fragments: readonly FragmentDefinitionNode[],
  facts: OperationFacts,
  interpreted: Executor,
  onCompiled: () => void,
) => Executor;

/** Sets of conditions for which one operation is compiled at most. */
const MAX_VARIANTS = 8;
/** No type of the schema has this name. */
const COERCED = 'CoercedValue';

/**
 * The compiled functions get every input from graphql-js: graphql-jit coerces variables, conditions and literals by rules
 * of its own, and writes the literals into the code that it generates, where some strings become code. It therefore gets
 * documents without any of them (see `parameterize`), whose variables have a type that takes every value as it is.
 *
 * graphql-js runs what graphql-jit does not do right:
 *
 * - mutations: they are few, and the API takes most of their time
 * - fields about the schema itself: graphql-js resolves them, and they are rare
 * - directives other than `@skip` and `@include`
 * - anything named `__proto__`: graphql-jit would set an object's prototype
 * - invalid arguments: an argument or a condition that is null and must not be
 */
export function createCompiler(schema: GraphQLSchema): Compiler {
  let permissive: GraphQLSchema | undefined;

  function compileVariant(
    definitions: readonly (OperationDefinitionNode | FragmentDefinitionNode)[],
    conditions: Values,
    interpreted: Executor,
  ): Executor {
    const parameterized = parameterize(schema, definitions, conditions, COERCED);
    if (parameterized === null) return interpreted;
    permissive ??= withCoercedValues(schema);
    const compiled = compileQuery(permissive, parameterized.document, '', { disableLeafSerialization: true });
    if (!isCompiledQuery(compiled)) return interpreted;
    const query = compiled.query as (root: unknown, context: unknown, variables: unknown) => ReturnType<Executor>;
    return (context, variables) => {
      const values = parameterized.values(variables.coerced);
      return values === undefined ? interpreted(context, variables) : query(undefined, context, values);
    };
  }

  return (operation, fragments, facts, interpreted, onCompiled) => {
    if (operation.operation !== 'query' || !isCompilable(facts)) return interpreted;
    const definitions = [operation, ...fragments];
    const conditions = [...facts.conditions];
    const variants = new Map<string, Executor>();

    return (context, variables) => {
      let key = '';
      for (const name of conditions) {
        const value = variables.coerced[name];
        if (typeof value !== 'boolean') return interpreted(context, variables);
        key += value ? '1' : '0';
      }
      let variant = variants.get(key);
      if (variant === undefined) {
        if (variants.size >= MAX_VARIANTS) return interpreted(context, variables);
        variant = compileVariant(definitions, variables.coerced, interpreted);
        variants.set(key, variant);
        onCompiled();
      }
      return variant(context, variables);
    };
  };
}

function withCoercedValues(schema: GraphQLSchema): GraphQLSchema {
  const config = schema.toConfig();
  const coerced = new GraphQLScalarType({ name: COERCED, parseValue: (value) => value });
  return new GraphQLSchema({ ...config, types: [...config.types, coerced], assumeValid: true });
}

const COMPILABLE_DIRECTIVES: ReadonlySet<string> = new Set(['skip', 'include']);

function isCompilable({ directives, hasReservedNames }: OperationFacts): boolean {
  return !hasReservedNames && [...directives].every((name) => COMPILABLE_DIRECTIVES.has(name));
}
