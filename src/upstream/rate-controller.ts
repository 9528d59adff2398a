import type { Policy } from './policy.ts';

/**
 * Slows calls down to what the upstream accepts, learned from its 429s.
 *
 * After `paceAfter` 429s within a second, the rate is what was answered in the last second, less a fifth with each further
 * second that has a 429. The first second without one brings a quarter more, each further one twice as much, and `paceForMs`
 * without one lifts the limit.
 */
export class RateController {
  readonly #policy: Policy;
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
  /** Seconds without a 429 for which the rate was raised. */
  #cleanSeconds = 0;

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  /** Whether there is a limit, or a `Retry-After` that holds the group. */
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
    if (turn >= deadline || turn - from > this.#policy.paceWaitMs) return undefined;
    this.#nextTurn = turn + 1000 / this.#rate;
    return turn - now;
  }

  /**
   * @param now `performance.now()`
   * @param isRefusal whether it is a 429
   */
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
    const { paceAfter, paceFloor, maxHoldMs } = this.#policy;
    if (this.#rate === undefined) {
      if (this.#refusals < paceAfter) return;
      this.#rate = Math.max(paceFloor, this.#answers, this.#lastAnswers);
      this.#rateChanged = now;
      this.#nextTurn = now;
    } else if (now - this.#rateChanged >= 1000) {
      this.#rate = Math.max(paceFloor, Math.min(this.#rate * 0.8, Math.max(this.#answers, this.#lastAnswers)));
      this.#rateChanged = now;
    }
    this.#cleanSeconds = 0;
    this.#holdUntil = Math.max(this.#holdUntil, now + Math.min(retryAfterMs ?? 0, maxHoldMs));
  }

  #raise(rate: number, now: number): number | undefined {
    const sinceMs = now - Math.max(this.#lastRefusal, this.#holdUntil);
    if (sinceMs >= this.#policy.paceForMs) return undefined;
    let raised = rate;
    for (; this.#cleanSeconds < Math.floor(sinceMs / 1000); this.#cleanSeconds++) {
      raised *= this.#cleanSeconds === 0 ? 1.25 : 2;
    }
    return raised;
  }
}
