import {
  type DocumentNode,
  type GraphQLSchema,
  getIntrospectionQuery,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  MaxIntrospectionDepthRule,
  parse,
  validate,
} from 'graphql';
import { countIntrospected, type ListSizes, limitMessage } from './document-limits.ts';

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
    const values = countIntrospected(document, sizes);
    if (values === 0) return null;
    if (validate(schema, document, [MaxIntrospectionDepthRule], { maxErrors: 1 }).length > 0) {
      return 'The operation nests lists of the schema too deeply: fields, inputFields, interfaces or possibleTypes in three levels.';
    }
    limit ??= MAX_WHOLE_SCHEMAS * countIntrospected(parse(getIntrospectionQuery(EVERYTHING)), sizes);
    return values <= limit ? null : limitMessage('values of the schema', Math.ceil(values), Math.floor(limit));
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
function listSizes(schema: GraphQLSchema): ListSizes {
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
