import { createAbortController } from '../lib/abort.ts';
import { GatewayError } from '../lib/error.ts';
import type { CallTrace } from './call-trace.ts';
import type { Freshness } from './freshness.ts';

/** What one operation spent upstream, in REST calls (attempts included) and milliseconds. */
export interface Usage {
  /** HTTP requests sent to the API, retries included. */
  calls: number;
  /** Reads that were answered by a call under way or made before, of this operation or another. */
  deduped: number;
  /** Reads that a cache answered. */
  cached: number;
  /** Reads that a cache answered with something older than it should be. */
  stale: number;
  /** Repeated attempts among `calls`. */
  retries: number;
}

/** Bytes of the API's answers that take as long to read as one plain value of the answer to write. */
const BYTES_PER_VALUE = 192;

export interface OperationLimits {
  /** ms from the start until unfinished work is cancelled. */
  readonly timeoutMs: number;
  /** REST calls, retries included. */
  readonly maxCalls: number;
  /** bytes of the API's answers, decompressed. Default: any number. */
  readonly maxBytes?: number;
  /** Weight of the values that are counted while the answer is made. Default: any. */
  readonly maxValues?: number;
}

/** Different causes that are kept for one operation. */
const MAX_CAUSES = 8;

/**
 * The life of one GraphQL operation: its deadline, its budget of REST calls, and the signal that stops its upstream
 * work when the time is up or the client has gone.
 */
export class Operation {
  /** `performance.now()` ms at which the operation is over. */
  readonly deadline: number;
  readonly usage: Usage = { calls: 0, deduped: 0, cached: 0, stale: 0, retries: 0 };
  /** Aborted when the time is up, or the client has gone. */
  readonly signal: AbortSignal;
  /** Aborted when the time is up only. */
  readonly expired: AbortSignal;
  /** Undefined where none is recorded. */
  readonly trace: CallTrace | undefined;
  /** Headers that identify its REST calls to the upstream, names and values in turn. */
  readonly headers: readonly string[];
  /** REST calls, retries included. */
  readonly maxCalls: number;
  /** bytes that the API's answers to it had, and those of the largest. */
  bytes = 0;
  largestAnswer = 0;
  /** Weight of what was counted so far and could not be known before it ran: bytes read, items of lists, attributes. */
  values = 0;
  /** Weight of one item of a list whose length is known only when it is read. */
  valuesPerItem = 1;
  /** What it allows caches to use, and got from them; undefined without a cache. */
  freshness: Freshness | undefined = undefined;
  /** Why its calls failed, for operators; undefined: none has. */
  causes: Set<string> | undefined = undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #cancelled = createAbortController();
  readonly #timedOut = createAbortController();
  readonly #maxBytes: number;
  readonly #maxValues: number;

  constructor(limits: OperationLimits, trace?: CallTrace, headers: readonly string[] = []) {
    this.trace = trace;
    this.signal = this.#cancelled.signal;
    this.expired = this.#timedOut.signal;
    this.headers = headers;
    this.deadline = performance.now() + limits.timeoutMs;
    this.maxCalls = limits.maxCalls;
    this.#maxBytes = limits.maxBytes ?? Number.POSITIVE_INFINITY;
    this.#maxValues = limits.maxValues ?? Number.POSITIVE_INFINITY;
    this.#timer = setTimeout(() => {
      const reason = new GatewayError(
        'UPSTREAM_TIMEOUT',
        `The operation did not finish within ${limits.timeoutMs} ms.`,
      );
      this.#timedOut.abort(reason);
      this.cancel(reason);
    }, limits.timeoutMs);
  }

  /** Stops what is under way; each waiting field fails with `reason`. */
  cancel(reason: GatewayError): void {
    this.#cancelled.abort(reason);
  }

  /** Records why a call failed. */
  noteCause(cause: string): void {
    this.causes ??= new Set();
    if (this.causes.size < MAX_CAUSES) this.causes.add(cause);
  }

  /** Charges one REST call; false when the budget is used up, and then no call may be made. */
  spend(): boolean {
    if (this.usage.calls >= this.maxCalls) return false;
    if (this.bytes > this.#maxBytes) return false;
    this.usage.calls += 1;
    return true;
  }

  /** Counts an answer of the API; false when the operation has read too much, and then the answer must not be used. */
  receive(bytes: number): boolean {
    this.bytes += bytes;
    this.values += bytes / BYTES_PER_VALUE;
    if (bytes > this.largestAnswer) this.largestAnswer = bytes;
    return this.bytes <= this.#maxBytes;
  }

  /** The error for what `spend` or `receive` refused. */
  budgetExceeded(): GatewayError {
    return new GatewayError(
      'UPSTREAM_BUDGET_EXCEEDED',
      this.bytes > this.#maxBytes
        ? `The operation has read more than ${this.#maxBytes} bytes from the API (MAX_UPSTREAM_BYTES).`
        : `The operation has used its ${this.maxCalls} REST calls (MAX_UPSTREAM_CALLS).`,
    );
  }

  /** Counts values of the response; false when there are too many: it will not be sent, so the work can stop. */
  take(values: number): boolean {
    this.values += values;
    return !this.isOver;
  }

  /** Counts the items of a list whose length was not known before. */
  takeItems(items: number): boolean {
    return this.take(items * this.valuesPerItem);
  }

  /** Whether the response has more values than allowed. */
  get isOver(): boolean {
    return this.values > this.#maxValues;
  }

  /**
   * Waits for a result until the operation ends, which does not cancel the work behind the result.
   * @param signal what ends the waiting; `expired` for a write, whose outcome matters though its client has gone
   */
  until<T>(result: Promise<T>, signal: AbortSignal = this.signal): Promise<T> {
    return new Promise((resolve, reject) => {
      const listener = { handleEvent: (): void => reject(signal.reason) };
      if (signal.aborted) listener.handleEvent();
      signal.addEventListener('abort', listener);
      result.then(resolve, reject).finally(() => signal.removeEventListener('abort', listener));
    });
  }

  /** To be called once the response is made; clears the timer. */
  end(): void {
    clearTimeout(this.#timer);
  }
}
