import { Kind, parse } from 'graphql';

/**
 * Names of operations that occur in more than one published document. As a tool, such a name would be ambiguous.
 *
 * @param documents texts by id; the function ignores texts that are not valid GraphQL
 * @param options.mutations whether to include mutations
 */
export function duplicateOperations(
  documents: ReadonlyMap<string, string>,
  { mutations }: { readonly mutations: boolean },
): Set<string> {
  const seen = new Set<string>();
  const duplicates = new Set<string>();
  for (const text of documents.values()) {
    for (const name of operationNames(text, mutations)) {
      if (seen.has(name)) duplicates.add(name);
      seen.add(name);
    }
  }
  return duplicates;
}

function operationNames(text: string, mutations: boolean): string[] {
  try {
    return parse(text).definitions.flatMap((definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.name &&
      (mutations || definition.operation !== 'mutation')
        ? [definition.name.value]
        : [],
    );
  } catch {
    return [];
  }
}
