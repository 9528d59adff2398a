import {
  type ASTNode,
  type DocumentNode,
  type GraphQLError,
  Kind,
  type Location,
  type Source,
  type SourceLocation,
  Token,
  TokenKind,
  visit,
} from 'graphql';

/**
 * Takes the text out of a document that was parsed. graphql-js counts the lines before the place of every error that it
 * makes: some 10 ms each in a document of 450,000 empty lines, and an answer may have thousands of errors. `locationsOf`
 * takes the places from the tokens.
 *
 * @param document is changed
 */
export function detachText({ loc }: DocumentNode): void {
  if (loc) loc.source.body = '';
}

/** The places in the document that an error means; its own `locations` are wrong once the text is detached. */
export function locationsOf({ nodes, locations }: GraphQLError): readonly SourceLocation[] | undefined {
  // Syntax errors have no nodes, and are made before the text is detached; graphql-jit takes places from tokens itself.
  if (nodes === undefined) return locations;
  const places = nodes.flatMap(({ loc }) => loc ?? []);
  return places.length === 0 ? undefined : places.map(({ startToken: { line, column } }) => ({ line, column }));
}

/** A node's place in its text, without the tokens of the text, which take more memory than the nodes. */
class Place implements Location {
  readonly start: number;
  readonly end: number;
  readonly source: Source;
  readonly #line: number;
  readonly #column: number;

  constructor({ start, end, source, startToken }: Location) {
    this.start = start;
    this.end = end;
    this.source = source;
    this.#line = startToken.line;
    this.#column = startToken.column;
  }

  get startToken(): Token {
    return new Token(TokenKind.NAME, this.start, this.end, this.#line, this.#column);
  }

  get endToken(): Token {
    return this.startToken;
  }

  get [Symbol.toStringTag](): string {
    return 'Location';
  }

  toJSON(): { start: number; end: number } {
    return { start: this.start, end: this.end };
  }
}

/** Nodes at which an operation's errors can point, besides the values of arguments. */
const BLAMED: ReadonlySet<string> = new Set([Kind.FIELD, Kind.DIRECTIVE, Kind.VARIABLE_DEFINITION]);

/**
 * Releases the tokens of a document that has been validated, and keeps the places that errors of its operations name.
 *
 * @param document is changed
 * @returns the number of its nodes
 */
export function releaseTokens(document: DocumentNode): number {
  let nodes = 0;
  visit(document, {
    enter(node, _key, parent) {
      nodes += 1;
      const isBlamed = BLAMED.has(node.kind) || (parent as ASTNode | undefined)?.kind === Kind.ARGUMENT;
      const place = node.kind !== Kind.NAME && isBlamed && node.loc ? new Place(node.loc) : undefined;
      (node as { loc?: Location | undefined }).loc = place;
    },
  });
  return nodes;
}
