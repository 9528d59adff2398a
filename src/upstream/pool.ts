import type { Dispatcher } from 'undici';
import type { AbortListener } from '../lib/abort.ts';
import { EVERYBODY, type Party, Turns, type Waiting } from '../lib/fair-queue.ts';
import type { UpstreamRequest, UpstreamResponse } from './call.ts';
import { createConnections, type DispatcherOptions } from './dispatcher.ts';
import { failureOf, TransportError, type TransportFailure } from './errors.ts';

export interface PoolOptions extends DispatcherOptions {
  /** Part of the connections that no single bulkhead may take, so that one that hangs leaves room for the others. Default: 1/8. */
  readonly reservedShare?: number;
  /** Most calls that wait for a connection; further ones fail at once. Default: `MAX_WAITING`. */
  readonly waiting?: number;
}

export const MAX_WAITING = 10_000;

/** Makes one call. Rejects with `TransportError`, or with the signal's reason when that is aborted. */
export type Send = (request: UpstreamRequest, signal: AbortSignal) => Promise<UpstreamResponse>;

/** Calls to one origin by undici. Adds turns between callers, one time-out for the whole call, and the kind of its failure. */
export function createPool(options: PoolOptions) {
  const { connections, reservedShare = 1 / 8, waiting = MAX_WAITING } = options;
  const accepted = createConnections(options);
  const queue = new Turns({
    running: connections,
    runningInLane: connections - Math.floor(connections * reservedShare),
    waiting,
  });
  let unaccepted: typeof accepted | undefined;
  const shared: Shared = {
    ...options,
    queue,
    dispatcherFor(caller) {
      if (caller.isAccepted) return accepted.dispatcher;
      unaccepted ??= createConnections(options);
      return unaccepted.dispatcher;
    },
  };

  const send: Send = (request, signal) => {
    if (signal.aborted) return Promise.reject(signal.reason);
    const exchange = new Exchange(shared, request, signal);
    if (!queue.enter(exchange)) exchange.refuse();
    return exchange.response;
  };

  return {
    send,
    /** Closes every connection; calls under way, and calls from now on, fail. */
    close: () => Promise.all([accepted.destroy(), unaccepted?.destroy()]),
    get waiting(): number {
      return queue.waiting;
    },
  };
}

interface Shared extends PoolOptions {
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
  readonly #shared: Shared;
  readonly #request: UpstreamRequest;
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #result = Promise.withResolvers<UpstreamResponse>();
  readonly #parts: Buffer[] = [];
  #phase: Phase = 'queue';
  #isRefused = false;
  #isSettled = false;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #retryAfter: string | undefined;

  constructor(shared: Shared, request: UpstreamRequest, signal: AbortSignal) {
    this.party = request.caller ?? EVERYBODY;
    this.priority = request.priority ?? 0;
    this.lane = request.bulkhead ?? '';
    this.#shared = shared;
    this.#request = request;
    this.#signal = signal;
    this.#timer = setTimeout(() => this.#timeOut(), request.timeoutMs ?? shared.timeoutMs);
    signal.addEventListener('abort', this);
  }

  get response(): Promise<UpstreamResponse> {
    return this.#result.promise;
  }

  start(): void {
    this.#phase = 'connect';
    const { origin } = this.#shared;
    const { method, path, headers, body } = this.#request;
    this.#shared.dispatcherFor(this.party).dispatch({ origin, method, path, headers, body: body ?? null }, this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isSettled) {
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
    this.#parts.push(part);
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
    this.#result.resolve(this.#retryAfter === undefined ? response : { ...response, retryAfter: this.#retryAfter });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#controller = undefined;
    this.#fail(failureOf(error), error);
  }

  handleEvent(): void {
    if (this.#settle()) this.#result.reject(this.#signal.reason);
  }

  /** The queue is full. */
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
    this.#result.reject(new TransportError(failure, sent, { cause, queued: phase === 'queue' }));
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this);
    // Cancels a request that has not ended, before the next call needs a connection.
    this.#controller?.abort(new Error('The call was cancelled.'));
    if (this.#phase !== 'queue') this.#shared.queue.leave(this.party, this.lane, this.weight);
    else if (!this.#isRefused) this.#shared.queue.abandon(this);
    return true;
  }
}
