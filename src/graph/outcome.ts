import { type FormattedExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql';
import { type ErrorCode, GatewayError } from '../lib/error.ts';
import { type ReportUnexpected, requestErrors } from './errors.ts';

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
  return { kind: 'invalid', result: { errors: requestErrors(code, errors) } };
}

export function refused(
  status: number,
  code: ErrorCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Outcome {
  const errors: GraphQLFormattedError[] = [{ message, extensions: { code } }];
  return { kind: 'refused', status, headers, result: { errors } };
}

/** Outcome for an error that was thrown before the operation ran. Reports an error that is no `GatewayError`, and masks it. */
export function outcomeOfError(error: unknown, reportUnexpected: ReportUnexpected): Outcome {
  if (!(error instanceof GatewayError)) {
    reportUnexpected(error);
    return refused(500, 'INTERNAL_SERVER_ERROR', 'Something went wrong in the gateway.');
  }
  switch (error.code) {
    case 'BAD_REQUEST':
      return refused(400, error.code, error.message);
    case 'UNAUTHENTICATED':
      return refused(401, error.code, error.message);
    case 'FORBIDDEN':
      return refused(403, error.code, error.message);
    case 'UPSTREAM_UNAVAILABLE':
      return refused(503, error.code, error.message, { 'retry-after': '1' });
    default:
      return { kind: 'invalid', result: { errors: [{ message: error.message, extensions: { code: error.code } }] } };
  }
}
