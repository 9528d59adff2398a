import { type ErrorCode, GatewayError } from '../lib/error.ts';
import { codeOf, TransportError } from '../upstream/errors.ts';

/** What the API, or the way to it, did wrong. `message` is ours and safe to show; the API's own words are kept apart. */
export class DatatricsError extends GatewayError {
  /** The status that the API answered with, an inner one (an error body under 200) included. */
  readonly status: number | undefined;
  /** The API's message: for users of a write only, never for readers. */
  readonly apiMessage: string | undefined;
  /** Whether the API may have seen the request. */
  readonly sent: boolean;
  /** ms after which the API asks to be called again. */
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

/** An answer that is not what the endpoint promises: HTML, cut-off JSON, another shape. */
export function invalidResponse(what: string, cause?: unknown): DatatricsError {
  return new DatatricsError('UPSTREAM_INVALID_RESPONSE', `The Datatrics API sent ${what}.`, { cause });
}

/** The meaning of a status other than 2xx. */
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

/** The meaning of a call that ended without an answer. */
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
 * Why a call failed, for operators: the code of the underlying error (`ECONNREFUSED`, `CERT_HAS_EXPIRED`,
 * `timeout (connect)`), a failing status (`HTTP 503`), or what the gateway itself decided (`open`, `busy`, `paced`). Clients
 * never see it. Undefined for what is no failure of the API.
 */
export function causeOf(error: unknown): string | undefined {
  if (!(error instanceof DatatricsError)) return undefined;
  const { cause, status } = error;
  if (cause instanceof TransportError) return codeOf(cause.cause) ?? cause.failure;
  if (status !== undefined) return `HTTP ${status}`;
  return error.code;
}
