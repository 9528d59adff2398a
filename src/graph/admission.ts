import type { AbortListener } from '../lib/abort.ts';
import { EVERYBODY, type Party, Turns, type Waiting } from '../lib/fair-queue.ts';

/**
 * Lets operations begin while the calls that they are expected to make keep the upstream busy, and the rest wait in turns. To
 * begin them earlier would make none of them end earlier: their calls would wait instead, with all that was read until
 * then in memory.
 */
export class Admission {
  readonly #turns: Turns;
  readonly #largest: number;

  /**
   * @param capacity calls of all running operations together; one operation of each caller may always run
   * @param largest what one operation counts as at most, so that none has the whole for itself
   */
  constructor(capacity: number, largest: number = capacity) {
    this.#turns = new Turns({ running: capacity, oneAlways: true });
    this.#largest = largest;
  }

  /**
   * Takes a place for an operation of that many calls; undefined where there is room at once. `leave` gives the place back.
   *
   * @param signal rejects the waiting with its reason, and then no place is held
   */
  enter(calls: number, signal: AbortSignal, party: Party = EVERYBODY): Promise<void> | undefined {
    const weight = Math.min(calls, this.#largest);
    if (this.#turns.take(party, '', weight)) return undefined;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const waiter: Waiting & AbortListener & { settled: boolean } = {
        party,
        priority: 0,
        lane: '',
        weight,
        settled: false,
        start() {
          signal.removeEventListener('abort', this);
          resolve();
        },
        handleEvent: () => {
          waiter.settled = true;
          this.#turns.abandon(waiter);
          reject(signal.reason);
        },
      };
      signal.addEventListener('abort', waiter);
      this.#turns.enter(waiter);
    });
  }

  /** Gives back the place of an operation that was admitted with as many calls. */
  leave(calls: number, party: Party = EVERYBODY): void {
    this.#turns.leave(party, '', Math.min(calls, this.#largest));
  }

  /** Operations that wait. */
  get waiting(): number {
    return this.#turns.waiting;
  }
}
