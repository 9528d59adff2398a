import type { CancelListener, CancelSignal } from '../lib/cancellation.ts';
import { EVERYBODY, type Party, Turns, type Waiting } from '../lib/turns.ts';
import type { AnswerListener, Connection, ConnectionOptions, UpstreamRequest, UpstreamResponse } from './connection.ts';
import { Connections } from './connections.ts';
import { TransportError, type TransportFailure } from './errors.ts';
import { createHttp1 } from './http1.ts';
import { type BulkheadPolicy, DEFAULT_BULKHEAD } from './policy.ts';

export interface PoolOptions {
  /** `https://host[:port]`. */
  readonly origin: string;
  /** Connections to the origin, at most. */
  readonly connections: number;
  /** ms from dispatch to the complete answer, waiting for a free connection included. */
  readonly timeoutMs: number;
  /** bytes of an answer's body. Default: 32 MiB. */
  readonly maxBodyBytes?: number;
  /** Default: `DEFAULT_BULKHEAD`. */
  readonly bulkhead?: BulkheadPolicy;
  /** What speaks HTTP. Default: `createHttp1`. */
  readonly createConnector?: CreateConnector;
}

/** Gives what makes connections to one origin. */
export type CreateConnector = (options: ConnectionOptions) => () => Connection;

/** Sends one request over a pooled connection. */
export type Send = (request: UpstreamRequest, signal: CancelSignal) => Promise<UpstreamResponse>;

/**
 * Idle connections are closed by us after 4 s, below any common server's idle limit (nginx and Apache: 5 s and more),
 * so that a write never goes out on a socket that the other side is closing.
 */
const KEEP_ALIVE_MS = 4_000;

/** What can not end the request line, and begin something of its own. */
const PATH = /^\/[\x21-\x7e]*$/;

const DEFAULT_MAX_BODY_BYTES = 32 * 1024 * 1024;

/**
 * A pool of HTTP/1.1 connections to one origin.
 *
 * The sender rejects with `TransportError`, or with the signal's reason when that is aborted.
 */
export function createPool(options: PoolOptions) {
  const maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  const createConnector = options.createConnector ?? createHttp1;
  const connector = createConnector({ origin: options.origin, maxBodyBytes, keepAliveMs: KEEP_ALIVE_MS });
  const connections = new Connections(connector, KEEP_ALIVE_MS);
  const { reservedShare, waiting } = options.bulkhead ?? DEFAULT_BULKHEAD;
  const shared: Shared = {
    connections,
    timeoutMs: options.timeoutMs,
    queue: new Turns({
      running: options.connections,
      runningInLane: options.connections - Math.floor(options.connections * reservedShare),
      waiting,
    }),
  };

  const send: Send = (request, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (!PATH.test(request.path)) return reject(new TypeError('a path that can not stand in a request line'));
      const exchange = new Exchange(shared, request, signal, resolve, reject);
      if (!shared.queue.enter(exchange)) exchange.turnAway();
    });

  return {
    send,
    /** Cuts every connection off; what is sent from now on fails. */
    close: () => connections.close(),
    /** Calls that wait for a connection. */
    get waiting(): number {
      return shared.queue.waiting;
    },
  };
}

/** What all exchanges of a pool have in common. */
interface Shared {
  readonly connections: Connections;
  readonly timeoutMs: number;
  readonly queue: Turns;
}

/** One request and its answer: settles exactly once, and lets go of timer and signal when it does. */
class Exchange implements AnswerListener, CancelListener, Waiting {
  readonly party: Party;
  readonly priority: number;
  readonly lane: string;
  readonly weight = 1;
  settled = false;
  readonly #shared: Shared;
  readonly #request: UpstreamRequest;
  readonly #resolve: (response: UpstreamResponse) => void;
  readonly #reject: (error: unknown) => void;
  readonly #signal: CancelSignal;
  readonly #timer: NodeJS.Timeout;
  /** Set once the call has had its turn. */
  #connection: Connection | undefined;
  #turnedAway = false;
  #sent = false;

  constructor(
    shared: Shared,
    request: UpstreamRequest,
    signal: CancelSignal,
    resolve: (response: UpstreamResponse) => void,
    reject: (error: unknown) => void,
  ) {
    this.party = request.party ?? EVERYBODY;
    this.priority = request.priority ?? 0;
    this.lane = request.lane ?? '';
    this.#shared = shared;
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    this.#timer = setTimeout(onTimeout, request.timeoutMs ?? shared.timeoutMs, this);
    signal.addEventListener('abort', this);
  }

  start(): void {
    this.#connection = this.#shared.connections.take();
    this.#connection.send(this.#request, this);
  }

  onSent(): void {
    this.#sent = true;
  }

  onAnswer(answer: UpstreamResponse, reusable: boolean): void {
    if (this.#settle(reusable)) this.#resolve(answer);
  }

  onFailure(failure: TransportFailure, cause?: Error): void {
    this.#fail(failure, cause);
  }

  /** The signal's abort. */
  handleEvent(): void {
    if (this.#settle(false)) this.#reject(this.#signal.reason);
  }

  /** Too many wait already. */
  turnAway(): void {
    this.#turnedAway = true;
    this.#fail('busy');
  }

  timeOut(): void {
    this.#fail('timeout');
  }

  #fail(failure: TransportFailure, cause?: Error): void {
    if (!this.#settle(false)) return;
    this.#reject(new TransportError(failure, this.#sent, { cause, queued: !this.#connection }));
  }

  /** @param reusable whether the connection is good for another call */
  #settle(reusable: boolean): boolean {
    if (this.settled) return false;
    this.settled = true;
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this);
    if (this.#connection) {
      if (reusable) this.#shared.connections.give(this.#connection);
      else this.#shared.connections.discard(this.#connection);
      this.#shared.queue.leave(this.party, this.lane, this.weight);
    } else if (!this.#turnedAway) this.#shared.queue.abandon(this);
    return true;
  }
}

function onTimeout(exchange: Exchange): void {
  exchange.timeOut();
}
