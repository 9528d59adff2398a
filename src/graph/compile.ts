import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import type { GatewayContext } from './context.ts';

/** Runs one operation of a document that has been validated, with variables that have been coerced. */
export type Executor = (
  context: GatewayContext,
  variables: Readonly<Record<string, unknown>>,
) => ExecutionResult | Promise<ExecutionResult>;

/**
 * Runs an operation by graphql-js, which can do everything.
 *
 * @param variables as the client sent them: graphql-js coerces them itself
 */
export function interpret(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): Executor {
  const args: ExecutionArgs = { schema, document, operationName: operation.name?.value };
  return (contextValue, variableValues) => execute({ ...args, contextValue, variableValues });
}

/**
 * Compiles an operation to JavaScript by graphql-jit; null for what that can't do right, which graphql-js then runs:
 *
 * - mutations: they are few, and their time is the API's
 * - fields about the schema itself: resolved by graphql-js's own resolvers, and rare
 * - a variable inside an input object: left out, it would come as null instead of being absent
 * - anything named `__proto__`: the engine's objects take that for their prototype, and lose what it holds
 */
export function compile(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): Executor | null {
  if (operation.operation !== 'query' || !isCompilable(document)) return null;
  const compiled = compileQuery(schema, document, operation.name?.value ?? '', { disableLeafSerialization: true });
  if (!isCompiledQuery(compiled)) return null;
  const query = compiled.query as (root: unknown, context: unknown, variables: unknown) => ReturnType<Executor>;
  return (context, variables) => query(undefined, context, variables);
}

function isCompilable(document: DocumentNode): boolean {
  let compilable = true;
  let objects = 0;
  visit(document, {
    Name({ value }) {
      if (value === '__schema' || value === '__type' || value === '__proto__') compilable = false;
    },
    ObjectValue: {
      enter() {
        objects += 1;
      },
      leave() {
        objects -= 1;
      },
    },
    Variable() {
      if (objects > 0) compilable = false;
    },
  });
  return (
    compilable &&
    document.definitions.every(({ kind }) => kind === Kind.OPERATION_DEFINITION || kind === Kind.FRAGMENT_DEFINITION)
  );
}
