/**
 * - `timeout`: no complete answer in time
 * - `unreachable`: no connection (refused, unknown host, TLS)
 * - `reset`: the connection broke before the answer was complete
 * - `too-large`: the answer is over the limit
 * - `malformed`: the answer is not HTTP
 * - `open`, `busy`, `paced`: no call was made, since the last ones failed, too many wait already, or the upstream asked for
 *   fewer
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
  /** Whether the upstream may have seen the request: only then can a write have been carried out. */
  readonly sent: boolean;

  /** Whether it ended while it waited for a connection: that tells nothing of the upstream. */
  readonly queued: boolean;

  constructor(failure: TransportFailure, sent: boolean, options: ErrorOptions & { queued?: boolean } = {}) {
    super(`upstream call failed: ${failure}`, options);
    this.queued = options.queued ?? failure === 'busy';
    this.name = 'TransportError';
    this.failure = failure;
    this.sent = sent;
  }
}
