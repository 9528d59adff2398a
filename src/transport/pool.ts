import { type Dispatcher, Pool } from 'undici';
import type { CancelListener, CancelSignal } from '../lib/cancellation.ts';
import { TransportError, type TransportFailure } from './errors.ts';
import { TurnQueue, type Waiting } from './queue.ts';

export interface UpstreamRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path and query exactly as they go on the wire, starting with `/`: nothing folds or escapes them again. */
  readonly path: string;
  /** Flat list of names and values. */
  readonly headers: string[];
  readonly body?: string;
  /** Of the calls that wait for a connection the smallest goes first: the operation's deadline, as a rule. Default: 0. */
  readonly priority?: number;
}

export interface UpstreamResponse {
  readonly status: number;
  /** The `Retry-After` header as sent. */
  readonly retryAfter?: string;
  /** UTF-8 text; bytes that are no UTF-8 become U+FFFD. */
  readonly body: string;
}

export interface PoolOptions {
  /** `https://host[:port]`. */
  readonly origin: string;
  /** Connections to the origin, at most. */
  readonly connections: number;
  /** ms from dispatch to the complete answer, waiting for a free connection included. */
  readonly timeoutMs: number;
  /** bytes of an answer's body. Default: 32 MiB. */
  readonly maxBodyBytes?: number;
}

/** Sends one request over a pooled connection. */
export type Send = (request: UpstreamRequest, signal: CancelSignal) => Promise<UpstreamResponse>;

/**
 * Idle connections are closed by us after 4 s, below any common server's idle limit (nginx and Apache: 5 s and more),
 * so that a write never goes out on a socket that the other side is closing.
 */
const KEEP_ALIVE_MS = 4_000;

const DEFAULT_MAX_BODY_BYTES = 32 * 1024 * 1024;

/**
 * A pool of HTTP/1.1 connections to one origin. `dispatch` with a handler of our own is measurably cheaper than
 * undici's `request`, and sends the path as it stands, where a URL would fold dot segments.
 *
 * The sender rejects with `TransportError`, or with the signal's reason when that is aborted.
 */
export function createPool(options: PoolOptions): {
  send: Send;
  /** Calls that wait for a connection. */
  waiting(): number;
  close(): Promise<void>;
} {
  const pool = new Pool(options.origin, {
    connections: options.connections,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    connectTimeout: options.timeoutMs,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  const shared: Shared = {
    pool,
    maxBodyBytes,
    timeoutMs: options.timeoutMs,
    queue: new TurnQueue(options.connections),
  };

  const send: Send = (request, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      shared.queue.enter(new Exchange(shared, request, signal, resolve, reject));
    });

  return { send, waiting: () => shared.queue.waiting, close: () => pool.destroy() };
}

/** What all exchanges of a pool have in common. */
interface Shared {
  readonly pool: Pool;
  readonly maxBodyBytes: number;
  readonly timeoutMs: number;
  readonly queue: TurnQueue;
}

/** One request and its answer: settles exactly once, and lets go of timer and signal when it does. */
class Exchange implements Dispatcher.DispatchHandler, CancelListener, Waiting {
  readonly priority: number;
  settled = false;
  readonly #shared: Shared;
  readonly #request: UpstreamRequest;
  readonly #resolve: (response: UpstreamResponse) => void;
  readonly #reject: (error: unknown) => void;
  readonly #signal: CancelSignal;
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #started = false;
  #sent = false;
  #status = 0;
  #retryAfter: string | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(
    shared: Shared,
    request: UpstreamRequest,
    signal: CancelSignal,
    resolve: (response: UpstreamResponse) => void,
    reject: (error: unknown) => void,
  ) {
    this.priority = request.priority ?? 0;
    this.#shared = shared;
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    this.#timer = setTimeout(onTimeout, shared.timeoutMs, this);
    signal.addEventListener('abort', this);
  }

  start(): void {
    this.#started = true;
    const { method, path, headers, body = null } = this.#request;
    this.#shared.pool.dispatch({ method, path, headers, body }, this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.settled) controller.abort(new Error('no longer wanted'));
    else this.#sent = true;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = status;
    const retryAfter = headers['retry-after'];
    if (typeof retryAfter === 'string') this.#retryAfter = retryAfter;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#shared.maxBodyBytes) this.#fail('too-large');
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (!this.#settle()) return;
    const only = this.#chunks.length === 1 ? this.#chunks[0] : undefined;
    const body = (only ?? Buffer.concat(this.#chunks)).toString('utf8');
    this.#resolve({
      status: this.#status,
      body,
      ...(this.#retryAfter === undefined ? undefined : { retryAfter: this.#retryAfter }),
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(failureOf(error), error);
  }

  /** The signal's abort. */
  handleEvent(): void {
    if (!this.#settle()) return;
    this.#controller?.abort(new Error('cancelled'));
    this.#reject(this.#signal.reason);
  }

  timeOut(): void {
    this.#fail('timeout');
  }

  #fail(failure: TransportFailure, cause?: Error): void {
    if (!this.#settle()) return;
    this.#controller?.abort(new Error(failure));
    this.#reject(new TransportError(failure, this.#sent, { cause }));
  }

  #settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this);
    if (this.#started) this.#shared.queue.leave();
    return true;
  }
}

function onTimeout(exchange: Exchange): void {
  exchange.timeOut();
}

/** Error codes of node and undici that tell more than «the connection broke». */
const FAILURES: Readonly<Record<string, TransportFailure>> = {
  ECONNREFUSED: 'unreachable',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_OVERFLOW: 'malformed',
};

function failureOf(error: Error): TransportFailure {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // The parser of undici leaves the code out, and reports a connection closed in mid-chunk as well.
  if (error.name === 'HTTPParserError') return error.message.includes('EOF') ? 'reset' : 'malformed';
  if (code.startsWith('ERR_TLS') || code.startsWith('CERT_') || code.includes('SELF_SIGNED')) return 'unreachable';
  return FAILURES[code] ?? 'reset';
}
