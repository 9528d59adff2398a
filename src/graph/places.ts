import { type ASTNode, type DocumentNode, Kind, type Location, type Source, Token, TokenKind, visit } from 'graphql';

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
