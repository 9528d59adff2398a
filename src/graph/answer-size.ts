import { GraphQLError } from 'graphql';
import { GatewayError } from '../lib/error.ts';
import { sizeWithin } from '../lib/json-size.ts';
import type { Operation } from '../upstream/operation.ts';
import type { DocumentLimits } from './document-limits.ts';
import { formatError } from './errors.ts';
import type { Outcome } from './outcome.ts';
import type { Estimate } from './plan.ts';

/** Maximum weight of an answer's values: an answer below it takes at most half a second of CPU time and 100 MB. */
export const MAX_VALUES = 350_000;

/** A connection returns each record in `nodes` and in `edges`. */
const COPIES_PER_RECORD = 2;
/** Maximum bytes in an answer for one byte from the API: a global id has the record's id and source in base64. */
const MAX_GROWTH = 2;
/** Maximum bytes of a value that the gateway creates, such as a time or a hash, with its quotes and separators. */
const OWN_BYTES = 64;

/**
 * Whether an answer could have more than `max` bytes. This upper bound is cheap, so that the gateway measures only answers
 * that could be too large. It assumes that each reused API response is the largest one, and that each alias repeats all data.
 */
export function mayExceed(
  max: number,
  { values, aliases, longestName }: Estimate,
  { bytes, largestAnswer, usage, values: counted }: Operation,
): boolean {
  const used = bytes + usage.deduped * largestAnswer;
  const fromApi = used * (1 + aliases) * COPIES_PER_RECORD * MAX_GROWTH;
  return fromApi + (values + counted) * (OWN_BYTES + longestName) > max;
}

/**
 * The outcome that replaces a too large answer. The operation ran, so its writes took effect.
 * @param setting environment variable that sets the limit, if any
 */
export function tooLarge(unit: string, max: number, setting?: string): Outcome {
  const message = `The answer has more than ${max} ${unit}${setting === undefined ? '' : ` (${setting})`}.`;
  const error = new GraphQLError(message, { originalError: new GatewayError('OPERATION_TOO_COMPLEX', message) });
  return { kind: 'executed', result: { errors: [formatError(error, () => undefined)], data: null } };
}

/**
 * Creates a check for the messages of an answer in parts, called with one message after the other. It returns the outcome that
 * replaces the message with which the whole answer becomes too large, else undefined.
 */
export function createAnswerLimit(
  { maxEstimatedValues, maxAnswerBytes }: DocumentLimits,
  operation: Operation,
): (message: object) => Outcome | undefined {
  let bytes = 0;
  return (message) => {
    if (operation.isOver) return tooLarge('values', maxEstimatedValues);
    bytes += sizeWithin(message, maxAnswerBytes);
    return bytes > maxAnswerBytes ? tooLarge('bytes', maxAnswerBytes, 'MAX_ANSWER_BYTES') : undefined;
  };
}
