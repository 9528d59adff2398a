import { GatewayError } from '../lib/error.ts';
import type { ErrorCode } from '../lib/error-codes.ts';
import { codeOf, TransportError, type TransportFailure } from '../upstream/errors.ts';

interface Details extends ErrorOptions {
  /** The API's status: the HTTP status, or the status in an error body under HTTP 200. */
  readonly status?: number | undefined;
  /** The API's message. Show it only to clients that write, never to clients that read. */
  readonly apiMessage?: string | undefined;
  /** Whether the API may have received the request. Default: true. */
  readonly sent?: boolean;
  readonly retryAfterMs?: number | undefined;
}

/** A failure of the API or of the connection to it. `message` is the gateway's own and safe to show to clients. */
export class DatatricsError extends GatewayError {
  readonly status: Details['status'];
  readonly apiMessage: Details['apiMessage'];
  readonly sent: boolean;
  readonly retryAfterMs: Details['retryAfterMs'];

  constructor(
    code: ErrorCode,
    message: string,
    { status, apiMessage, sent = true, retryAfterMs, ...options }: Details,
  ) {
    super(code, message, options);
    this.name = 'DatatricsError';
    this.status = status;
    this.apiMessage = apiMessage;
    this.sent = sent;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * The error for an answer in an unexpected format: HTML, truncated JSON, another shape.
 * @param what completes the message `The Datatrics API sent ….`
 */
export function invalidResponse(what: string, cause?: unknown): DatatricsError {
  return new DatatricsError('UPSTREAM_INVALID_RESPONSE', `The Datatrics API sent ${what}.`, cause ? { cause } : {});
}

export function errorOfStatus(status: number, apiMessage?: string, retryAfterMs?: number): DatatricsError {
  const [code, what] = meaningOf(status);
  return new DatatricsError(code, `The Datatrics API ${what}.`, { status, apiMessage, retryAfterMs });
}

function meaningOf(status: number): readonly [ErrorCode, string] {
  if (status === 401 || status === 403) return ['FORBIDDEN', 'refused the key for this project'];
  if (status === 429) return OF_TRANSPORT.paced;
  if (status >= 500) return ['UPSTREAM_UNAVAILABLE', `failed (${status})`];
  if (status >= 400) return ['UPSTREAM_REJECTED', `refused the request (${status})`];
  return ['UPSTREAM_INVALID_RESPONSE', status >= 300 ? 'sent a redirect' : `answered ${status}`];
}

const OF_TRANSPORT: Readonly<Record<TransportFailure, readonly [ErrorCode, string]>> = {
  timeout: ['UPSTREAM_TIMEOUT', 'did not answer in time'],
  unreachable: ['UPSTREAM_UNAVAILABLE', 'is unreachable'],
  reset: ['UPSTREAM_UNAVAILABLE', 'reset the connection'],
  open: ['UPSTREAM_UNAVAILABLE', 'is failing (circuit breaker open); this call was not made'],
  busy: ['UPSTREAM_UNAVAILABLE', 'has too many waiting calls; this call was not made'],
  paced: ['UPSTREAM_UNAVAILABLE', 'limits the rate of calls (429)'],
  'too-large': ['UPSTREAM_INVALID_RESPONSE', 'sent a response that is too large'],
  malformed: ['UPSTREAM_INVALID_RESPONSE', 'sent an invalid HTTP response'],
};

export function errorOfTransport(error: TransportError): DatatricsError {
  const [code, what] = OF_TRANSPORT[error.failure];
  return new DatatricsError(code, `The Datatrics API ${what}.`, { sent: error.sent, cause: error });
}

/** Statuses with which the API refuses a write before it writes anything. */
const NOT_WRITTEN: ReadonlySet<number | undefined> = new Set([401, 403, 404, 429]);

export function mayHaveWritten(error: unknown): boolean {
  return !(error instanceof DatatricsError) || (error.sent && !NOT_WRITTEN.has(error.status));
}

/**
 * The cause of a failed call, for operators: the code of the underlying error (`ECONNREFUSED`, `CERT_HAS_EXPIRED`,
 * `timeout (connect)`), the status (`HTTP 503`), or the gateway's own decision (`open`, `busy`, `paced`). Clients never see
 * it. Undefined if the error is not a failure of the API.
 */
export function causeOf(error: unknown): string | undefined {
  if (!(error instanceof DatatricsError)) return undefined;
  const { cause, status, code } = error;
  if (cause instanceof TransportError) return codeOf(cause.cause) ?? cause.failure;
  return status === undefined ? code : `HTTP ${status}`;
}
