import TinyQueue from 'tinyqueue';

/** Something that waits for its turn. */
export interface Waiting {
  /** Smaller goes first. */
  readonly priority: number;
  /** Whether it no longer wants its turn. */
  readonly settled: boolean;
  /** Its turn has come. */
  start(): void;
}

interface Entry {
  readonly call: Waiting;
  /** Calls of one priority keep the order in which they came. */
  readonly order: number;
}

/**
 * Lets a bounded number of calls run at once, and of those that wait the most urgent go first. With an operation's deadline
 * for its urgency, the operation that came first is finished first, and what it holds is let go of early; a queue in the
 * order of calls has all operations half done, and their data in memory, at the same time.
 */
export class TurnQueue {
  readonly #limit: number;
  readonly #waiting = new TinyQueue<Entry>([], (a, b) => a.call.priority - b.call.priority || a.order - b.order);
  #order = 0;
  #running = 0;
  #isStarting = false;

  /** @param limit calls at once */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Starts the call now, or when its turn comes. */
  enter(call: Waiting): void {
    if (this.#running < this.#limit) {
      this.#running += 1;
      call.start();
    } else this.#waiting.push({ call, order: this.#order++ });
  }

  /** A call that was started is over: the next one's turn has come. */
  leave(): void {
    this.#running -= 1;
    // A call may be over while it is being started, as all are on a closed pool: the loop below goes on, and not the stack.
    if (this.#isStarting) return;
    this.#isStarting = true;
    try {
      while (this.#running < this.#limit) {
        const next = this.#waiting.pop();
        if (next === undefined) return;
        if (next.call.settled) continue;
        this.#running += 1;
        next.call.start();
      }
    } finally {
      this.#isStarting = false;
    }
  }

  /** Calls that wait, those included that no longer want their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }
}
