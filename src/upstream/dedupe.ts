import type { Operation } from './operation.ts';

/** One read that one or more operations wait for, as the function that makes it sees it. */
export interface SharedRead {
  /** Aborted when the last operation that waits has left. */
  readonly signal: AbortSignal;
  /** `performance.now()` ms: the latest deadline of the operations that wait. */
  deadline(): number;
  /**
   * Charges a REST call to an operation that still waits.
   * @throws GatewayError `UPSTREAM_BUDGET_EXCEEDED` when no budget has a call left
   */
  spend(attempt: number): void;
}

/**
 * Lets equal reads that overlap in time share one call. An operation leaves when its own signal is aborted; the call is
 * cancelled when the last one has left. A failure rejects those that wait, and is not kept. All operations get the same
 * result, so none may change it.
 */
export class SharedReads<T> {
  readonly #pending = new Map<string | symbol, PendingRead<T>>();

  /**
   * @param key must name the caller, so that no other caller gets the result
   * @param start must not throw
   * @param label method and path template, for the trace of an operation that joins
   */
  run(
    key: string | symbol,
    operation: Operation,
    start: (shared: SharedRead, operation: Operation) => Promise<T>,
    label = '',
  ): Promise<T> {
    if (operation.signal.aborted) return Promise.reject(operation.signal.reason);
    const existing = this.#pending.get(key);
    if (existing) {
      operation.usage.deduped += 1;
      const joined = existing.join(operation);
      operation.trace?.join(label, joined);
      return joined;
    }
    const read = new PendingRead<T>(this.#pending, key);
    this.#pending.set(key, read);
    const result = read.join(operation);
    read.settleWith(start(read, operation));
    return result;
  }

  has(key: string): boolean {
    return this.#pending.has(key);
  }

  /** Later reads of these keys do not join one that is under way now: that may see what was there before a write. */
  forget(matches: (key: string | symbol) => boolean): void {
    for (const key of this.#pending.keys()) {
      if (matches(key)) this.#pending.delete(key);
    }
  }

  get size(): number {
    return this.#pending.size;
  }
}

interface Waiter<T> {
  readonly operation: Operation;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

/** Listens to the signals of its operations itself: thousands wait at once, and closures would cost the garbage collector. */
class PendingRead<T> implements SharedRead {
  readonly #controller = new AbortController();
  readonly signal = this.#controller.signal;
  #waiting: Waiter<T>[] = [];
  readonly #pending: Map<string | symbol, PendingRead<T>>;
  readonly #key: string | symbol;

  constructor(pending: Map<string | symbol, PendingRead<T>>, key: string | symbol) {
    this.#pending = pending;
    this.#key = key;
  }

  deadline(): number {
    let latest = 0;
    for (const { operation } of this.#waiting) latest = Math.max(latest, operation.deadline);
    return latest;
  }

  spend(attempt: number): void {
    for (const { operation } of this.#waiting) {
      if (!operation.spend()) continue;
      if (attempt > 1) operation.usage.retries += 1;
      return;
    }
    const last = this.#waiting.at(-1);
    throw last ? last.operation.budgetExceeded() : this.signal.reason;
  }

  join(operation: Operation): Promise<T> {
    operation.signal.addEventListener('abort', this);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operation, resolve, reject });
    });
  }

  handleEvent({ target }: Event): void {
    const leaving = this.#waiting.filter(({ operation }) => operation.signal === target);
    this.#waiting = this.#waiting.filter(({ operation }) => operation.signal !== target);
    const { reason } = target as AbortSignal;
    if (this.#waiting.length === 0) {
      this.#remove();
      this.#controller.abort(reason);
    }
    for (const { reject } of leaving) reject(reason);
  }

  settleWith(result: Promise<T>): void {
    result.then(
      (value) => {
        for (const { resolve } of this.#end()) resolve(value);
      },
      (error) => {
        for (const { reject } of this.#end()) reject(error);
      },
    );
  }

  /** Returns the operations that waited to the end; none can join or leave any more. */
  #end(): Waiter<T>[] {
    this.#remove();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { operation } of waiting) operation.signal.removeEventListener('abort', this);
    return waiting;
  }

  /** After `forget`, the key may belong to a newer read. */
  #remove(): void {
    if (this.#pending.get(this.#key) === this) this.#pending.delete(this.#key);
  }
}
