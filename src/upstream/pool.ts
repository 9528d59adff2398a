import type { Dispatcher } from 'undici';
import type { AbortListener } from '../lib/abort.ts';
import { EVERYBODY, type Party, Turns, type Waiting } from '../lib/fair-queue.ts';
import type { UpstreamRequest, UpstreamResponse } from './call.ts';
import { createConnections } from './dispatcher.ts';
import { failureOf, TransportError, type TransportFailure } from './errors.ts';

export interface PoolOptions {
  /** `https://host[:port]`. */
  readonly origin: string;
  /** Calls to the origin at once: connections of HTTP/1.1, streams of HTTP/2. */
  readonly connections: number;
  /** ms from `send` to the complete answer, waiting for a free connection included. */
  readonly timeoutMs: number;
  /** ms after which a connection takes no more calls. Default: 300,000 (5 minutes). */
  readonly connectionTtlMs?: number;
  /** Bytes of an answer's body, decompressed. Default: 32 MiB. */
  readonly maxBodyBytes?: number;
  /** Part of the connections that no single bulkhead may take, so that one that hangs leaves room for the others. Default: 1/8. */
  readonly reservedShare?: number;
  /** Calls that wait for a connection at most, in all; beyond that they fail at once. Default: `MAX_WAITING`. */
  readonly waiting?: number;
}

export const MAX_WAITING = 10_000;

/** Makes one call. Rejects with `TransportError`, or with the signal's reason when that is aborted. */
export type Send = (request: UpstreamRequest, signal: AbortSignal) => Promise<UpstreamResponse>;

const DEFAULT_MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Calls to one origin by undici. Adds turns between callers, one time-out for the whole call, and the kind of its failure. */
export function createPool(options: PoolOptions) {
  const {
    origin,
    connections,
    timeoutMs,
    connectionTtlMs = 5 * 60_000,
    maxBodyBytes = DEFAULT_MAX_BODY_BYTES,
    reservedShare = 1 / 8,
    waiting = MAX_WAITING,
  } = options;
  const connectionOptions = { origin, connections, connectTimeoutMs: timeoutMs, connectionTtlMs, maxBodyBytes };
  const accepted = createConnections(connectionOptions);
  const queue = new Turns({
    running: connections,
    runningInLane: connections - Math.floor(connections * reservedShare),
    waiting,
  });
  let unaccepted: typeof accepted | undefined;
  const shared: Shared = {
    queue,
    origin,
    timeoutMs,
    maxBodyBytes,
    dispatcherFor(caller) {
      if (caller.isAccepted) return accepted.dispatcher;
      unaccepted ??= createConnections(connectionOptions);
      return unaccepted.dispatcher;
    },
  };

  const send: Send = (request, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const exchange = new Exchange(shared, request, signal, resolve, reject);
      if (!queue.enter(exchange)) exchange.refuse();
    });

  return {
    send,
    /** Closes every connection; calls under way, and calls from now on, fail. */
    close: () => Promise.all([accepted.destroy(), unaccepted?.destroy()]),
    /** Calls that wait for a connection. */
    get waiting(): number {
      return queue.waiting;
    },
  };
}

/** What all exchanges of a pool share. */
interface Shared extends Required<Pick<PoolOptions, 'origin' | 'timeoutMs' | 'maxBodyBytes'>> {
  readonly queue: Turns;
  /**
   * Callers whose key the upstream has not accepted have connections of their own: over HTTP/2, a request that makes the
   * upstream close its connection would fail the calls of others on it.
   */
  dispatcherFor(caller: Party): Dispatcher;
}

/** What a call waits for: its turn, a connection, the head of the answer, its body. */
type Phase = 'queue' | 'connect' | 'answer' | 'body';

/** One call. It settles once, and then releases its turn, timer and signal. */
class Exchange implements Dispatcher.DispatchHandler, AbortListener, Waiting {
  readonly party: Party;
  readonly priority: number;
  readonly lane: string;
  readonly weight = 1;
  settled = false;
  readonly #shared: Shared;
  readonly #request: UpstreamRequest;
  readonly #resolve: (response: UpstreamResponse) => void;
  readonly #reject: (error: unknown) => void;
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  #phase: Phase = 'queue';
  #isRefused = false;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #retryAfter: string | undefined;
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  constructor(
    shared: Shared,
    request: UpstreamRequest,
    signal: AbortSignal,
    resolve: (response: UpstreamResponse) => void,
    reject: (error: unknown) => void,
  ) {
    this.party = request.caller ?? EVERYBODY;
    this.priority = request.priority ?? 0;
    this.lane = request.bulkhead ?? '';
    this.#shared = shared;
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    this.#timer = setTimeout(() => this.#timeOut(), request.timeoutMs ?? shared.timeoutMs);
    signal.addEventListener('abort', this);
  }

  start(): void {
    this.#phase = 'connect';
    const { origin } = this.#shared;
    const { method, path, headers, body } = this.#request;
    this.#shared.dispatcherFor(this.party).dispatch({ origin, method, path, headers, body: body ?? null }, this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.settled) {
      controller.abort(new Error('The call ended before it was sent.'));
      return;
    }
    this.#controller = controller;
    this.#phase = 'answer';
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#phase = 'body';
    this.#status = status;
    const retryAfter = headers['retry-after'];
    if (typeof retryAfter === 'string') this.#retryAfter = retryAfter;
  }

  onResponseData(_controller: Dispatcher.DispatchController, part: Buffer): void {
    if (this.settled) return;
    this.#bytes += part.length;
    if (this.#bytes > this.#shared.maxBodyBytes) this.#fail('too-large');
    else this.#parts.push(part);
  }

  onResponseEnd(): void {
    this.#controller = undefined;
    // After this, undici frees the connection by a `setImmediate`. The calls that follow this one must find it free.
    queueMicrotask(() => setImmediate(() => this.#complete()));
  }

  #complete(): void {
    if (!this.#settle()) return;
    const [first] = this.#parts;
    const bytes = this.#parts.length === 1 ? (first as Buffer) : Buffer.concat(this.#parts);
    const response = { status: this.#status, body: bytes.toString('utf8') };
    this.#resolve(this.#retryAfter === undefined ? response : { ...response, retryAfter: this.#retryAfter });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#controller = undefined;
    this.#fail(failureOf(error), error);
  }

  /** The signal's abort. */
  handleEvent(): void {
    if (this.#settle()) this.#reject(this.#signal.reason);
  }

  /** To be called where the queue is full. */
  refuse(): void {
    this.#isRefused = true;
    this.#fail('busy');
  }

  #timeOut(): void {
    const code = `timeout (${this.#phase})`;
    const cause = new Error(`no complete answer in time; the call waited for: ${this.#phase}`);
    this.#fail('timeout', Object.assign(cause, { code }));
  }

  #fail(failure: TransportFailure, cause?: Error): void {
    const phase = this.#phase;
    if (!this.#settle()) return;
    const sent = phase === 'answer' || phase === 'body';
    this.#reject(new TransportError(failure, sent, { cause, queued: phase === 'queue' }));
  }

  #settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this);
    // Cancels a request that has not ended, before the next call needs a connection.
    this.#controller?.abort(new Error('The call was cancelled.'));
    if (this.#phase !== 'queue') this.#shared.queue.leave(this.party, this.lane, this.weight);
    else if (!this.#isRefused) this.#shared.queue.abandon(this);
    return true;
  }
}
