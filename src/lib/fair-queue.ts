import TinyQueue from 'tinyqueue';

/** Whose work waits for its turn. The object itself is the identity. */
export interface Party {
  /** Whether the upstream is known to accept this party's key. Parties that it has not accepted share one part. */
  readonly isAccepted: boolean;
  /** Whether this stands for all callers, because they are not told apart: then no share applies. */
  readonly isEverybody: boolean;
}

/** Callers that are not told apart. */
export const EVERYBODY: Party = { isAccepted: true, isEverybody: true };

/** Something that waits for its turn. */
export interface Waiting {
  readonly party: Party;
  /** Of one party's work, smaller goes first. */
  readonly priority: number;
  /** Of those in one lane only so many run at once. */
  readonly lane: string;
  readonly weight: number;
  /** Whether it no longer wants its turn. */
  readonly settled: boolean;
  /** Its turn has come. */
  start(): void;
}

export interface TurnLimits {
  /** Weight that runs at once. */
  readonly running: number;
  /** Weight that runs at once in one lane. Default: as much as in all. */
  readonly runningInLane?: number;
  /** Entries that wait. Default: any number. */
  readonly waiting?: number;
  /** Whether a party with nothing running may always start one entry, however large and whatever else runs. Default: false. */
  readonly oneAlways?: boolean;
}

/** Part of everything that parties without an accepted key share. */
const STRANGERS_SHARE = 1 / 4;
/**
 * A party may take this many times what it leaves free. One party alone gets three quarters, two get three sevenths each, and
 * the next one always finds something.
 */
const PER_FREE = 3;
/** Entries that are given up while they wait, per lane of a party, before they are removed. */
const MAX_SETTLED = 32;

interface Entry {
  readonly item: Waiting;
  /** Entries of one priority keep the order in which they came. */
  readonly order: number;
}

const byUrgency = (a: Entry, b: Entry): number => a.item.priority - b.item.priority || a.order - b.order;

class Lane {
  running = 0;
  waiting = 0;
}

/** What one party has running and waiting. Exists only while there is something. */
class Flow {
  readonly party: Party;
  isStranger: boolean;
  running = 0;
  waiting = 0;
  /** Made when something has to wait. */
  queues: Map<string, { heap: TinyQueue<Entry>; settled: number }> | undefined;

  constructor(party: Party) {
    this.party = party;
    this.isStranger = !party.isAccepted;
  }
}

/**
 * Lets a bounded amount of work run at once, and shares it between parties:
 *
 * - Parties take turns. Of one party's work the most urgent goes first. With an operation's deadline for its urgency, the
 *   operation that came first is finished first, and its memory is freed early.
 * - A party can take only a share of what is free (`PER_FREE`), of turns and of places in the queue, so that a party whose
 *   work hangs leaves room for the others.
 * - All parties without an accepted key together have one part (`STRANGERS_SHARE`): they can be invented in any number.
 * - Lanes are bulkheads: a slow one can't take every turn.
 */
export class Turns {
  readonly #limit: number;
  readonly #laneLimit: number;
  readonly #maxWaiting: number;
  readonly #oneAlways: boolean;
  readonly #strangersLimit: number;
  readonly #flows = new Map<Party, Flow>();
  readonly #lanes = new Map<string, Lane>();
  /** Flows with entries that wait, in the order of their turns. */
  readonly #accepted = new Set<Flow>();
  readonly #strangers = new Set<Flow>();
  #isStrangersTurn = false;
  #strangersRunning = 0;
  #strangersWaiting = 0;
  #running = 0;
  #waiting = 0;
  #order = 0;
  #isStarting = false;

  constructor(limits: TurnLimits) {
    const { running, runningInLane = running, waiting = Number.POSITIVE_INFINITY, oneAlways = false } = limits;
    this.#limit = running;
    this.#laneLimit = runningInLane;
    this.#maxWaiting = waiting;
    this.#oneAlways = oneAlways;
    this.#strangersLimit = Math.max(1, Math.floor(running * STRANGERS_SHARE));
  }

  /** Takes a turn where there is one now; `leave` gives it back. */
  take(party: Party, lane: string, weight: number): boolean {
    const flow = this.#flowOf(party);
    const place = this.#lane(lane);
    // What waits in this flow goes first; another lane's may not be able to go.
    if (isQueued(flow, lane) || !this.#fits(flow, place, weight)) {
      this.#drop(flow);
      return false;
    }
    this.#begin(flow, place, weight);
    return true;
  }

  /** Starts the entry now, or when its turn comes; false when too many wait already. */
  enter(item: Waiting): boolean {
    const { party, lane, weight } = item;
    if (this.take(party, lane, weight)) {
      item.start();
      return true;
    }
    const flow = this.#flowOf(party);
    if (!this.#mayWait(flow)) {
      this.#drop(flow);
      return false;
    }
    this.#count(flow, this.#lane(lane), 1);
    flow.queues ??= new Map();
    let queue = flow.queues.get(lane);
    if (queue === undefined) {
      queue = { heap: new TinyQueue<Entry>([], byUrgency), settled: 0 };
      flow.queues.set(lane, queue);
    }
    queue.heap.push({ item, order: this.#order++ });
    this.#ringOf(flow).add(flow);
    return true;
  }

  /** A turn that was taken is over: the next one's has come. */
  leave(party: Party, lane: string, weight: number): void {
    const flow = this.#flowOf(party);
    flow.running -= weight;
    if (flow.isStranger) this.#strangersRunning -= weight;
    this.#lane(lane).running -= weight;
    this.#running -= weight;
    this.#drop(flow);
    this.#startNext(flow);
  }

  /** An entry that waited no longer wants its turn; it must be settled by now. */
  abandon({ party, lane }: Waiting): void {
    const flow = this.#flows.get(party);
    const queue = flow?.queues?.get(lane);
    if (!flow || !queue) return;
    this.#count(flow, this.#lane(lane), -1);
    queue.settled += 1;
    if (flow.waiting === 0) {
      flow.queues = undefined;
      this.#ringOf(flow).delete(flow);
      this.#drop(flow);
    } else if (queue.settled > MAX_SETTLED && queue.settled * 2 > queue.heap.length) {
      queue.heap = new TinyQueue(
        queue.heap.data.filter(({ item }) => !item.settled),
        byUrgency,
      );
      queue.settled = 0;
    }
    // It may have been what the others of its party waited behind.
    this.#startNext();
  }

  /** Whether nothing of this party runs; of parties without an accepted key, whether nothing of any of them does. */
  isIdle(party: Party): boolean {
    return party.isAccepted ? (this.#flows.get(party)?.running ?? 0) === 0 : this.#strangersRunning === 0;
  }

  /** Weight that runs. */
  get running(): number {
    return this.#running;
  }

  /** Entries that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** @param left the flow that has just given back a turn */
  #startNext(left?: Flow): void {
    // An entry may be over while it is being started, as all are on a closed pool: the loop goes on then, and not the stack.
    if (this.#isStarting) return;
    this.#isStarting = true;
    try {
      while (this.#waiting > 0) {
        const item = this.#next(left);
        if (item === undefined) return;
        item.start();
      }
    } finally {
      this.#isStarting = false;
    }
  }

  /** Takes the turn of what goes next. Those with a key and those without take turns, while the latter have some left. */
  #next(left: Flow | undefined): Waiting | undefined {
    // Where nothing is free, only a party that has nothing running any more may start.
    if (this.#isFull()) return this.#oneAlways ? this.#nextOf(left?.isStranger ? this.#strangers : [left]) : undefined;
    const hasStrangersTurn = this.#strangersRunning < this.#strangersLimit;
    if (this.#isStrangersTurn && hasStrangersTurn) {
      return this.#nextOf(this.#strangers) ?? this.#nextOf(this.#accepted);
    }
    return this.#nextOf(this.#accepted) ?? (hasStrangersTurn ? this.#nextOf(this.#strangers) : undefined);
  }

  /** Takes the turn of the first of these flows that has something to start. */
  #nextOf(flows: Iterable<Flow | undefined>): Waiting | undefined {
    for (const flow of flows) {
      const item = flow && this.#mostUrgent(flow);
      if (item === undefined) continue;
      const ring = this.#ringOf(flow as Flow);
      ring.delete(flow as Flow);
      if ((flow as Flow).waiting > 0) ring.add(flow as Flow);
      this.#isStrangersTurn = ring === this.#accepted;
      return item;
    }
    return undefined;
  }

  /** Whether nothing could start, whoever it is of. */
  #isFull(): boolean {
    if (this.#running >= this.#limit) return true;
    for (const lane of this.#lanes.values()) if (lane.waiting > 0 && lane.running < this.#laneLimit) return false;
    return true;
  }

  /** Takes the turn of the flow's first entry, of those that have one left. */
  #mostUrgent(flow: Flow): Waiting | undefined {
    let first: Entry | undefined;
    for (const [name, queue] of flow.queues ?? []) {
      let head = queue.heap.peek();
      while (head?.item.settled) {
        queue.heap.pop();
        queue.settled -= 1;
        head = queue.heap.peek();
      }
      if (head === undefined || !this.#fits(flow, this.#lane(name), head.item.weight)) continue;
      if (first === undefined || byUrgency(head, first) < 0) first = head;
    }
    if (first === undefined) return undefined;
    const { lane, weight } = first.item;
    const place = this.#lane(lane);
    flow.queues?.get(lane)?.heap.pop();
    this.#count(flow, place, -1);
    if (flow.waiting === 0) flow.queues = undefined;
    this.#begin(flow, place, weight);
    return first.item;
  }

  #begin(flow: Flow, lane: Lane, weight: number): void {
    flow.running += weight;
    if (flow.isStranger) this.#strangersRunning += weight;
    lane.running += weight;
    this.#running += weight;
  }

  #fits(flow: Flow, lane: Lane, weight: number): boolean {
    const own = flow.isStranger ? this.#strangersRunning : flow.running;
    if (this.#oneAlways && own === 0) return true;
    let free = Math.min(this.#limit - this.#running, this.#laneLimit - lane.running);
    if (flow.isStranger) free = Math.min(free, this.#strangersLimit - this.#strangersRunning);
    return free >= weight && hasShare(flow, flow.running, weight, free);
  }

  #mayWait(flow: Flow): boolean {
    let free = this.#maxWaiting - this.#waiting;
    if (flow.isStranger) {
      free = Math.min(free, Math.max(1, Math.floor(this.#maxWaiting * STRANGERS_SHARE)) - this.#strangersWaiting);
    }
    return free >= 1 && hasShare(flow, flow.waiting, 1, free);
  }

  #count(flow: Flow, lane: Lane, entries: 1 | -1): void {
    flow.waiting += entries;
    lane.waiting += entries;
    this.#waiting += entries;
    if (flow.isStranger) this.#strangersWaiting += entries;
  }

  #flowOf(party: Party): Flow {
    let flow = this.#flows.get(party);
    if (flow === undefined) {
      flow = new Flow(party);
      this.#flows.set(party, flow);
    } else if (flow.isStranger && party.isAccepted) {
      flow.isStranger = false;
      this.#strangersRunning -= flow.running;
      this.#strangersWaiting -= flow.waiting;
      if (this.#strangers.delete(flow)) this.#accepted.add(flow);
    }
    return flow;
  }

  /** Forgets a flow that has nothing left. */
  #drop(flow: Flow): void {
    if (flow.running === 0 && flow.waiting === 0 && !flow.party.isEverybody) this.#flows.delete(flow.party);
  }

  #ringOf({ isStranger }: Flow): Set<Flow> {
    return isStranger ? this.#strangers : this.#accepted;
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = new Lane();
      this.#lanes.set(name, lane);
    }
    return lane;
  }
}

/** Whether something of this flow waits in the lane. */
function isQueued({ queues }: Flow, lane: string): boolean {
  const queue = queues?.get(lane);
  return queue !== undefined && queue.heap.length > queue.settled;
}

/** Whether a party that has `own` may take more; the first is always its share. */
function hasShare({ party }: Flow, own: number, more: number, free: number): boolean {
  return party.isEverybody || own === 0 || own + more <= PER_FREE * (free - more);
}
