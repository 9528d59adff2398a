import type { AbortListener } from '../lib/abort.ts';
import type { Operation } from './operation.ts';

/** The work behind one or more equal reads, as the function that does it sees it. */
export interface Flight {
  /** Aborted when the last operation that waits has left. */
  readonly signal: AbortSignal;
  /** `performance.now()` ms: the latest deadline among those who wait. */
  deadline(): number;
  /** Books a REST call with an operation that still waits. Throws `UPSTREAM_BUDGET_EXCEEDED` when none can pay. */
  spend(attempt: number): void;
}

/**
 * Lets equal reads that overlap in time share one piece of work. Each waiter leaves by its own operation's signal; the
 * work stops when the last has left, and a failure reaches those who wait and is then forgotten.
 *
 * One promise a waiter and no closures: thousands of these are under way at once, and what outlives a collection of
 * young garbage is what the collector's time goes to.
 *
 * @typeParam T what the work gives; shared, so it must not be changed by its readers
 */
export class InFlight<T> {
  readonly #flights = new Map<string | symbol, SharedFlight<T>>();

  /**
   * @param key names the read; must hold whose read it is
   * @param start must not throw
   * @param label method and path template, for the trace of an operation that joins
   * @throws whatever `start` rejects with, or the operation's own reason when that is aborted first
   */
  run(
    key: string | symbol,
    operation: Operation,
    start: (flight: Flight, operation: Operation) => Promise<T>,
    label = '',
  ): Promise<T> {
    if (operation.signal.aborted) return Promise.reject(operation.signal.reason);
    const existing = this.#flights.get(key);
    if (existing) {
      operation.usage.deduped += 1;
      const joined = existing.join(operation);
      operation.trace?.join(label, joined);
      return joined;
    }
    const flight = new SharedFlight<T>(this.#flights, key);
    this.#flights.set(key, flight);
    const result = flight.join(operation);
    flight.begin((own) => start(own, operation));
    return result;
  }

  /** Whether a read is under way that a new one would join. */
  has(key: string): boolean {
    return this.#flights.has(key);
  }

  /** Later reads of these keys start anew, though some may be under way: what those see may be older than a write. */
  forget(matches: (key: string | symbol) => boolean): void {
    for (const key of this.#flights.keys()) {
      if (matches(key)) this.#flights.delete(key);
    }
  }

  /** Reads under way. */
  get size(): number {
    return this.#flights.size;
  }
}

/** One operation that waits, and its promise. */
class Waiter<T> implements AbortListener {
  readonly flight: SharedFlight<T>;
  readonly operation: Operation;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;

  constructor(
    flight: SharedFlight<T>,
    operation: Operation,
    resolve: (value: T) => void,
    reject: (reason: unknown) => void,
  ) {
    this.flight = flight;
    this.operation = operation;
    this.resolve = resolve;
    this.reject = reject;
  }

  handleEvent(): void {
    this.flight.leave(this);
  }
}

class SharedFlight<T> implements Flight {
  readonly #controller = new AbortController();
  readonly signal = this.#controller.signal;
  readonly #waiting: Waiter<T>[] = [];
  readonly #flights: Map<string | symbol, SharedFlight<T>>;
  readonly #key: string | symbol;

  constructor(flights: Map<string | symbol, SharedFlight<T>>, key: string | symbol) {
    this.#flights = flights;
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
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(this, operation, resolve, reject);
      this.#waiting.push(waiter);
      operation.signal.addEventListener('abort', waiter);
    });
  }

  leave(waiter: Waiter<T>): void {
    const at = this.#waiting.indexOf(waiter);
    if (at === -1) return;
    this.#waiting.splice(at, 1);
    const { reason } = waiter.operation.signal;
    if (this.#waiting.length === 0) {
      this.#land();
      this.#controller.abort(reason);
    }
    waiter.reject(reason);
  }

  begin(start: (flight: Flight) => Promise<T>): void {
    start(this).then(
      (value) => {
        for (const waiter of this.#release()) waiter.resolve(value);
      },
      (error) => {
        for (const waiter of this.#release()) waiter.reject(error);
      },
    );
  }

  /** Those who waited to the end; nobody can join or leave any more. */
  #release(): Waiter<T>[] {
    this.#land();
    const waiting = this.#waiting.splice(0);
    for (const waiter of waiting) waiter.operation.signal.removeEventListener('abort', waiter);
    return waiting;
  }

  /** Another flight may have the key by now. */
  #land(): void {
    if (this.#flights.get(this.#key) === this) this.#flights.delete(this.#key);
  }
}
