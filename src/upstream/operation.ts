import { createAbortController } from '../lib/abort.ts';
import { GatewayError } from '../lib/error.ts';
import type { CallTrace } from './call-trace.ts';
import type { Freshness } from './freshness.ts';

/** What one operation spent upstream. */
export interface Usage {
  /** HTTP requests sent to the API, retries included. */
  calls: number;
  /** Reads that shared a call, of this operation or another. */
  deduped: number;
  /** Reads that a cache answered, stale ones included. */
  cached: number;
  stale: number;
  /** Repeated attempts among `calls`. */
  retries: number;
}

/** Bytes of the API's answers that take as long to read as one plain value of the answer to write. */
const BYTES_PER_VALUE = 192;
const MAX_CAUSES = 8;

export interface OperationLimits {
  readonly timeoutMs: number;
  /** REST calls, retries included. */
  readonly maxCalls: number;
  /** Bytes of the API's answers, decompressed. Default: any number. */
  readonly maxBytes?: number;
  /** Weight of the values that are counted while the answer is made. Default: any. */
  readonly maxValues?: number;
}

/** One GraphQL operation: its deadline, its budget of REST calls, and the signal that stops its upstream work. */
export class Operation {
  /** By `performance.now()`. */
  readonly deadline: number;
  readonly usage: Usage = { calls: 0, deduped: 0, cached: 0, stale: 0, retries: 0 };
  readonly trace: CallTrace | undefined;
  /** Headers that identify its REST calls to the upstream, names and values in turn. */
  readonly headers: readonly string[];
  /** bytes that the API's answers to it had, and those of the largest. */
  bytes = 0;
  largestAnswer = 0;
  /** Weight of what was counted so far and could not be known before it ran: bytes read, items of lists, attributes. */
  values = 0;
  /** Weight of one item of a list whose length is known only when it is read. */
  valuesPerItem = 1;
  /** What it allows caches to use, and got from them; undefined without a cache. */
  freshness: Freshness | undefined = undefined;
  /** Why its calls failed. */
  causes: Set<string> | undefined = undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #cancelled = createAbortController();
  readonly #timedOut = createAbortController();
  readonly #limits: Required<OperationLimits>;

  constructor(limits: OperationLimits, trace?: CallTrace, headers: readonly string[] = []) {
    const { timeoutMs, maxCalls, maxBytes = Number.POSITIVE_INFINITY, maxValues = Number.POSITIVE_INFINITY } = limits;
    this.#limits = { timeoutMs, maxCalls, maxBytes, maxValues };
    this.trace = trace;
    this.headers = headers;
    this.deadline = performance.now() + timeoutMs;
    this.#timer = setTimeout(() => {
      const reason = new GatewayError('UPSTREAM_TIMEOUT', `The operation did not finish within ${timeoutMs} ms.`);
      this.#timedOut.abort(reason);
      this.cancel(reason);
    }, timeoutMs);
  }

  /** Aborted when the time is up, or the client has gone. */
  get signal(): AbortSignal {
    return this.#cancelled.signal;
  }

  /** Aborted when the time is up only. */
  get expired(): AbortSignal {
    return this.#timedOut.signal;
  }

  get maxCalls(): number {
    return this.#limits.maxCalls;
  }

  cancel(reason: GatewayError): void {
    this.#cancelled.abort(reason);
  }

  noteCause(cause: string): void {
    this.causes ??= new Set();
    if (this.causes.size < MAX_CAUSES) this.causes.add(cause);
  }

  /** Charges one REST call; false when the budget is used up, and then no call may be made. */
  spend(): boolean {
    if (this.usage.calls >= this.#limits.maxCalls || this.bytes > this.#limits.maxBytes) return false;
    this.usage.calls += 1;
    return true;
  }

  /** Counts an answer of the API; false when the operation has read too much, and then the answer must not be used. */
  receive(bytes: number): boolean {
    this.bytes += bytes;
    this.values += bytes / BYTES_PER_VALUE;
    if (bytes > this.largestAnswer) this.largestAnswer = bytes;
    return this.bytes <= this.#limits.maxBytes;
  }

  budgetExceeded(): GatewayError {
    const { maxBytes, maxCalls } = this.#limits;
    return new GatewayError(
      'UPSTREAM_BUDGET_EXCEEDED',
      this.bytes > maxBytes
        ? `The operation has read more than ${maxBytes} bytes from the API (MAX_UPSTREAM_BYTES).`
        : `The operation has used its ${maxCalls} REST calls (MAX_UPSTREAM_CALLS).`,
    );
  }

  /** Counts values of the response; false when there are too many: it will not be sent, so the work can stop. */
  take(values: number): boolean {
    this.values += values;
    return !this.isOver;
  }

  takeItems(items: number): boolean {
    return this.take(items * this.valuesPerItem);
  }

  get isOver(): boolean {
    return this.values > this.#limits.maxValues;
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

  /** To be called once the response is made. */
  end(): void {
    clearTimeout(this.#timer);
  }
}
