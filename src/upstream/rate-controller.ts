/** 429s within a second from which on the group is paced, and `Retry-After` holds all of it and not just one read. */
const PACE_AFTER = 5;
/** Lowest pace, in calls a second. */
const PACE_FLOOR = 10;
/** ms that a call waits for its turn at most, a `Retry-After` apart: enough for dozens of calls at a slow pace. */
const PACE_WAIT_MS = 5_000;
/** ms without a 429 after which the limit is lifted. */
const PACE_FOR_MS = 3_000;
/** ms that a `Retry-After` holds the group at most. */
const MAX_HOLD_MS = 60_000;

/**
 * Slows calls down to what the upstream accepts, learned from its 429s.
 *
 * After `PACE_AFTER` 429s within a second, the rate is what was answered in the last second, less a fifth with each further
 * second that has a 429. The first second without one brings a quarter more, each further one twice as much, and `PACE_FOR_MS`
 * without one lifts the limit.
 */
export class RateController {
  /** Calls a second; undefined: no limit. */
  #rate: number | undefined = undefined;
  /** `performance.now()` ms of the next call's turn, and of the end of a `Retry-After`. */
  #nextTurn = 0;
  #holdUntil = 0;
  /** Answers of the current second and of the last whole one, and 429s of the current second. */
  #secondStart = 0;
  #answers = 0;
  #lastAnswers = 0;
  #refusals = 0;
  #lastRefusal = 0;
  #rateChanged = 0;
  #cleanSeconds = 0;

  get isLimiting(): boolean {
    return this.#rate !== undefined;
  }

  /**
   * Reserves a turn; gives the ms until then, 0 without a limit.
   * @param deadline `performance.now()` ms; undefined, and nothing is reserved, where it comes before the turn
   */
  reserve(deadline: number): number | undefined {
    if (this.#rate === undefined) return 0;
    const now = performance.now();
    this.#rate = this.#raise(this.#rate, now);
    if (this.#rate === undefined) return 0;
    const from = Math.max(now, this.#holdUntil);
    const turn = Math.max(from, this.#nextTurn);
    if (turn >= deadline || turn - from > PACE_WAIT_MS) return undefined;
    this.#nextTurn = turn + 1000 / this.#rate;
    return turn - now;
  }

  /** @param isRefusal whether it is a 429 */
  recordAnswer(now: number, isRefusal: boolean, retryAfterMs: number | undefined): void {
    if (now - this.#secondStart >= 1000) {
      this.#lastAnswers = now - this.#secondStart < 2000 ? this.#answers : 0;
      this.#answers = 0;
      this.#refusals = 0;
      this.#secondStart = now;
    }
    if (isRefusal) this.#lower(now, retryAfterMs);
    else this.#answers += 1;
  }

  #lower(now: number, retryAfterMs: number | undefined): void {
    this.#lastRefusal = now;
    this.#refusals += 1;
    if (this.#rate === undefined) {
      if (this.#refusals < PACE_AFTER) return;
      this.#rate = Math.max(PACE_FLOOR, this.#answers, this.#lastAnswers);
      this.#rateChanged = now;
      this.#nextTurn = now;
    } else if (now - this.#rateChanged >= 1000) {
      this.#rate = Math.max(PACE_FLOOR, Math.min(this.#rate * 0.8, Math.max(this.#answers, this.#lastAnswers)));
      this.#rateChanged = now;
    }
    this.#cleanSeconds = 0;
    this.#holdUntil = Math.max(this.#holdUntil, now + Math.min(retryAfterMs ?? 0, MAX_HOLD_MS));
  }

  #raise(rate: number, now: number): number | undefined {
    const sinceMs = now - Math.max(this.#lastRefusal, this.#holdUntil);
    if (sinceMs >= PACE_FOR_MS) return undefined;
    let raised = rate;
    for (; this.#cleanSeconds < Math.floor(sinceMs / 1000); this.#cleanSeconds++) {
      raised *= this.#cleanSeconds === 0 ? 1.25 : 2;
    }
    return raised;
  }
}
