import TinyQueue from 'tinyqueue';

/** Something that waits for its turn. */
export interface Waiting {
  /** Smaller goes first. */
  readonly priority: number;
  /** Of those in one lane only so many run at once. */
  readonly lane: string;
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

const byUrgency = (a: Entry, b: Entry): number => a.call.priority - b.call.priority || a.order - b.order;

class Lane {
  running = 0;
  readonly waiting = new TinyQueue<Entry>([], byUrgency);
}

export interface TurnLimits {
  /** Calls at once. */
  readonly running: number;
  /** Calls at once in one lane. Default: as many as in all. */
  readonly runningInLane?: number;
  /** Calls that wait. Default: any number. */
  readonly waiting?: number;
}

/**
 * Lets a bounded number of calls run at once, and of those that wait the most urgent go first. With an operation's deadline
 * for its urgency, the operation that came first is finished first, and what it holds is let go of early; a queue in the
 * order of calls has all operations half done, and their data in memory, at the same time.
 *
 * Lanes are bulkheads: one that is slow can't take every turn.
 */
export class TurnQueue {
  readonly #limit: number;
  readonly #laneLimit: number;
  readonly #maxWaiting: number;
  readonly #lanes = new Map<string, Lane>();
  #order = 0;
  #running = 0;
  #waiting = 0;
  /** Of the waiting, those that no longer want their turn. */
  #abandoned = 0;
  #isStarting = false;

  constructor({ running, runningInLane = running, waiting = Number.POSITIVE_INFINITY }: TurnLimits) {
    this.#limit = running;
    this.#laneLimit = runningInLane;
    this.#maxWaiting = waiting;
  }

  /** Starts the call now, or when its turn comes; false when too many wait already. */
  enter(call: Waiting): boolean {
    const lane = this.#lane(call.lane);
    if (this.#running < this.#limit && lane.running < this.#laneLimit) {
      this.#running += 1;
      lane.running += 1;
      call.start();
      return true;
    }
    if (this.#waiting - this.#abandoned >= this.#maxWaiting) return false;
    if (this.#abandoned > this.#maxWaiting) this.#sweep();
    this.#waiting += 1;
    lane.waiting.push({ call, order: this.#order++ });
    return true;
  }

  /** A call of this lane that was started is over: the next one's turn has come. */
  leave(name: string): void {
    const left = this.#lane(name);
    left.running -= 1;
    this.#running -= 1;
    // A call may be over while it is being started, as all are on a closed pool: the loop goes on then, and not the stack.
    if (this.#isStarting) return;
    this.#isStarting = true;
    try {
      while (this.#waiting > 0 && this.#running < this.#limit) {
        const lane = this.#mostUrgent();
        const next = lane?.waiting.pop();
        if (lane === undefined || next === undefined) return;
        this.#waiting -= 1;
        this.#running += 1;
        lane.running += 1;
        next.call.start();
      }
    } finally {
      this.#isStarting = false;
    }
  }

  /** The lane whose first call goes first, of those that have a turn left. */
  #mostUrgent(): Lane | undefined {
    let best: Lane | undefined;
    let first: Entry | undefined;
    for (const lane of this.#lanes.values()) {
      if (lane.running >= this.#laneLimit) continue;
      let head = lane.waiting.peek();
      while (head?.call.settled) {
        lane.waiting.pop();
        this.#waiting -= 1;
        this.#abandoned -= 1;
        head = lane.waiting.peek();
      }
      if (head === undefined || (first !== undefined && byUrgency(first, head) <= 0)) continue;
      best = lane;
      first = head;
    }
    return best;
  }

  /** A call that waited no longer wants its turn; it is let go of when it would have come, or when many have gathered. */
  abandon(): void {
    this.#abandoned += 1;
  }

  #sweep(): void {
    this.#waiting = 0;
    this.#abandoned = 0;
    for (const lane of this.#lanes.values()) {
      const kept = lane.waiting.data.filter(({ call }) => !call.settled);
      if (kept.length < lane.waiting.length) {
        while (lane.waiting.length > 0) lane.waiting.pop();
        for (const entry of kept) lane.waiting.push(entry);
      }
      this.#waiting += kept.length;
    }
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = new Lane();
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#waiting - this.#abandoned;
  }
}
