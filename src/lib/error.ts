import type { ErrorCode } from './error-codes.ts';

export type { ErrorCode };

/**
 * A failure that a client may be told about as it stands: `message` holds nothing secret and `code` is of the closed
 * list. Anything else that is thrown is a bug and is masked as `INTERNAL_SERVER_ERROR`.
 */
export class GatewayError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'GatewayError';
    this.code = code;
  }
}

/** The client sent something that it can mend: an id, a cursor, a page size. */
export function badInput(message: string): GatewayError {
  return new GatewayError('BAD_USER_INPUT', message);
}

/** What was thrown, as an `Error` to stand in a list beside what went well. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
