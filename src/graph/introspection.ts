import {
  type DocumentNode,
  type GraphQLSchema,
  getIntrospectionQuery,
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

/** Lengths of the lists in an introspection result, by field: of a whole schema, and roughly of a type, a field or a directive. */
function listSizes(schema: GraphQLSchema): ListSizes {
  return new Map([
    ['types', Object.keys(schema.getTypeMap()).length],
    ['directives', schema.getDirectives().length],
    ['fields', 3],
    ['args', 1],
    ['inputFields', 1],
    ['enumValues', 1],
    ['locations', 5],
  ]);
}
