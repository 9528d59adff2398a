import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type FragmentDefinitionNode,
  GraphQLScalarType,
  GraphQLSchema,
  getArgumentValues,
  Kind,
  type NameNode,
  type OperationDefinitionNode,
  type SelectionNode,
  TypeInfo,
  type VariableDefinitionNode,
  type VariableNode,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import type { GatewayContext } from './context.ts';
import type { OperationFacts } from './operation-facts.ts';
import { hasVariable, isIncluded, type UsedField, type Variables } from './selections.ts';

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

/** A field with arguments, and the new variable of each argument by name. */
interface Parameterized extends UsedField {
  readonly variables: ReadonlyMap<string, string>;
}

/**
 * Replaces every argument of an operation with a new variable, and removes directives and the selections that `@skip` and
 * `@include` exclude. graphql-js computes the values of the new variables: once for a field without client variables, else for
 * each run.
 *
 * @param conditions values of the variables in conditions; none may be missing
 */
function parameterize(schema: GraphQLSchema, definitions: Definitions, conditions: Variables) {
  const constants: Record<string, unknown> = {};
  const dependent: Parameterized[] = [];
  const declared: VariableDefinitionNode[] = [];
  const types = new TypeInfo(schema);

  function declare(): VariableNode {
    const variable: VariableNode = { kind: Kind.VARIABLE, name: nameNode(`v${declared.length}`) };
    const type = { kind: Kind.NAMED_TYPE, name: nameNode(COERCED) } as const;
    declared.push({ kind: Kind.VARIABLE_DEFINITION, variable, type });
    return variable;
  }

  const selection = (node: SelectionNode): null | undefined => (isIncluded(node, conditions) ? undefined : null);
  const visitor = visitWithTypeInfo(types, {
    Field(node) {
      if (!isIncluded(node, conditions)) return null;
      const definition = types.getFieldDef();
      if (!definition || !node.arguments?.length) return undefined;
      const replaced = node.arguments.map((argument) => ({ ...argument, value: declare() }));
      const variables = new Map(replaced.map(({ name, value }) => [name.value, value.name.value]));
      const field = { definition, node, variables };
      if (node.arguments.some(hasVariable)) dependent.push(field);
      else addValues(constants, field, {});
      return { ...node, arguments: replaced };
    },
    InlineFragment: selection,
    FragmentSpread: selection,
    VariableDefinition: () => null,
    Directive: () => null,
  });
  const [operation, ...fragments] = definitions.map((definition) => visit(definition, visitor)) as [...Definitions];
  const document: DocumentNode = {
    kind: Kind.DOCUMENT,
    definitions: [{ ...operation, variableDefinitions: declared }, ...fragments],
  };

  /** The values of the document's variables, or undefined when an argument is invalid with these client variables. */
  function values(given: Variables): Variables | undefined {
    const all = { ...constants };
    try {
      for (const field of dependent) addValues(all, field, given);
    } catch {
      return undefined;
    }
    return all;
  }

  return { document, values };
}

/** Adds the values of a field's arguments. @throws GraphQLError for an invalid argument */
function addValues(values: Record<string, unknown>, { definition, node, variables }: Parameterized, given: Variables) {
  const args = getArgumentValues(definition, node, given);
  for (const [argument, variable] of variables) if (argument in args) values[variable] = args[argument];
}

function nameNode(value: string): NameNode {
  return { kind: Kind.NAME, value };
}
