import {
  type ArgumentNode,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type FragmentDefinitionNode,
  type GraphQLArgument,
  type GraphQLInputType,
  GraphQLScalarType,
  GraphQLSchema,
  Kind,
  type NameNode,
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
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import type { GatewayContext } from './context.ts';
import type { OperationFacts } from './operation-facts.ts';
import { hasVariable, isIncluded, type Variables } from './selections.ts';

export interface RequestVariables {
  /** As the client sent them. */
  readonly given: Variables;
  /** As graphql-js coerced them. */
  readonly coerced: Variables;
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

export type Compiler = ReturnType<typeof createCompiler>;
type Definitions = readonly [OperationDefinitionNode, ...FragmentDefinitionNode[]];

/** Maximum number of compiled variants of one operation, one for each set of `@skip` and `@include` conditions. */
const MAX_VARIANTS = 8;
/** Name of the type of coerced values. No type of the schema has this name. */
const COERCED = 'CoercedValue';

/**
 * Creates the function that compiles an operation with graphql-jit. The compiled function receives every input from graphql-js:
 * graphql-jit coerces variables, conditions and literals by its own rules, and writes literals into the generated code, where
 * some strings become code. Therefore it gets documents without any of them (see `parameterize`), whose variables have a type
 * that accepts every value unchanged.
 *
 * graphql-js (`interpreted`) runs what graphql-jit does not handle correctly, or what would gain nothing:
 *
 * - mutations: they are few, and the API takes most of their time
 * - introspection: graphql-js resolves it, and it is rare
 * - any name `__proto__`: graphql-jit would set an object's prototype
 * - invalid arguments: a non-null argument or condition that is null
 */
export function createCompiler(schema: GraphQLSchema) {
  let permissive: GraphQLSchema | undefined;

  function compileVariant(definitions: Definitions, conditions: Variables, interpreted: Executor): Executor {
    const { document, values } = parameterize(schema, definitions, conditions);
    permissive ??= withCoercedValues(schema);
    const compiled = compileQuery(permissive, document, '', { disableLeafSerialization: true });
    if (!isCompiledQuery(compiled)) return interpreted;
    const query = compiled.query as (root: unknown, context: unknown, variables: unknown) => ReturnType<Executor>;
    return (context, variables) => {
      const own = values(variables.coerced);
      return own === undefined ? interpreted(context, variables) : query(undefined, context, own);
    };
  }

  return (
    operation: OperationDefinitionNode,
    facts: OperationFacts,
    interpreted: Executor,
    onCompiled: () => void,
  ): Executor => {
    const definitions: Definitions = [operation, ...facts.fragments.values()];
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

/** An argument whose value depends on client variables, and the new variable that has this value. */
interface DependentArgument {
  readonly name: string;
  readonly node: ValueNode;
  readonly type: GraphQLInputType;
}

/**
 * Replaces every argument of an operation with a new variable, and removes directives and the selections that `@skip` and
 * `@include` exclude. graphql-js computes the values of the new variables: once without client variables, else for each run.
 * @param conditions values of the variables in conditions; none may be missing
 */
function parameterize(schema: GraphQLSchema, definitions: Definitions, conditions: Variables) {
  const constants: Record<string, unknown> = {};
  const dependent: DependentArgument[] = [];
  const declared: VariableDefinitionNode[] = [];
  const types = new TypeInfo(schema);

  const selection = (node: SelectionNode): null | undefined => (isIncluded(node, conditions) ? undefined : null);
  const visitor = visitWithTypeInfo(types, {
    Field: { enter: selection },
    InlineFragment: { enter: selection },
    FragmentSpread: { enter: selection },
    VariableDefinition: () => null,
    Directive: () => null,
    Argument(node): ArgumentNode {
      const name = `v${declared.length}`;
      // Validated documents have no other arguments than those of the schema.
      const { type } = types.getArgument() as GraphQLArgument;
      if (hasVariable(node.value)) dependent.push({ name, node: node.value, type });
      else constants[name] = valueFromAST(node.value, type);
      const variable: VariableNode = { kind: Kind.VARIABLE, name: nameNode(name) };
      const coerced = { kind: Kind.NAMED_TYPE, name: nameNode(COERCED) } as const;
      declared.push({ kind: Kind.VARIABLE_DEFINITION, variable, type: coerced });
      return { ...node, value: variable };
    },
  });
  const [operation, ...fragments] = definitions.map((definition) => visit(definition, visitor)) as [...Definitions];
  const document: DocumentNode = {
    kind: Kind.DOCUMENT,
    definitions: [{ ...operation, variableDefinitions: declared }, ...fragments],
  };

  /** The values of the document's variables, or undefined when an argument is invalid with these client variables. */
  function values(given: Variables): Variables | undefined {
    const all: Record<string, unknown> = { ...constants };
    for (const { name, node, type } of dependent) {
      // Without a value for its variable, an argument is absent or has its default.
      if (node.kind === Kind.VARIABLE && !Object.hasOwn(given, node.name.value)) continue;
      const value = valueFromAST(node, type, given);
      if (value === undefined) return undefined;
      all[name] = value;
    }
    return all;
  }

  return { document, values };
}

function nameNode(value: string): NameNode {
  return { kind: Kind.NAME, value };
}
