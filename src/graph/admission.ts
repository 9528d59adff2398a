import type { AbortListener } from '../lib/abort.ts';
import { EVERYBODY, type Party, Turns, type Waiting } from '../lib/fair-queue.ts';

/**
 * A queue for operations. Operations start until the expected calls of the running ones use the upstream's capacity. An earlier
 * start would not finish them earlier: their calls would wait instead, with the data read so far in memory.
 */
export class Admission {
  readonly #turns: Turns;
  readonly #maxWeight: number;

  /**
   * @param capacity total calls of all running operations. One operation of each caller can always run
   * @param maxWeight maximum calls that one operation counts as, so that no operation takes the whole capacity
   */
  constructor(capacity: number, maxWeight: number = capacity) {
    this.#turns = new Turns({ running: capacity, oneAlways: true });
    this.#maxWeight = maxWeight;
  }

  /**
   * Admits an operation with this number of expected calls. Call `leave` when it ends.
   * @returns undefined when it can start now. Else a promise, which rejects when the signal aborts; then the operation has no place
   */
  enter(calls: number, signal: AbortSignal, party: Party = EVERYBODY): Promise<void> | undefined {
    const weight = Math.min(calls, this.#maxWeight);
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

  /** Ends an operation that was admitted with the same number of calls. */
  leave(calls: number, party: Party = EVERYBODY): void {
    this.#turns.leave(party, '', Math.min(calls, this.#maxWeight));
  }

  get waiting(): number {
    return this.#turns.waiting;
  }
}
