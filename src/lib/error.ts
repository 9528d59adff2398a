import type { ErrorCode } from './error-codes.ts';

/**
 * A failure whose `code` and `message` the client sees. The message must not contain secrets. Any other thrown error is a bug;
 * clients see it as `INTERNAL_SERVER_ERROR`.
 */
export class GatewayError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'GatewayError';
    this.code = code;
  }
}

/** Creates the error for invalid input that the client can fix, such as an id, a cursor or a page size. */
export function badInput(message: string): GatewayError {
  return new GatewayError('BAD_USER_INPUT', message);
}

/** Converts a thrown value to an `Error`. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
