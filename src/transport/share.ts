import { Cancellation, type CancelSignal } from '../lib/cancellation.ts';
import type { Operation } from '../lib/operation.ts';

/** The work behind one or more equal reads, as the function that does it sees it. */
export interface Flight {
  /** Aborted when the last operation that waits has left. */
  readonly signal: CancelSignal;
  /** `performance.now()` ms: the latest deadline among those who wait. */
  deadline(): number;
  /** Books a REST call with an operation that still waits. Throws `UPSTREAM_BUDGET_EXCEEDED` when none can pay. */
  spend(attempt: number): void;
}

/**
 * Lets equal reads that overlap in time share one piece of work. Each waiter leaves by its own operation's signal; the
 * work stops when the last has left, and a failure reaches those who wait and is then forgotten.
 *
 * @typeParam T what the work gives; shared, so it must not be changed by its readers
 */
export class InFlight<T> {
  readonly #flights = new Map<string | symbol, SharedFlight<T>>();

  /**
   * @param key names the read; must hold whose read it is
   * @throws whatever `start` throws, or the operation's own reason when that is aborted first
   */
  run(key: string | symbol, operation: Operation, start: (flight: Flight) => Promise<T>): Promise<T> {
    if (operation.signal.aborted) return Promise.reject(operation.signal.reason);
    const existing = this.#flights.get(key);
    if (existing) {
      operation.usage.deduped += 1;
      return existing.join(operation);
    }
    const flight = new SharedFlight<T>(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
    this.#flights.set(key, flight);
    const result = flight.join(operation);
    flight.begin(start);
    return result;
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

class SharedFlight<T> implements Flight {
  readonly signal = new Cancellation();
  readonly #waiting = new Set<Operation>();
  readonly #done: () => void;
  readonly #outcome = Promise.withResolvers<T>();

  constructor(done: () => void) {
    this.#done = done;
    // Every waiter has a promise of its own; when all have left, nobody looks at this one.
    this.#outcome.promise.catch(() => undefined);
  }

  deadline(): number {
    let latest = 0;
    for (const operation of this.#waiting) latest = Math.max(latest, operation.deadline);
    return latest;
  }

  spend(attempt: number): void {
    let last: Operation | undefined;
    for (const operation of this.#waiting) {
      last = operation;
      if (!operation.spend()) continue;
      if (attempt > 1) operation.usage.retries += 1;
      return;
    }
    throw last ? last.budgetExceeded() : this.signal.reason;
  }

  begin(start: (flight: Flight) => Promise<T>): void {
    start(this).then(
      (value) => {
        this.#done();
        this.#outcome.resolve(value);
      },
      (error) => {
        this.#done();
        this.#outcome.reject(error);
      },
    );
  }

  join(operation: Operation): Promise<T> {
    return new Promise((resolve, reject) => {
      const { signal } = operation;
      const leave = (): void => {
        signal.removeEventListener('abort', leave);
        this.#waiting.delete(operation);
        if (this.#waiting.size === 0) {
          this.#done();
          this.signal.abort(signal.reason);
        }
        reject(signal.reason);
      };
      this.#waiting.add(operation);
      signal.addEventListener('abort', leave);
      this.#outcome.promise.then(
        (value) => {
          signal.removeEventListener('abort', leave);
          resolve(value);
        },
        (error) => {
          signal.removeEventListener('abort', leave);
          reject(error);
        },
      );
    });
  }
}
