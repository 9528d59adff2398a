/**
 * - `timeout`: no complete answer in time
 * - `unreachable`: no connection (refused, unknown host, TLS, proxy)
 * - `reset`: the connection broke before the answer was complete
 * - `too-large`: the answer is over the limit
 * - `malformed`: the answer is not HTTP, or not in the encoding that it names
 * - `open`, `busy`, `paced`: the call was not made, because the circuit breaker is open, because too many calls wait, or
 *   because the upstream has answered 429 too often
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
  /** Whether the call ended in the queue, which says nothing about the upstream. */
  readonly queued: boolean;

  constructor(failure: TransportFailure, sent: boolean, options: ErrorOptions & { queued?: boolean } = {}) {
    super(`upstream call failed: ${failure}`, options);
    this.queued = options.queued ?? failure === 'busy';
    this.name = 'TransportError';
    this.failure = failure;
    this.sent = sent;
  }
}

/** Codes of failed DNS queries, connections, and tunnels of a proxy (`UND_ERR_ABORTED`: it answers CONNECT with another status). */
const UNREACHABLE =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|E[MN]FILE|EHOSTUNREACH|ENETUNREACH|UND_ERR_ABORTED|UND_ERR_PRX)/;
/** Codes of failed certificate checks and TLS handshakes (`CERT_HAS_EXPIRED`, `ERR_TLS_CERT_ALTNAME_INVALID`, …). */
const TLS = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|EPROTO|HOSTNAME_MISMATCH)|SELF_SIGNED/;
/** Codes of answers that are no HTTP, or that zlib cannot decompress. */
const MALFORMED = /^(UND_ERR_HEADERS_OVERFLOW|Z_|ERR_BROTLI|ERR_ZLIB|ERR__ERROR_FORMAT|ZSTD_|ERR_ZSTD)/;

/** Whether only a change of a certificate or a name can help. */
export function isPermanent(error: TransportError): boolean {
  const code = codeOf(error) ?? '';
  return TLS.test(code) || code === 'ENOTFOUND';
}

/** @param error of undici, or of the socket below it */
export function failureOf(error: Error): TransportFailure {
  // undici's parser reports a connection that closed in the middle of an answer as well.
  if (error.name === 'HTTPParserError') return error.message.includes('EOF') ? 'reset' : 'malformed';
  const code = codeOf(error) ?? '';
  if (UNREACHABLE.test(code) || TLS.test(code)) return 'unreachable';
  if (code === 'ETIMEDOUT' || code === 'UND_ERR_CONNECT_TIMEOUT') return 'timeout';
  if (MALFORMED.test(code)) return 'malformed';
  return code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' ? 'too-large' : 'reset';
}

/** The code of an error or its cause; where no address of a host could be reached, that of the first one. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return codeOf(error.cause);
}
