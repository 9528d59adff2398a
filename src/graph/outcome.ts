import { type FormattedExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql';
import { type ErrorCode, GatewayError } from '../lib/error.ts';
import { type ReportUnexpected, requestErrors } from './errors.ts';
import type { Locate } from './locations.ts';

/** An answer before it is bytes. */
export interface Outcome {
  readonly result: FormattedExecutionResult;
  /**
   * `executed`: the operation ran, with or without field errors. `invalid`: it could not run, for reasons in the
   * document or its variables. `refused`: the request as a whole was turned away, with this HTTP status.
   */
  readonly kind: 'executed' | 'invalid' | 'refused';
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of what a query was answered with: ms since it was read, and ms for which all of it stays fresh. */
  readonly ages?: { readonly oldestMs: number; readonly leftMs: number };
  /** `Cache-Control`; nothing of the answer may be kept where undefined. */
  readonly cacheControl?: string | undefined;
  /** `result` as JSON, kept where several clients get the same. */
  json?: string;
}

/** No operation of the document is meant, or several may be. */
export function unresolved(message: string): Outcome {
  return invalid('OPERATION_RESOLUTION_FAILURE', [new GraphQLError(message)]);
}

/** The operation is over a limit. */
export function tooComplex(message: string): Outcome {
  return invalid('OPERATION_TOO_COMPLEX', [new GraphQLError(message)]);
}

/**
 * The document or its variables are wrong.
 *
 * @param locate needed for errors in a document whose text was detached
 */
export function invalid(code: ErrorCode, errors: readonly GraphQLError[], locate?: Locate): Outcome {
  return { kind: 'invalid', result: { errors: requestErrors(code, errors, locate) } };
}

/** The request is turned away as a whole. */
export function refused(
  status: number,
  code: ErrorCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Outcome {
  const errors: GraphQLFormattedError[] = [{ message, extensions: { code } }];
  return { kind: 'refused', status, headers, result: { errors } };
}

/** An error that was thrown before the operation could run. */
export function outcomeOfError(error: unknown, reportUnexpected: ReportUnexpected): Outcome {
  if (!(error instanceof GatewayError)) {
    reportUnexpected(error);
    return refused(500, 'INTERNAL_SERVER_ERROR', 'Something went wrong in the gateway.');
  }
  switch (error.code) {
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
