import {
  type FragmentDefinitionNode,
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
import type { ScopeSet } from '../auth/scopes.ts';
import { createAccess } from './document-scopes.ts';
import type { CostSettings } from './field-cost.ts';
import { fragmentsOf } from './fragments.ts';
import { type JsonSchema, schemaOfInput } from './json-schema.ts';
import { studyOperation } from './operation-facts.ts';

/** A named operation of a published document, for programs that call by name and know nothing of GraphQL. */
export interface Tool {
  /** The operation's name. */
  readonly name: string;
  readonly description: string;
  /** Of an object with one property per variable. */
  readonly inputSchema: JsonSchema & {
    readonly type: 'object';
    readonly properties: Readonly<Record<string, JsonSchema>>;
  };
  /** The document's text. */
  readonly text: string;
  readonly isMutation: boolean;
  /** Whether it may take something away. */
  readonly isDestructive: boolean;
  /** Scopes that it needs whatever its variables are. */
  needed(settings: CostSettings): ScopeSet;
}

interface Tools {
  readonly tools: ReadonlyMap<string, Tool>;
  /** Why a document, or an operation in it, is no tool; one line each. */
  readonly leftOut: readonly string[];
}

/**
 * Makes a tool of every named operation in published documents.
 *
 * @param documents texts by their ids
 * @param mutations whether operations that write are among the tools
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
      const fragments = fragmentsOf(document);
      for (const node of document.definitions) {
        if (node.kind !== Kind.OPERATION_DEFINITION) continue;
        const name = node.name?.value;
        if (name === undefined) leftOut.push(`document ${id}: its operation has no name`);
        else if (node.operation === 'mutation' && !mutations) leftOut.push(`${name}: mutations are not allowed`);
        else tools.set(name, createTool(schema, text, node, name, fragments));
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
  node: OperationDefinitionNode,
  name: string,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): Tool {
  const access = createAccess(schema, node, fragments, studyOperation(schema, node, fragments));
  const isMutation = node.operation === 'mutation';
  return {
    name,
    description: node.description?.value ?? (commentAbove(node) || describeRoots(schema, node)),
    inputSchema: schemaOfVariables(schema, node),
    text,
    isMutation,
    isDestructive: isMutation && rootFields(node).some((field) => field.startsWith('delete')),
    needed: (settings) => access.needed({}, settings),
  };
}

/** The lines of comment that stand right above an operation. */
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

/** What the schema says of the operation's fields, for documents whose comments were lost on the way. */
function describeRoots(schema: GraphQLSchema, node: OperationDefinitionNode): string {
  const fields = schema.getRootType(node.operation)?.getFields() ?? {};
  const verb = node.operation === 'mutation' ? 'Writes' : 'Reads';
  const told = [...new Set(rootFields(node))].map((name) => {
    const text = fields[name]?.description?.replace(/\s*REST: .*$/s, '');
    return text ? `${name}: ${text}` : name;
  });
  return `${verb} ${told.join(' ')}`;
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

/** What the schema says of the argument or input field that each variable fills. */
function describeVariables(schema: GraphQLSchema, node: OperationDefinitionNode): Map<string, string> {
  const found = new Map<string, string>();
  const types = new TypeInfo(schema);
  const note = (name: string, description: string | null | undefined): void => {
    if (description && !found.has(name)) found.set(name, description);
  };
  visit(
    node,
    visitWithTypeInfo(types, {
      Argument({ value }) {
        if (value.kind === Kind.VARIABLE) note(value.name.value, types.getArgument()?.description);
      },
      ObjectField({ name, value }) {
        const parent = types.getParentInputType();
        const holder = parent && getNamedType(parent);
        if (value.kind !== Kind.VARIABLE || !isInputObjectType(holder)) return;
        note(value.name.value, holder.getFields()[name.value]?.description);
      },
    }),
  );
  return found;
}
