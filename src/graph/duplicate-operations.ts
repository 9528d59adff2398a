import { Kind, parse } from 'graphql';

/** Names of operations that occur in more than one published document. As a tool, such a name would be ambiguous. */
export function duplicateOperations(
  documents: ReadonlyMap<string, string>,
  { mutations }: { readonly mutations: boolean },
): Set<string> {
  const names = [...documents.values()].flatMap((text) => operationNames(text, mutations));
  return new Set(names.filter((name, at) => names.indexOf(name) !== at));
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
    // The text is not valid GraphQL.
    return [];
  }
}
