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

export interface RequestVariables {
  /** As the client sent them. */
  readonly given: Values;
  /** As graphql-js coerced them. */
  readonly coerced: Values;
}

/** Runs one operation of a validated document with valid variables. */
export type Executor = (
  context: GatewayContext,
  variables: RequestVariables,
) => ExecutionResult | Promise<ExecutionResult>;

/** Returns an executor that uses graphql-js. It supports every operation, and coerces the variables again. */
export function interpret(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): Executor {
  const args: ExecutionArgs = { schema, document, operationName: operation.name?.value };
  return (contextValue, { given }) => execute({ ...args, contextValue, variableValues: given });
}

/** Compiles an operation with graphql-jit. Returns `interpreted` for an operation that it cannot compile. */
export type Compiler = (
  operation: OperationDefinitionNode,
  fragments: readonly FragmentDefinitionNode[],
  facts: OperationFacts,
  interpreted: Executor,
  onCompiled: () => void,
) => Executor;

/** Maximum number of compiled variants of one operation, one for each set of `@skip` and `@include` conditions. */
const MAX_VARIANTS = 8;
/** Name of the type of coerced values. No type of the schema has this name. */
const COERCED = 'CoercedValue';

/**
 * Creates a compiler whose functions receive every input from graphql-js. graphql-jit coerces variables, conditions and
 * literals by its own rules. It also writes literals into the generated code, where some strings become code. Therefore it
 * gets documents without any of them (see `parameterize`), whose variables have a type that accepts every value unchanged.
 *
 * graphql-js runs what graphql-jit does not handle correctly, or what would gain nothing:
 *
 * - mutations: they are few, and the API takes most of their time
 * - introspection: graphql-js resolves it, and it is rare
 * - directives other than `@skip` and `@include`
 * - any name `__proto__`: graphql-jit would set an object's prototype
 * - invalid arguments: a non-null argument or condition that is null
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
