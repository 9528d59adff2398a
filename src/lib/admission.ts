import type { CancelListener, CancelSignal } from './cancellation.ts';

interface Waiter extends CancelListener {
  readonly weight: number;
  readonly admit: () => void;
}

/**
 * Lets operations begin while the calls that they are expected to make keep the upstream busy, and the rest wait in order. To
 * begin them earlier would make none of them end earlier: their calls would wait instead, with all that was read until
 * then in memory.
 */
export class Admission {
  readonly #capacity: number;
  readonly #largest: number;
  readonly #waiting = new Set<Waiter>();
  #load = 0;

  /**
   * @param capacity calls of all running operations together; one operation may always run
   * @param largest what one operation counts as at most, so that none has the whole for itself
   */
  constructor(capacity: number, largest: number = capacity) {
    this.#capacity = capacity;
    this.#largest = largest;
  }

  /**
   * Takes a place for an operation of that many calls; nothing to wait for where there is room. Whoever got a place gives it
   * back by `leave`.
   *
   * @param signal rejects the waiting with its reason, and then no place is held
   */
  enter(calls: number, signal: CancelSignal): Promise<void> | undefined {
    const weight = Math.min(calls, this.#largest);
    if (this.#waiting.size === 0 && this.#fits(weight)) {
      this.#load += weight;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        weight,
        admit: () => {
          signal.removeEventListener('abort', waiter);
          resolve();
        },
        handleEvent: () => {
          this.#waiting.delete(waiter);
          reject(signal.reason);
          this.#admit();
        },
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener('abort', waiter);
      this.#waiting.add(waiter);
    });
  }

  /** Gives back the place of an operation that was admitted with as many calls. */
  leave(calls: number): void {
    this.#load -= Math.min(calls, this.#largest);
    this.#admit();
  }

  /** Begins those who wait, in their order, while they fit. */
  #admit(): void {
    for (const waiter of this.#waiting) {
      if (!this.#fits(waiter.weight)) return;
      this.#waiting.delete(waiter);
      this.#load += waiter.weight;
      waiter.admit();
    }
  }

  /** Operations that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  #fits(weight: number): boolean {
    return this.#load === 0 || this.#load + weight <= this.#capacity;
  }
}
