import { GraphQLError } from 'graphql';
import { GatewayError } from '../lib/error.ts';
import { sizeWithin } from '../lib/json-size.ts';
import type { Operation } from '../upstream/operation.ts';
import { formatError } from './errors.ts';
import type { Estimate } from './estimate-cache.ts';
import type { Outcome } from './outcome.ts';

/** Weight of an answer's values at most, so that one answer takes half a second of the processor's time and 100 MB at most. */
export const MAX_VALUES = 350_000;

/** A connection gives each record by `nodes` and by `edges`. */
const WAYS_TO_A_RECORD = 2;
/** Bytes in an answer for one byte that was read: a global id holds the record's id and source in base64. */
const LARGEST_GROWTH = 2;
/** Bytes of a value that was not read as it stands, such as a time or a hash, its quotes and separators included. */
const OWN_BYTES = 64;

/**
 * Whether an answer may have more than `max` bytes, as far as that is known without looking at it: each answer of the API
 * that was used again is taken to be the largest, and every alias to be that of the largest value. Cheap, so that only
 * answers that may really be too large have to be measured.
 */
export function mayExceed(
  max: number,
  { values, aliases, longestName }: Estimate,
  { bytes, largestAnswer, usage, values: counted }: Operation,
): boolean {
  const used = bytes + usage.deduped * largestAnswer;
  const fromApi = used * (1 + aliases) * WAYS_TO_A_RECORD * LARGEST_GROWTH;
  return fromApi + (values + counted) * (OWN_BYTES + longestName) > max;
}

/**
 * The answer in place of one that is too large. The operation ran: its writes, if any, were made.
 * @param setting the variable that sets the limit, if any does
 */
export function tooLarge(unit: string, max: number, setting?: string): Outcome {
  const message = `The answer has more than ${max} ${unit}${setting === undefined ? '' : ` (${setting})`}.`;
  const error = new GraphQLError(message, { originalError: new GatewayError('OPERATION_TOO_COMPLEX', message) });
  return { kind: 'executed', result: { errors: [formatError(error, () => undefined)], data: null } };
}

/** Limits of an answer, in weighted values and in bytes as JSON. */
interface AnswerLimits {
  readonly maxEstimatedValues: number;
  readonly maxAnswerBytes: number;
}

/**
 * Judges the messages of an answer in parts, one after the other: gives the outcome in place of one by which the whole answer
 * becomes too large.
 */
export function createAnswerLimit(
  { maxEstimatedValues, maxAnswerBytes }: AnswerLimits,
  operation: Operation,
): (message: object) => Outcome | undefined {
  let bytes = 0;
  return (message) => {
    if (operation.isOver) return tooLarge('values', maxEstimatedValues);
    bytes += sizeWithin(message, maxAnswerBytes);
    return bytes > maxAnswerBytes ? tooLarge('bytes', maxAnswerBytes, 'MAX_ANSWER_BYTES') : undefined;
  };
}
