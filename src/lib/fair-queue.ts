/** A party that shares the capacity with others, usually a caller. The object itself is the identity. */
export interface Party {
  /** Whether the upstream has accepted this party's key. All other parties together have one share. */
  readonly isAccepted: boolean;
  /** Whether this party stands for all callers, because the gateway does not distinguish them. Then no share applies. */
  readonly isEverybody: boolean;
}

/** The party of all callers when the gateway does not distinguish them. */
export const EVERYBODY: Party = { isAccepted: true, isEverybody: true };

/** An entry of the queue. */
export interface Waiting {
  readonly party: Party;
  /** Within one party, entries with a smaller priority start first. */
  readonly priority: number;
  /** Name of the bulkhead. Each lane has its own limit. */
  readonly lane: string;
  readonly weight: number;
  /** Starts the work. Called at most once. */
  start(): void;
}

export interface TurnLimits {
  /** Maximum weight that runs at once. */
  readonly running: number;
  /** The same in one lane. Default: `running`. */
  readonly runningInLane?: number;
  /** Maximum number of waiting entries. Default: no limit. */
  readonly waiting?: number;
  /** Whether a party with nothing running may always start one entry, regardless of all limits. Default: false. */
  readonly oneAlways?: boolean;
}

/** Share of all limits that parties without an accepted key have together. */
const UNVERIFIED_SHARE = 1 / 4;
/**
 * A party may use this many times the capacity that it leaves free. One party alone gets three quarters, two get three sevenths
 * each, and another party always finds free capacity.
 */
const PER_FREE = 3;

/** The running and waiting work of one party. Exists only while there is any. */
interface Flow {
  readonly party: Party;
  isUnverified: boolean;
  running: number;
  waiting: number;
  /** Waiting entries by lane, the most urgent first; created for the first one. */
  queues: Map<string, Waiting[]> | undefined;
}

/**
 * A fair queue. It limits the work that runs at once, and shares the capacity between parties:
 *
 * - Parties take turns. Within one party, the most urgent entry starts first. With an operation's deadline as its priority, the
 *   oldest operation finishes first and frees its memory early.
 * - A party gets only a share of the free capacity and of the queue (`PER_FREE`). So a party whose work hangs leaves room for
 *   the others.
 * - All parties without an accepted key together have one share (`UNVERIFIED_SHARE`), because an attacker can invent any number
 *   of keys.
 * - Lanes are bulkheads: a slow lane cannot use all capacity.
 */
export class Turns {
  readonly #limits: Required<TurnLimits>;
  readonly #unverifiedLimit: number;
  readonly #flows = new Map<Party, Flow>();
  readonly #lanes = new Map<string, { running: number; waiting: number }>();
  /** Flows with waiting entries, in the order of their turns: those with an accepted key, and those without. */
  readonly #accepted = new Set<Flow>();
  readonly #unverified = new Set<Flow>();
  #isUnverifiedTurn = false;
  #unverifiedRunning = 0;
  #unverifiedWaiting = 0;
  /** Weight of the running work. */
  running = 0;
  /** Number of waiting entries. */
  waiting = 0;
  #isStarting = false;

  constructor(limits: TurnLimits) {
    const { running, runningInLane = running, waiting = Number.POSITIVE_INFINITY, oneAlways = false } = limits;
    this.#limits = { running, runningInLane, waiting, oneAlways };
    this.#unverifiedLimit = Math.max(1, Math.floor(running * UNVERIFIED_SHARE));
  }

  /** Takes capacity if the work may start now, until `leave`. Returns false otherwise. */
  take(party: Party, lane: string, weight: number): boolean {
    const flow = this.#flowOf(party);
    // Entries that wait in the same lane of this flow go first. Those in other lanes may be blocked by their lane.
    if (flow.queues?.get(lane)?.length || !this.#canStart(flow, lane, weight)) {
      this.#dropIfIdle(flow);
      return false;
    }
    this.#countRunning(flow, lane, weight);
    return true;
  }

  /** Starts the entry now or when its turn comes. Returns false when the queue is full for this party. */
  enter(item: Waiting): boolean {
    const { party, lane, weight } = item;
    if (this.take(party, lane, weight)) {
      item.start();
      return true;
    }
    const flow = this.#flowOf(party);
    if (!this.#mayWait(flow)) {
      this.#dropIfIdle(flow);
      return false;
    }
    this.#countWaiting(flow, lane, 1);
    flow.queues ??= new Map();
    const queue = flow.queues.get(lane) ?? [];
    flow.queues.set(lane, queue);
    // Usually the newest entry is the least urgent. Entries of equal priority keep their order.
    let at = queue.length;
    while (at > 0 && (queue[at - 1] as Waiting).priority > item.priority) at -= 1;
    queue.splice(at, 0, item);
    this.#ringOf(flow).add(flow);
    return true;
  }

  /** Ends work that was started, and starts the next entries. */
  leave(party: Party, lane: string, weight: number): void {
    const flow = this.#flowOf(party);
    this.#countRunning(flow, lane, -weight);
    this.#dropIfIdle(flow);
    this.#startNext(flow);
  }

  /** Abandons a waiting entry. */
  abandon(item: Waiting): void {
    const flow = this.#flows.get(item.party);
    const queue = flow?.queues?.get(item.lane);
    const at = queue?.indexOf(item) ?? -1;
    if (!flow || !queue || at === -1) return;
    queue.splice(at, 1);
    this.#countWaiting(flow, item.lane, -1);
    if (flow.waiting === 0) {
      flow.queues = undefined;
      this.#ringOf(flow).delete(flow);
      this.#dropIfIdle(flow);
    }
    // Other entries of the party may have waited behind this one.
    this.#startNext();
  }

  /** Whether the party has no running work. Parties without an accepted key count as one. */
  isIdle(party: Party): boolean {
    return party.isAccepted ? (this.#flows.get(party)?.running ?? 0) === 0 : this.#unverifiedRunning === 0;
  }

  /** @param left the flow whose work just ended */
  #startNext(left?: Flow): void {
    // `start` can end the entry synchronously, as on a closed pool, and call `leave`. The loop continues instead of recursing.
    if (this.#isStarting) return;
    this.#isStarting = true;
    try {
      while (this.waiting > 0) {
        const item = this.#next(left);
        if (item === undefined) return;
        item.start();
      }
    } finally {
      this.#isStarting = false;
    }
  }

  /** Takes the next entry. Parties with and without an accepted key alternate, while the latter have capacity left. */
  #next(left: Flow | undefined): Waiting | undefined {
    if (this.#isFull()) {
      // Without free capacity, only a party with nothing running may start an entry.
      if (!this.#limits.oneAlways || left === undefined) return undefined;
      return this.#nextOf(left.isUnverified ? this.#unverified : [left]);
    }
    const unverified = this.#unverifiedRunning < this.#unverifiedLimit ? this.#unverified : [];
    const [first, second] = this.#isUnverifiedTurn ? [unverified, this.#accepted] : [this.#accepted, unverified];
    return this.#nextOf(first) ?? this.#nextOf(second);
  }

  /** Whether no entry of any party could start: spares looking at each flow. */
  #isFull(): boolean {
    if (this.running >= this.#limits.running) return true;
    for (const { running, waiting } of this.#lanes.values())
      if (waiting > 0 && running < this.#limits.runningInLane) return false;
    return true;
  }

  /** Takes an entry of the first of these flows that can start one. */
  #nextOf(flows: Iterable<Flow>): Waiting | undefined {
    for (const flow of flows) {
      const item = this.#takeMostUrgent(flow);
      if (item === undefined) continue;
      const ring = this.#ringOf(flow);
      ring.delete(flow);
      if (flow.waiting > 0) ring.add(flow);
      this.#isUnverifiedTurn = ring === this.#accepted;
      return item;
    }
    return undefined;
  }

  /** Takes the flow's most urgent entry that can start. */
  #takeMostUrgent(flow: Flow): Waiting | undefined {
    let first: Waiting | undefined;
    for (const [name, [head]] of flow.queues ?? []) {
      if (head === undefined || !this.#canStart(flow, name, head.weight)) continue;
      if (first === undefined || head.priority < first.priority) first = head;
    }
    if (first === undefined) return undefined;
    flow.queues?.get(first.lane)?.shift();
    this.#countWaiting(flow, first.lane, -1);
    if (flow.waiting === 0) flow.queues = undefined;
    this.#countRunning(flow, first.lane, first.weight);
    return first;
  }

  #canStart(flow: Flow, lane: string, weight: number): boolean {
    const own = flow.isUnverified ? this.#unverifiedRunning : flow.running;
    if (this.#limits.oneAlways && own === 0) return true;
    let free = Math.min(this.#limits.running - this.running, this.#limits.runningInLane - this.#lane(lane).running);
    if (flow.isUnverified) free = Math.min(free, this.#unverifiedLimit - this.#unverifiedRunning);
    return free >= weight && hasShare(flow, flow.running, weight, free);
  }

  #mayWait(flow: Flow): boolean {
    let free = this.#limits.waiting - this.waiting;
    if (flow.isUnverified) {
      free = Math.min(free, Math.max(1, Math.floor(this.#limits.waiting * UNVERIFIED_SHARE)) - this.#unverifiedWaiting);
    }
    return free >= 1 && hasShare(flow, flow.waiting, 1, free);
  }

  #countRunning(flow: Flow, lane: string, weight: number): void {
    flow.running += weight;
    this.running += weight;
    this.#lane(lane).running += weight;
    if (flow.isUnverified) this.#unverifiedRunning += weight;
  }

  #countWaiting(flow: Flow, lane: string, entries: 1 | -1): void {
    flow.waiting += entries;
    this.waiting += entries;
    this.#lane(lane).waiting += entries;
    if (flow.isUnverified) this.#unverifiedWaiting += entries;
  }

  #flowOf(party: Party): Flow {
    let flow = this.#flows.get(party);
    if (flow === undefined) {
      flow = { party, isUnverified: !party.isAccepted, running: 0, waiting: 0, queues: undefined };
      this.#flows.set(party, flow);
    } else if (flow.isUnverified && party.isAccepted) {
      flow.isUnverified = false;
      this.#unverifiedRunning -= flow.running;
      this.#unverifiedWaiting -= flow.waiting;
      if (this.#unverified.delete(flow)) this.#accepted.add(flow);
    }
    return flow;
  }

  /** Deletes a flow without running and waiting work. */
  #dropIfIdle(flow: Flow): void {
    if (flow.running === 0 && flow.waiting === 0 && !flow.party.isEverybody) this.#flows.delete(flow.party);
  }

  #lane(name: string) {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = { running: 0, waiting: 0 };
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  #ringOf({ isUnverified }: Flow): Set<Flow> {
    return isUnverified ? this.#unverified : this.#accepted;
  }
}

/** Whether a party that has `own` may take `more` of `free`. It may always take its first. */
function hasShare({ party }: Flow, own: number, more: number, free: number): boolean {
  return party.isEverybody || own === 0 || own + more <= PER_FREE * (free - more);
}
