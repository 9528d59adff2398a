import type { AbortListener } from '../lib/abort.ts';
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
 * cancelled when the last one has left. A failure rejects those that wait, and is not kept.
 *
 * There is one promise for each waiting operation, and no closure: thousands wait at once, and what outlives a collection of
 * young garbage costs the collector most.
 *
 * @typeParam T the result; all operations get the same one, so none may change it
 */
export class SharedReads<T> {
  readonly #pending = new Map<string | symbol, PendingRead<T>>();

  /**
   * @param key of the read; must name the caller, so that no other caller gets the result
   * @param start makes the read; must not throw
   * @param label method and path template, for the trace of an operation that joins
   * @throws what `start` rejects with, or the reason of the operation's signal when that is aborted first
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

  /** Whether a read is under way that a new one would join. */
  has(key: string): boolean {
    return this.#pending.has(key);
  }

  /** Later reads of these keys do not join one that is under way now: that may see what was there before a write. */
  forget(matches: (key: string | symbol) => boolean): void {
    for (const key of this.#pending.keys()) {
      if (matches(key)) this.#pending.delete(key);
    }
  }

  /** Reads under way. */
  get size(): number {
    return this.#pending.size;
  }
}

/** One operation that waits, and its promise. */
class Waiter<T> implements AbortListener {
  readonly read: PendingRead<T>;
  readonly operation: Operation;
  resolve!: (value: T) => void;
  reject!: (reason: unknown) => void;

  constructor(read: PendingRead<T>, operation: Operation) {
    this.read = read;
    this.operation = operation;
  }

  handleEvent(): void {
    this.read.leave(this);
  }
}

class PendingRead<T> implements SharedRead {
  readonly #controller = new AbortController();
  readonly signal = this.#controller.signal;
  readonly #waiting: Waiter<T>[] = [];
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
    const waiter = new Waiter(this, operation);
    this.#waiting.push(waiter);
    operation.signal.addEventListener('abort', waiter);
    return new Promise((resolve, reject) => {
      waiter.resolve = resolve;
      waiter.reject = reject;
    });
  }

  leave(waiter: Waiter<T>): void {
    const at = this.#waiting.indexOf(waiter);
    if (at === -1) return;
    this.#waiting.splice(at, 1);
    const { reason } = waiter.operation.signal;
    if (this.#waiting.length === 0) {
      this.#remove();
      this.#controller.abort(reason);
    }
    waiter.reject(reason);
  }

  settleWith(result: Promise<T>): void {
    result.then(
      (value) => {
        for (const waiter of this.#end()) waiter.resolve(value);
      },
      (error) => {
        for (const waiter of this.#end()) waiter.reject(error);
      },
    );
  }

  /** Gives the operations that waited to the end; none can join or leave any more. */
  #end(): Waiter<T>[] {
    this.#remove();
    const waiting = this.#waiting.splice(0);
    for (const waiter of waiting) waiter.operation.signal.removeEventListener('abort', waiter);
    return waiting;
  }

  /** After `forget`, the key may belong to a newer read. */
  #remove(): void {
    if (this.#pending.get(this.#key) === this) this.#pending.delete(this.#key);
  }
}
