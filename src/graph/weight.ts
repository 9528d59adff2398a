import { type GraphQLNamedType, type GraphQLOutputType, getNamedType, isAbstractType, isObjectType } from 'graphql';
import { countValues } from '../lib/json-size.ts';

/*
 * Weights of the parts of an answer, for the estimate of its size. The unit is one plain value, such as a number or a name. It
 * takes up to a microsecond of CPU time when an operation runs for the first time, and less when it runs compiled. The other
 * weights are measured relative to it.
 */

/** A record: one row of a REST response to read and decode, with an unknown number of fields. */
export const RECORD = 8;
/** Any other object, such as an edge or a line of a conversion. */
const OBJECT = 2;
/** A field that can fail: an error with its path costs more than most records. */
export const FAILURE = 40;
/** Number of input values that weigh one unit. The gateway encodes each value twice and sends it. */
const INPUT_PER_UNIT = 4;

/** Scalars that cost more than a plain value: the gateway converts ids and times, and a JSON object can have many names. */
const SCALARS: Readonly<Record<string, number>> = { ID: 2, DateTime: 2, JSONObject: 6 };

export function weightOfLeaf(type: GraphQLOutputType): number {
  return SCALARS[getNamedType(type).name] ?? 1;
}

export function weightOfObject(type: GraphQLNamedType): number {
  const isRecord = isAbstractType(type) || (isObjectType(type) && type.getInterfaces().length > 0);
  return isRecord ? RECORD : OBJECT;
}

/** The weight of an input, all its lists and objects included. */
export function weightOfInput(value: unknown): number {
  return Math.ceil(countValues(value) / INPUT_PER_UNIT);
}
