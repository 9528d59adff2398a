import { GraphQLError, GraphQLID, Kind, type ValueNode, valueFromASTUntyped } from 'graphql';
import type { JsonObject } from '../datatrics/records/fields.ts';
import { parseInstant } from '../datatrics/time.ts';
import { isUnkept } from '../lib/exact-json.ts';
import type { Builder } from './builder.ts';

function parseDateTime(value: unknown): string {
  const instant = typeof value === 'string' ? parseInstant(value) : null;
  if (instant === null) {
    throw new GraphQLError('DateTime must be an ISO 8601 time with a time zone, such as "2024-05-01T12:00:00Z".');
  }
  return instant;
}

function parseJsonObject(value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GraphQLError('JSONObject must be a JSON object.');
  }
  checkNumbers(value);
  return value as JsonObject;
}

function checkNumbers(value: object): void {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object') {
      if (inner !== null) checkNumbers(inner);
    } else if (isUnkept(inner)) {
      throw new GraphQLError(`JSONObject cannot represent the number ${inner} exactly: send it as a string.`);
    }
  }
}

const parseId = GraphQLID.parseValue;

/**
 * Lets `ID` accept an integer of any size without changing its digits. graphql-js 16 refuses a `bigint` and accepts a rounded
 * number. graphql-js 17 accepts a `bigint` itself.
 */
GraphQLID.parseValue = (value) => {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new GraphQLError(`ID cannot represent value: ${value}`);
  }
  return parseId(value);
};

export function defineScalars(builder: Builder): void {
  builder.scalarType('DateTime', {
    description:
      'A point in time as ISO 8601 text. Output is in UTC with `Z`, such as `2024-05-01T12:00:00.000Z`. Input must have a time zone, which can be any.',
    specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
    serialize: (value) => value,
    parseValue: parseDateTime,
    parseLiteral: (node: ValueNode) => parseDateTime(node.kind === Kind.STRING ? node.value : undefined),
  });
  builder.scalarType('JSONObject', {
    description:
      'A JSON object with any members; the gateway does not interpret the values. A number that a double cannot represent, such as an integer beyond 2^53, is a string of its digits in output and an error in input.',
    specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259#section-4',
    serialize: (value) => value,
    parseValue: parseJsonObject,
    parseLiteral: (node: ValueNode, variables) => parseJsonObject(valueFromASTUntyped(node, variables)),
  });
}
