import {
  type DocumentNode,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  Kind,
  type OperationDefinitionNode,
  parse,
  TokenKind,
  TypeInfo,
  typeFromAST,
  validate,
  valueFromAST,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import type { ScopeSet } from '../../src/auth/scopes.ts';
import type { CostSettings } from '../../src/graph/cost.ts';
import { neededScopes, studyOperation } from '../../src/graph/operation-facts.ts';
import { type JsonSchema, schemaOfInput } from './json-schema.ts';

/** A named operation of a published document, as a tool for clients that call it by name, without GraphQL. */
export interface Tool {
  /** The operation's name. */
  readonly name: string;
  readonly description: string;
  /** JSON Schema of an object with one property per variable. */
  readonly inputSchema: JsonSchema & {
    readonly type: 'object';
    readonly properties: Readonly<Record<string, JsonSchema>>;
  };
  /** The document's text. */
  readonly text: string;
  readonly isMutation: boolean;
  /** Whether the operation can delete data. */
  readonly isDestructive: boolean;
  /** Scopes that the operation needs with any variables. */
  needed(settings: CostSettings): ScopeSet;
}

interface Tools {
  readonly tools: ReadonlyMap<string, Tool>;
  /** Reasons why documents or operations are not tools; one line each. */
  readonly leftOut: readonly string[];
}

/**
 * Creates a tool for every named operation in published documents.
 *
 * @param documents texts by id
 * @param options.mutations whether mutations become tools too
 */
export function createTools(
  schema: GraphQLSchema,
  documents: ReadonlyMap<string, string>,
  { mutations }: { readonly mutations: boolean },
): Tools {
  const tools = new Map<string, Tool>();
  const leftOut: string[] = [];
  for (const [id, text] of documents) {
    try {
      const document = parse(text);
      const [error] = validate(schema, document);
      if (error) throw error;
      for (const node of document.definitions) {
        if (node.kind !== Kind.OPERATION_DEFINITION) continue;
        const name = node.name?.value;
        if (name === undefined) leftOut.push(`document ${id}: the operation has no name`);
        else if (node.operation === 'mutation' && !mutations) leftOut.push(`${name}: mutations are not allowed`);
        else tools.set(name, createTool(schema, text, document, node, name));
      }
    } catch (error) {
      leftOut.push(`document ${id}: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  return { tools, leftOut };
}

function createTool(
  schema: GraphQLSchema,
  text: string,
  document: DocumentNode,
  node: OperationDefinitionNode,
  name: string,
): Tool {
  const facts = studyOperation(schema, document, node);
  const isMutation = node.operation === 'mutation';
  return {
    name,
    description: node.description?.value ?? (commentAbove(node) || describeRoots(schema, node)),
    inputSchema: schemaOfVariables(schema, node),
    text,
    isMutation,
    isDestructive: isMutation && rootFields(node).some((field) => field.startsWith('delete')),
    needed: (settings) => neededScopes(facts, {}, settings),
  };
}

/** The comment lines directly above an operation. */
function commentAbove({ loc }: OperationDefinitionNode): string {
  const lines: string[] = [];
  let token = loc?.startToken.prev;
  let line = loc?.startToken.line ?? 0;
  while (token?.kind === TokenKind.COMMENT && token.line === line - 1) {
    lines.unshift(token.value.trim());
    line = token.line;
    token = token.prev;
  }
  return lines.join('\n').trim();
}

function rootFields({ selectionSet }: OperationDefinitionNode): string[] {
  return selectionSet.selections.flatMap((selection) => (selection.kind === Kind.FIELD ? selection.name.value : []));
}

/** A description from the root fields' descriptions, for documents without comments: build tools often strip them. */
function describeRoots(schema: GraphQLSchema, node: OperationDefinitionNode): string {
  const fields = schema.getRootType(node.operation)?.getFields() ?? {};
  const verb = node.operation === 'mutation' ? 'Writes' : 'Reads';
  const lines = [...new Set(rootFields(node))].map((name) => {
    const text = fields[name]?.description?.replace(/\s*REST: .*$/s, '');
    return text ? `${name}: ${text}` : name;
  });
  return `${verb} ${lines.join(' ')}`;
}

function schemaOfVariables(schema: GraphQLSchema, node: OperationDefinitionNode): Tool['inputSchema'] {
  const used = describeVariables(schema, node);
  const properties: Record<string, JsonSchema> = {};
  const required: string[] = [];
  for (const { variable, type: typeNode, defaultValue, description } of node.variableDefinitions ?? []) {
    const name = variable.name.value;
    const type = typeFromAST(schema, typeNode) as GraphQLInputType;
    const text = description?.value ?? used.get(name);
    properties[name] = {
      ...schemaOfInput(type),
      ...(text !== undefined && { description: text }),
      ...(defaultValue && { default: valueFromAST(defaultValue, type) }),
    };
    if (typeNode.kind === Kind.NON_NULL_TYPE && !defaultValue) required.push(name);
  }
  return { type: 'object', properties, ...(required.length > 0 && { required }), additionalProperties: false };
}

/** Descriptions by variable: that of the argument or input field whose value the variable is. */
function describeVariables(schema: GraphQLSchema, node: OperationDefinitionNode): Map<string, string> {
  const found = new Map<string, string>();
  const types = new TypeInfo(schema);
  const addDescription = (name: string, description: string | null | undefined): void => {
    if (description && !found.has(name)) found.set(name, description);
  };
  visit(
    node,
    visitWithTypeInfo(types, {
      Argument({ value }) {
        if (value.kind === Kind.VARIABLE) addDescription(value.name.value, types.getArgument()?.description);
      },
      ObjectField({ name, value }) {
        const parent = types.getParentInputType();
        const inputType = parent && getNamedType(parent);
        if (value.kind !== Kind.VARIABLE || !isInputObjectType(inputType)) return;
        addDescription(value.name.value, inputType.getFields()[name.value]?.description);
      },
    }),
  );
  return found;
}
