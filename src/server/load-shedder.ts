import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Outcome, refused } from '../graph/outcome.ts';
import { type Party, Turns } from '../lib/fair-queue.ts';

export interface LoadLimits {
  /** Requests under way at once. */
  readonly maxRequests: number;
  /** ms that the event loop may be late, for `CHECKS` checks in a row; 0: any. */
  readonly maxDelayMs: number;
}

const CHECK_EVERY_MS = 250;
/** One long piece of work makes the loop late once; only load keeps it late. */
const CHECKS = 2;
/** How fine the loop is watched; part of every delay that is measured. */
const RESOLUTION_MS = 10;

/** The answer to a request that is not taken. */
export function overloaded(): Outcome {
  return refused(503, 'UPSTREAM_UNAVAILABLE', 'The gateway is overloaded. Retry later.', { 'retry-after': '1' });
}

/** Requests that run at once while the event loop is late, where callers are told apart: one of each caller. */
const MAX_LATE = 8;

/**
 * The load shedder: refuses new requests when there is more to do than can be done in time, so that those under way are
 * finished in time.
 *
 * `accepts` decides before a request is read, which is cheap. `admit` decides once the caller is known, so that one caller's
 * requests don't have another's refused.
 */
export class Load {
  readonly #limits: LoadLimits;
  readonly #tellsApart: boolean;
  readonly #turns: Turns;
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout | undefined;
  #requests = 0;
  #lateChecks = 0;
  #delayMs = 0;
  #shed = 0;

  /** @param tellsApart whether callers are told apart: then a late event loop leaves each caller one request at a time */
  constructor(limits: LoadLimits, tellsApart = false) {
    this.#limits = limits;
    this.#tellsApart = tellsApart;
    this.#turns = new Turns({ running: limits.maxRequests });
    if (limits.maxDelayMs === 0) return;
    this.#histogram.enable();
    this.#timer = setInterval(() => this.#check(), CHECK_EVERY_MS).unref();
  }

  /** Whether one more request can be taken; to be asked before anything of it is read. */
  accepts(): boolean {
    if (this.#requests < this.#limits.maxRequests && (this.#tellsApart || !this.#isLate)) return true;
    this.#shed += 1;
    return false;
  }

  /** Whether one more request of this caller can be taken; `release` gives its place back. */
  admit(party: Party): boolean {
    const isOneTooMany = this.#isLate && !(this.#turns.isIdle(party) && this.#turns.running < MAX_LATE);
    if (!isOneTooMany && this.#turns.take(party, '', 1)) return true;
    this.#shed += 1;
    return false;
  }

  release(party: Party): void {
    this.#turns.leave(party, '', 1);
  }

  get #isLate(): boolean {
    return this.#lateChecks >= CHECKS;
  }

  /** A request has been read and is worked on: a slow sender takes no place. */
  begin(): void {
    this.#requests += 1;
  }

  /** It has its answer. */
  end(): void {
    this.#requests -= 1;
  }

  /** ms that the event loop was late on the average of the last quarter second. */
  get delayMs(): number {
    return this.#delayMs;
  }

  /** Requests refused so far. */
  get shed(): number {
    return this.#shed;
  }

  /** Requests under way. */
  get requests(): number {
    return this.#requests;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  #check(): void {
    // Without a sample the loop stood still for all of the time.
    const meanMs = this.#histogram.count === 0 ? CHECK_EVERY_MS : this.#histogram.mean / 1e6;
    this.#histogram.reset();
    this.#delayMs = Math.max(0, meanMs - RESOLUTION_MS);
    this.#lateChecks = this.#delayMs > this.#limits.maxDelayMs ? this.#lateChecks + 1 : 0;
  }
}
