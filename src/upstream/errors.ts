/**
 * - `timeout`: no complete answer in time
 * - `unreachable`: no connection (refused, unknown host, TLS, proxy)
 * - `reset`: the connection broke before the answer was complete
 * - `too-large`: the answer is over the limit
 * - `malformed`: the answer is not HTTP, or not in the encoding that it names
 * - `open`, `busy`, `paced`: the call was not made, because the circuit breaker is open, because too many calls wait, or
 *   because the upstream asked for fewer calls
 */
export type TransportFailure =
  | 'timeout'
  | 'unreachable'
  | 'reset'
  | 'too-large'
  | 'malformed'
  | 'open'
  | 'busy'
  | 'paced';

/** A call that ended without a complete HTTP answer. */
export class TransportError extends Error {
  readonly failure: TransportFailure;
  /** Whether the upstream may have received the request: only then can a write have been carried out. */
  readonly sent: boolean;
  /** Whether the call ended while it waited for a connection, which says nothing about the upstream. */
  readonly queued: boolean;

  constructor(failure: TransportFailure, sent: boolean, options: ErrorOptions & { queued?: boolean } = {}) {
    super(`upstream call failed: ${failure}`, options);
    this.queued = options.queued ?? failure === 'busy';
    this.name = 'TransportError';
    this.failure = failure;
    this.sent = sent;
  }
}

/** Error codes of Node and undici that mean something else than a broken connection. */
const FAILURES: Readonly<Record<string, TransportFailure>> = {
  ECONNREFUSED: 'unreachable',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  EMFILE: 'unreachable',
  ENFILE: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'unreachable',
  HOSTNAME_MISMATCH: 'unreachable',
  // What a proxy answers to CONNECT: other than 200, or nothing.
  UND_ERR_ABORTED: 'unreachable',
  UND_ERR_PRX_CONN: 'unreachable',
  UND_ERR_PRX_TLS: 'unreachable',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_OVERFLOW: 'malformed',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'too-large',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'reset',
};

/** Codes of failed certificate checks and TLS handshakes (`CERT_HAS_EXPIRED`, `ERR_TLS_CERT_ALTNAME_INVALID`, …). */
const TLS_CODE = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|EPROTO)|SELF_SIGNED/;
/** Codes of answers that zlib can not decompress: broken, or shorter than they should be. */
const ZLIB_CODE = /^(Z_|ERR_BROTLI|ERR_ZLIB|ERR__ERROR_FORMAT|ZSTD_|ERR_ZSTD)/;

/** What an error of undici, or of the socket below it, means. */
export function failureOf(error: Error): TransportFailure {
  // undici's parser reports a connection that closed in the middle of an answer as well.
  if (error.name === 'HTTPParserError') return error.message.includes('EOF') ? 'reset' : 'malformed';
  const code = codeOf(error) ?? '';
  if (TLS_CODE.test(code)) return 'unreachable';
  if (ZLIB_CODE.test(code)) return 'malformed';
  return FAILURES[code] ?? 'reset';
}

/** The code that names an error's cause best: of an address list that failed as a whole, that of the first address. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return codeOf(error.cause);
}
