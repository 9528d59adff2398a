import { type FormattedExecutionResult, GraphQLError } from 'graphql';
import { GatewayError } from '../lib/error.ts';
import type { ErrorCode } from '../lib/error-codes.ts';
import { MASKED, type ReportUnexpected, shorten } from './errors.ts';
import { locationsOf } from './locations.ts';

/** The answer to a request, before serialization. */
export interface Outcome {
  readonly result: FormattedExecutionResult;
  /**
   * `executed`: the operation ran, with or without field errors. `invalid`: the document or its variables are invalid, so the
   * operation did not run. `refused`: the gateway refused the whole request, with the HTTP status in `status`.
   */
  readonly kind: 'executed' | 'invalid' | 'refused';
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the data in a query's answer: age of the oldest part in ms, and ms for which all parts stay fresh. */
  readonly ages?: { readonly oldestMs: number; readonly leftMs: number };
  /** Value of `Cache-Control`; undefined when caches must not store the answer. */
  readonly cacheControl?: string | undefined;
  /** `result` as JSON, stored here when several clients get the same answer. */
  json?: string;
}

export function unresolved(message: string): Outcome {
  return invalid('OPERATION_RESOLUTION_FAILURE', [new GraphQLError(message)]);
}

export function tooComplex(message: string): Outcome {
  return invalid('OPERATION_TOO_COMPLEX', [new GraphQLError(message)]);
}

export function invalid(code: ErrorCode, errors: readonly GraphQLError[]): Outcome {
  const formatted = errors.map((error) => {
    const locations = locationsOf(error);
    return { message: shorten(error.message), ...(locations && { locations }), extensions: { code } };
  });
  return { kind: 'invalid', result: { errors: formatted } };
}

export function refused(
  status: number,
  code: ErrorCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Outcome {
  return { kind: 'refused', status, headers, result: { errors: [{ message, extensions: { code } }] } };
}

/** HTTP status of errors that refuse the whole request. */
const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  BAD_REQUEST: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  UPSTREAM_UNAVAILABLE: 503,
};

/** Outcome for an error that was thrown before the operation ran. Reports an error that is no `GatewayError`, and masks it. */
export function outcomeOfError(error: unknown, reportUnexpected: ReportUnexpected): Outcome {
  if (!(error instanceof GatewayError)) {
    reportUnexpected(error);
    return refused(500, 'INTERNAL_SERVER_ERROR', MASKED);
  }
  const { code, message } = error;
  const status = STATUS[code];
  if (status === undefined) return { kind: 'invalid', result: { errors: [{ message, extensions: { code } }] } };
  return refused(status, code, message, status === 503 ? { 'retry-after': '1' } : {});
}
