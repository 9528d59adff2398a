import {
  type ASTNode,
  type DocumentNode,
  type GraphQLError,
  Kind,
  Location,
  type SourceLocation,
  Token,
  visit,
} from 'graphql';

/**
 * Removes the text from a parsed document. For every error that it creates, graphql-js counts the lines up to the error's
 * location. In a document of 450,000 empty lines that takes some 10 ms per error, and an answer can have thousands of errors.
 * `locationsOf` reads the locations from the tokens instead.
 * @param document is modified
 */
export function detachText({ loc }: DocumentNode): void {
  if (loc) loc.source.body = '';
}

/** The locations of an error in the document. After `detachText`, the error's own `locations` are wrong. */
export function locationsOf({ nodes, locations }: GraphQLError): readonly SourceLocation[] | undefined {
  // Syntax errors have no nodes, and the parser creates them before `detachText`. graphql-jit reads locations from tokens.
  if (nodes === undefined) return locations;
  const found = nodes.flatMap(({ loc }) => loc ?? []);
  return found.length === 0 ? undefined : found.map(({ startToken: { line, column } }) => ({ line, column }));
}

/** The same location with a token of its own: a token of the parser links to all others, which take more memory than the nodes. */
function withoutTokens({ startToken, start, end, source }: Location): Location {
  const token = new Token(startToken.kind, start, end, startToken.line, startToken.column);
  return new Location(token, token, source);
}

/** Kinds of nodes to which errors of an operation can point, besides argument values. */
const ERROR_NODE_KINDS: ReadonlySet<string> = new Set([Kind.FIELD, Kind.DIRECTIVE, Kind.VARIABLE_DEFINITION]);

/**
 * Releases the tokens of a validated document. Keeps the locations to which errors of its operations can point.
 * @param document is modified
 * @returns the number of nodes in the document
 */
export function releaseTokens(document: DocumentNode): number {
  let nodes = 0;
  visit(document, {
    enter(node, _key, parent) {
      nodes += 1;
      const isErrorNode = ERROR_NODE_KINDS.has(node.kind) || (parent as ASTNode | undefined)?.kind === Kind.ARGUMENT;
      const location = node.kind !== Kind.NAME && isErrorNode && node.loc ? withoutTokens(node.loc) : undefined;
      (node as { loc?: Location | undefined }).loc = location;
    },
  });
  return nodes;
}
