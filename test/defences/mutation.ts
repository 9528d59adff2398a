/** One place of the sources, and what stands there instead once a defence is taken out. */
export interface Edit {
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** A defence of the threat model, how it is taken out, and the test that then fails. */
export interface Mutation extends Edit {
  /** What is taken out. */
  readonly defence: string;
  /** Further places, where one alone would leave the defence standing. */
  readonly also?: readonly Edit[];
  /** File, and part of the full name of a test in it. */
  readonly test: readonly [file: string, name: string];
}

/** The mutations of one row of the threat model in docs/security.md. */
export interface Row {
  /** The row's cell «Tries», which no other row has. */
  readonly tries: string;
  readonly mutations: readonly Mutation[];
}

/** All places that a mutation changes. */
export function editsOf(mutation: Mutation): readonly Edit[] {
  return [mutation, ...(mutation.also ?? [])];
}

/** How often a text stands in another. */
export function occurrences(text: string, part: string): number {
  return text.split(part).length - 1;
}
