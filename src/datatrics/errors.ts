import { type ErrorCode, GatewayError } from '../lib/error.ts';
import { codeOf, TransportError } from '../upstream/errors.ts';

/** A failure of the API or of the connection to it. `message` is the gateway's own and safe to show to clients. */
export class DatatricsError extends GatewayError {
  /** The API's status: the HTTP status, or the status in an error body under HTTP 200. */
  readonly status: number | undefined;
  /** The API's message. Show it only to clients that write, never to clients that read. */
  readonly apiMessage: string | undefined;
  /** Whether the API may have received the request. */
  readonly sent: boolean;
  /** Delay in ms before the next call that the API requested. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    details: {
      status?: number;
      apiMessage?: string | undefined;
      sent?: boolean;
      cause?: unknown;
      retryAfterMs?: number | undefined;
    } = {},
  ) {
    super(code, message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'DatatricsError';
    this.status = details.status;
    this.apiMessage = details.apiMessage;
    this.sent = details.sent ?? true;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/**
 * The error for an answer in an unexpected format: HTML, truncated JSON, another shape.
 * @param what completes the message `The Datatrics API sent ….`
 */
export function invalidResponse(what: string, cause?: unknown): DatatricsError {
  return new DatatricsError('UPSTREAM_INVALID_RESPONSE', `The Datatrics API sent ${what}.`, { cause });
}

/** The error for a status other than 2xx. */
export function errorOfStatus(status: number, apiMessage?: string, retryAfterMs?: number): DatatricsError {
  const details = { status, apiMessage, retryAfterMs };
  if (status >= 300 && status < 400) {
    return new DatatricsError('UPSTREAM_INVALID_RESPONSE', 'The Datatrics API sent a redirect.', details);
  }
  if (status === 401 || status === 403) {
    return new DatatricsError('FORBIDDEN', 'The Datatrics API refused the key for this project.', details);
  }
  if (status === 429) {
    return new DatatricsError('UPSTREAM_UNAVAILABLE', 'The Datatrics API limits the rate of calls (429).', details);
  }
  if (status >= 400 && status < 500) {
    return new DatatricsError('UPSTREAM_REJECTED', `The Datatrics API refused the request (${status}).`, details);
  }
  if (status >= 500) {
    return new DatatricsError('UPSTREAM_UNAVAILABLE', `The Datatrics API failed (${status}).`, details);
  }
  return new DatatricsError('UPSTREAM_INVALID_RESPONSE', `The Datatrics API answered ${status}.`, details);
}

/** The error for a call that ended without an answer. */
export function errorOfTransport(error: TransportError): DatatricsError {
  const details = { sent: error.sent, cause: error };
  switch (error.failure) {
    case 'timeout':
      return new DatatricsError('UPSTREAM_TIMEOUT', 'The Datatrics API did not answer in time.', details);
    case 'unreachable':
      return new DatatricsError('UPSTREAM_UNAVAILABLE', 'The Datatrics API is unreachable.', details);
    case 'reset':
      return new DatatricsError('UPSTREAM_UNAVAILABLE', 'The connection to the Datatrics API was reset.', details);
    case 'open':
      return new DatatricsError(
        'UPSTREAM_UNAVAILABLE',
        'The Datatrics API is failing (circuit breaker open); this call was not made.',
        details,
      );
    case 'busy':
      return new DatatricsError(
        'UPSTREAM_UNAVAILABLE',
        'Too many calls are waiting for the Datatrics API; this call was not made.',
        details,
      );
    case 'paced':
      return new DatatricsError('UPSTREAM_UNAVAILABLE', 'The Datatrics API limits the rate of calls (429).', details);
    case 'too-large':
      return new DatatricsError(
        'UPSTREAM_INVALID_RESPONSE',
        'The response of the Datatrics API is too large.',
        details,
      );
    case 'malformed':
      return new DatatricsError(
        'UPSTREAM_INVALID_RESPONSE',
        'The Datatrics API sent an invalid HTTP response.',
        details,
      );
  }
}

/**
 * The cause of a failed call, for operators: the code of the underlying error (`ECONNREFUSED`, `CERT_HAS_EXPIRED`,
 * `timeout (connect)`), the status (`HTTP 503`), or the gateway's own decision (`open`, `busy`, `paced`). Clients never see
 * it. Undefined if the error is not a failure of the API.
 */
export function causeOf(error: unknown): string | undefined {
  if (!(error instanceof DatatricsError)) return undefined;
  const { cause, status } = error;
  if (cause instanceof TransportError) return codeOf(cause.cause) ?? cause.failure;
  if (status !== undefined) return `HTTP ${status}`;
  return error.code;
}
