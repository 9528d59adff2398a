import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Outcome, refused } from '../graph/outcome.ts';
import { type Party, Turns } from '../lib/fair-queue.ts';

export interface LoadLimits {
  readonly maxRequests: number;
  /** Highest mean delay of the event loop, in ms, in `CHECKS` checks in a row; 0: no limit. */
  readonly maxDelayMs: number;
}

const CHECK_EVERY_MS = 250;
/** Checks in a row: one long task delays the loop once, only load keeps it late. */
const CHECKS = 2;
/** Resolution of the measurement, which every measured delay includes. */
const RESOLUTION_MS = 10;

export function overloaded(): Outcome {
  return refused(503, 'UPSTREAM_UNAVAILABLE', 'The gateway is overloaded. Retry later.', { 'retry-after': '1' });
}

/** Requests at once while the event loop is late, one of each caller. */
const MAX_LATE = 8;

/**
 * Refuses new requests under overload, so that running requests finish in time. `accepts` decides before a request is read,
 * which is cheap. `admit` decides when the caller is known, so that one caller's requests cause no refusals for others.
 */
export class Load {
  /** Mean delay of the event loop in the last quarter second, in ms. */
  delayMs = 0;
  shed = 0;
  readonly #limits: LoadLimits;
  readonly #tellsApart: boolean;
  readonly #turns: Turns;
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout | undefined;
  #requests = 0;
  #lateChecks = 0;

  /** @param tellsApart whether callers are distinguished: a late event loop then leaves each caller one request at a time */
  constructor(limits: LoadLimits, tellsApart = false) {
    this.#limits = limits;
    this.#tellsApart = tellsApart;
    this.#turns = new Turns({ running: limits.maxRequests });
    if (limits.maxDelayMs === 0) return;
    this.#histogram.enable();
    this.#timer = setInterval(() => this.#check(), CHECK_EVERY_MS).unref();
  }

  accepts(): boolean {
    if (this.#requests < this.#limits.maxRequests && (this.#tellsApart || !this.#isLate)) return true;
    this.shed += 1;
    return false;
  }

  /** If the result is true, `release` frees the place. */
  admit(party: Party): boolean {
    const isOneTooMany = this.#isLate && !(this.#turns.isIdle(party) && this.#turns.running < MAX_LATE);
    if (!isOneTooMany && this.#turns.take(party, '', 1)) return true;
    this.shed += 1;
    return false;
  }

  release(party: Party): void {
    this.#turns.leave(party, '', 1);
  }

  get #isLate(): boolean {
    return this.#lateChecks >= CHECKS;
  }

  /** Counts a request that has been read: a slow sender occupies no place. */
  begin(): void {
    this.#requests += 1;
  }

  end(): void {
    this.#requests -= 1;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  #check(): void {
    // No sample: the loop was blocked the whole time.
    const meanMs = this.#histogram.count === 0 ? CHECK_EVERY_MS : this.#histogram.mean / 1e6;
    this.#histogram.reset();
    this.delayMs = Math.max(0, meanMs - RESOLUTION_MS);
    this.#lateChecks = this.delayMs > this.#limits.maxDelayMs ? this.#lateChecks + 1 : 0;
  }
}
