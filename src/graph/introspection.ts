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

/** How many times the values of the standard introspection query a document may select. Tools select them once, with variations. */
const MAX_WHOLE_SCHEMAS = 2;

/**
 * Limits introspection in a document: the nesting depth of lists, and the number of values relative to the standard
 * introspection query. Each list counts with its average length in this schema.
 *
 * @returns a function that returns the message for a document over the limit, or null
 */
export function createIntrospectionLimit(schema: GraphQLSchema): (document: DocumentNode) => string | null {
  const sizes = listSizes(schema);
  let limit: number | undefined;
  return (document) => {
    const values = countValues(document, sizes);
    if (values === 0) return null;
    if (validate(schema, document, [MaxIntrospectionDepthRule], { maxErrors: 1 }).length > 0) {
      return 'The operation nests lists of the schema too deeply: fields, inputFields, interfaces or possibleTypes in three levels.';
    }
    limit ??= MAX_WHOLE_SCHEMAS * countValues(parse(getIntrospectionQuery(EVERYTHING)), sizes);
    if (values <= limit) return null;
    const counted = values < 1e9 ? String(Math.ceil(values)) : 'countless';
    return `The operation selects ${counted} values of the schema; at most ${Math.floor(limit)} are allowed, ${MAX_WHOLE_SCHEMAS} times those of the standard introspection query.`;
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

/** Average lengths of the lists in an introspection result, by field. At least 1, so that nesting always counts. */
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
  const average = (total: number, of: number): number => Math.max(1, total / of);
  return new Map([
    ['types', types.length],
    ['directives', directives.length],
    ['fields', average(fields, types.length)],
    ['args', average(args, fields)],
    ['inputFields', average(inputFields, types.length)],
    ['enumValues', average(enumValues, types.length)],
    ['locations', 5],
  ]);
}

/** Number of schema values that a document selects. Measures each fragment once, and counts it at each spread. */
function countValues(document: DocumentNode, sizes: ReadonlyMap<string, number>): number {
  const fragments = fragmentsOf(document);
  /** Values by fragment, spread inside and outside of `__schema` and `__type`. */
  const counted = { inside: new Map<string, number>(), outside: new Map<string, number>() };

  function countSet({ selections }: SelectionSetNode, isInside: boolean): number {
    let values = 0;
    for (const selection of selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        values += countFragment(selection.name.value, isInside);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        values += countSet(selection.selectionSet, isInside);
      } else {
        const name = selection.name.value;
        const isCounted = isInside || name === '__schema' || name === '__type';
        const below = selection.selectionSet ? countSet(selection.selectionSet, isCounted) : 0;
        values += isCounted ? 1 + (sizes.get(name) ?? 1) * below : below;
      }
    }
    return values;
  }

  function countFragment(name: string, isInside: boolean): number {
    const memo = isInside ? counted.inside : counted.outside;
    let values = memo.get(name);
    if (values === undefined) {
      // A cycle counts as zero: the validator refuses it later.
      memo.set(name, 0);
      const fragment = fragments.get(name);
      values = fragment ? countSet(fragment.selectionSet, isInside) : 0;
      memo.set(name, values);
    }
    return values;
  }

  let values = 0;
  for (const definition of document.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION)
      values = Math.max(values, countSet(definition.selectionSet, false));
  }
  return values;
}
