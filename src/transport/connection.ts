import type { Party } from '../lib/turns.ts';
import type { TransportFailure } from './errors.ts';

export interface UpstreamRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path and query exactly as they go on the wire, starting with `/`: nothing folds or escapes them again. */
  readonly path: string;
  readonly headers: RequestHeaders;
  readonly body?: string;
  /** Whose share of the connections the call takes. Default: everybody's. */
  readonly party?: Party;
  /** Of one party's calls that wait for a connection the smallest goes first: the operation's deadline, as a rule. Default: 0. */
  readonly priority?: number;
  /** Calls of one lane share a bulkhead. Default: one of its own for all that name none. */
  readonly lane?: string;
  /** ms, in place of the pool's. */
  readonly timeoutMs?: number | undefined;
}

export interface UpstreamResponse {
  readonly status: number;
  /** The `Retry-After` header as sent. */
  readonly retryAfter?: string;
  /** UTF-8 text; bytes that are no UTF-8 become U+FFFD. */
  readonly body: string;
}

/** The caller's headers of one or more requests: checked and put together once, however many requests have them. */
export class RequestHeaders {
  /** As they go on the wire, each with its line end. */
  readonly lines: string;
  readonly #own: readonly string[];
  readonly #before: RequestHeaders | undefined;

  /**
   * @param own names and values in turn
   * @param before what comes before them
   * @throws TypeError for what can not stand in a header, which might be taken for a further one
   */
  constructor(own: readonly string[], before?: RequestHeaders) {
    let lines = before?.lines ?? '';
    for (let i = 0; i < own.length; i += 2) {
      const line = `${own[i]}: ${own[i + 1]}`;
      // One by one: together, a value with a line end in it looks like two headers.
      if (!HEADER_LINE.test(line)) throw new TypeError('a request header has a name or value that can not be sent');
      lines += `${line}\r\n`;
    }
    this.lines = lines;
    this.#own = own;
    this.#before = before;
  }

  /** Names and values in turn. */
  get flat(): readonly string[] {
    return [...(this.#before?.flat ?? []), ...this.#own];
  }

  with(more: readonly string[]): RequestHeaders {
    return more.length === 0 ? this : new RequestHeaders(more, this);
  }
}

const HEADER_LINE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e]*$/;

/** Told what becomes of a request: `onAnswer` or `onFailure` is called once. */
export interface AnswerListener {
  /** From here on the upstream may have seen it. */
  onSent(): void;
  /** @param reusable whether the connection is good for another request */
  onAnswer(answer: UpstreamResponse, reusable: boolean): void;
  /** The connection is not to be used again. */
  onFailure(failure: TransportFailure, cause?: Error): void;
}

/** One HTTP/1.1 connection to the upstream, for one request after another. */
export interface Connection {
  /** Whether it still stands, as far as is known, and has not been idle for so long that the upstream may be closing it. */
  readonly usable: boolean;
  /** Sends a request; the one before must have been answered. Connects first where need be. Never throws. */
  send(request: UpstreamRequest, listener: AnswerListener): void;
  /** Cuts it off; a request that is under way fails as `reset`. */
  destroy(): void;
}

/** Where connections go, and what they bear. */
export interface ConnectionOptions {
  /** `https://host[:port]`. */
  readonly origin: string;
  /** bytes of an answer's body. */
  readonly maxBodyBytes: number;
  /** ms for which a connection is kept while nobody uses it. */
  readonly keepAliveMs: number;
}

/** Error codes of Node and undici that tell more than «the connection broke». */
const FAILURES: Readonly<Record<string, TransportFailure>> = {
  ECONNREFUSED: 'unreachable',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  EMFILE: 'unreachable',
  ENFILE: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ETIMEDOUT: 'timeout',
};

/** What an error of a socket means. */
export function failureOf(error: Error): TransportFailure {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || code.startsWith('CERT_')) return 'unreachable';
  if (code.includes('SELF_SIGNED') || code.startsWith('UNABLE_TO_')) return 'unreachable';
  return FAILURES[code] ?? 'reset';
}
