import { GraphQLError, Kind, type ValueNode, valueFromASTUntyped } from 'graphql';
import type { JsonObject } from '../datatrics/fields.ts';
import { parseInstant } from '../datatrics/time.ts';
import type { Builder } from './builder.ts';

function parseDateTime(value: unknown): string {
  const instant = typeof value === 'string' ? parseInstant(value) : null;
  if (instant === null) {
    throw new GraphQLError('DateTime must be an ISO 8601 time with a zone, such as "2024-05-01T12:00:00Z".');
  }
  return instant;
}

function parseJsonObject(value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GraphQLError('JSONObject must be an object.');
  }
  return value as JsonObject;
}

/** Scalars that GraphQL does not have by itself. */
export function defineScalars(builder: Builder): void {
  builder.scalarType('DateTime', {
    description:
      'An instant as ISO 8601 text. Always in UTC with `Z` on output, such as `2024-05-01T12:00:00.000Z`; on input any zone, but one must be given.',
    specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
    serialize: (value) => value,
    parseValue: parseDateTime,
    parseLiteral: (node: ValueNode) => parseDateTime(node.kind === Kind.STRING ? node.value : undefined),
  });
  builder.scalarType('JSONObject', {
    description: 'A JSON object of any content: its values come and go as they are, untyped.',
    specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259#section-4',
    serialize: (value) => value,
    parseValue: parseJsonObject,
    parseLiteral: (node: ValueNode, variables) => parseJsonObject(valueFromASTUntyped(node, variables)),
  });
}
