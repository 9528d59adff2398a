import {
  type DocumentNode,
  type GraphQLSchema,
  getIntrospectionQuery,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  Kind,
  MaxIntrospectionDepthRule,
  parse,
  type SelectionSetNode,
  validate,
} from 'graphql';
import { fragmentsOf } from './fragments.ts';

/** How often an operation may ask for the schema; tools ask once, with this or that left out or added. */
const MAX_WHOLE_SCHEMAS = 2;

/**
 * Limits what a document may ask of the schema itself: nested lists have a depth, and all values together must not be more
 * than those of the standard introspection query, twice over. The lists are as long as they are in this schema on average.
 *
 * @returns the message for a document that is over the limit, or null
 */
export function createIntrospectionLimit(schema: GraphQLSchema): (document: DocumentNode) => string | null {
  const sizes = listSizes(schema);
  let limit: number | undefined;
  return (document) => {
    const values = weigh(document, sizes);
    if (values === 0) return null;
    if (validate(schema, document, [MaxIntrospectionDepthRule], { maxErrors: 1 }).length > 0) {
      return 'The operation nests lists of the schema too deeply: fields, inputFields, interfaces or possibleTypes in three levels.';
    }
    limit ??= MAX_WHOLE_SCHEMAS * weigh(parse(getIntrospectionQuery(EVERYTHING)), sizes);
    if (values <= limit) return null;
    const counted = values < 1e9 ? String(Math.ceil(values)) : 'countless';
    return `The operation asks for ${counted} values of the schema; at most ${Math.floor(limit)} are allowed, ${MAX_WHOLE_SCHEMAS} times those of the standard introspection query.`;
  };
}

const EVERYTHING = {
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
} as const;

/** Lengths of the lists in the answer to an introspection, by field; one at least, so that no nesting is free. */
function listSizes(schema: GraphQLSchema): ReadonlyMap<string, number> {
  const types = Object.values(schema.getTypeMap());
  const directives = schema.getDirectives();
  let fields = 0;
  let args = 0;
  let inputFields = 0;
  let enumValues = 0;
  for (const type of types) {
    if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) {
        fields += 1;
        args += field.args.length;
      }
    } else if (isInputObjectType(type)) inputFields += Object.keys(type.getFields()).length;
    else if (isEnumType(type)) enumValues += type.getValues().length;
  }
  const each = (total: number, of: number): number => Math.max(1, total / of);
  return new Map([
    ['types', types.length],
    ['directives', directives.length],
    ['fields', each(fields, types.length)],
    ['args', each(args, fields)],
    ['inputFields', each(inputFields, types.length)],
    ['enumValues', each(enumValues, types.length)],
    ['locations', 5],
  ]);
}

/** Values that a document asks of the schema, each fragment measured once and counted wherever it is spread. */
function weigh(document: DocumentNode, sizes: ReadonlyMap<string, number>): number {
  const fragments = fragmentsOf(document);
  /** By fragment, inside an introspection and around it. */
  const known = { inside: new Map<string, number>(), around: new Map<string, number>() };

  function weighSet({ selections }: SelectionSetNode, isInside: boolean): number {
    let values = 0;
    for (const selection of selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        values += weighFragment(selection.name.value, isInside);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        values += weighSet(selection.selectionSet, isInside);
      } else {
        const name = selection.name.value;
        const opens = name === '__schema' || name === '__type';
        const below = selection.selectionSet ? weighSet(selection.selectionSet, isInside || opens) : 0;
        values += isInside || opens ? 1 + (sizes.get(name) ?? 1) * below : below;
      }
    }
    return values;
  }

  function weighFragment(name: string, isInside: boolean): number {
    const memo = isInside ? known.inside : known.around;
    let values = memo.get(name);
    if (values === undefined) {
      // A cycle counts as nothing here: the validator refuses it.
      memo.set(name, 0);
      const fragment = fragments.get(name);
      values = fragment ? weighSet(fragment.selectionSet, isInside) : 0;
      memo.set(name, values);
    }
    return values;
  }

  let values = 0;
  for (const definition of document.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION)
      values = Math.max(values, weighSet(definition.selectionSet, false));
  }
  return values;
}
