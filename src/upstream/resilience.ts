import { TransportError } from './errors.ts';
import type { Policy } from './policy.ts';

/** Half of the time that the breaker looks back. */
const HALF_WINDOW_MS = 5_000;

/**
 * Circuit breaker, retry budget and pace of one group of endpoints, for the calls with one key.
 *
 * Written here rather than taken from a library: those wrap each call in a promise and closures of their own, which this
 * gateway would pay for on every call of a healthy day. Here a call asks before (`refusal`, `waitMs`) and tells after
 * (`note`, `noteFailure`), all synchronously, and without failures each is a comparison or two.
 *
 * - **Closed**: calls go through. Failures are counted against successes; see `Policy.breakerShare` for what opens it.
 * - **Open**: one call each `probeEveryMs` goes through, the others fail at once. No timer is involved, and a probe that
 *   hangs does not keep the next one back. One success closes it.
 *
 * On 429 the group slows down to what was answered in the last second, less a fifth with each further second that has a
 * 429. The first second without one brings a quarter more, each further one twice as much, and `paceForMs` ends it.
 */
export class Guard {
  readonly policy: Policy;
  /** `performance.now()` ms of the next probe; undefined while closed. */
  #probeAt: number | undefined = undefined;
  /** Calls since the failures began, in two halves of the window. */
  #failures = [0, 0];
  #successes = [0, 0];
  #halfStart = 0;
  #failingSince: number | undefined = undefined;

  #retries: number;
  #retriesAt = performance.now();

  /** Of the current second, and of the last whole one. */
  #secondStart = 0;
  #answers = 0;
  #lastAnswers = 0;
  #refusals = 0;
  /** Calls a second; undefined: as many as come. */
  #pace: number | undefined = undefined;
  #nextSlot = 0;
  #holdUntil = 0;
  #cleanSeconds = 0;
  #lastRefusal = 0;
  #paceChanged = 0;

  constructor(policy: Policy) {
    this.policy = policy;
    this.#retries = policy.retryBurst;
  }

  /** Why no call may be made now, or null. While the breaker is open, null makes the caller the probe. */
  refusal(): TransportError | null {
    if (this.#probeAt === undefined) return null;
    const now = performance.now();
    if (now < this.#probeAt) return new TransportError('open', false);
    this.#probeAt = now + this.policy.probeEveryMs;
    return null;
  }

  /** Whether calls are being refused because the last ones failed. */
  get isOpen(): boolean {
    return this.#probeAt !== undefined;
  }

  /** Whether there is a pace, or a `Retry-After` that holds the group. */
  get isPaced(): boolean {
    return this.#pace !== undefined;
  }

  /**
   * ms that a call must wait for its turn; 0 without a pace. The turn is taken.
   * @param deadline `performance.now()` ms; undefined, and no turn taken, where it comes before the turn
   */
  waitMs(deadline: number): number | undefined {
    if (this.#pace === undefined) return 0;
    const now = performance.now();
    this.#speedUp(now);
    if (this.#pace === undefined) return 0;
    const from = Math.max(now, this.#holdUntil);
    const slot = Math.max(from, this.#nextSlot);
    if (slot >= deadline || slot - from > this.policy.paceWaitMs) return undefined;
    this.#nextSlot = slot + 1000 / this.#pace;
    return slot - now;
  }

  /** To be called for every first attempt. */
  begin(): void {
    if (this.#retries < this.policy.retryBurst) this.#retries += this.policy.retryShare;
  }

  /** Takes one repeated attempt out of the budget; false when it is used up. */
  mayRetry(): boolean {
    const now = performance.now();
    const earned = ((now - this.#retriesAt) / 1000) * this.policy.retryPerSecond;
    this.#retriesAt = now;
    this.#retries = Math.min(this.policy.retryBurst, this.#retries + earned);
    if (this.#retries < 1) return false;
    this.#retries -= 1;
    return true;
  }

  /**
   * Takes note of an answer.
   * @param retryAfterMs what it said about when to come again
   */
  note(status: number, retryAfterMs: number | undefined): void {
    if (status >= 500) {
      this.#failed();
      return;
    }
    const now = performance.now();
    if (now - this.#secondStart >= 1000) this.#nextSecond(now);
    if (status === 429) {
      this.#slowDown(now, retryAfterMs);
      return;
    }
    this.#answers += 1;
    if (this.#probeAt !== undefined) this.#close();
    else if (this.#failingSince !== undefined || this.#halfStart !== 0) this.#succeeded(now);
  }

  /** Takes note of a call without an answer; what was given up by us tells nothing. */
  noteFailure(error: unknown): void {
    if (!(error instanceof TransportError)) return;
    const { failure, queued } = error;
    if (queued) return;
    if (failure !== 'open' && failure !== 'paced' && failure !== 'too-large') this.#failed();
  }

  #failed(): void {
    if (this.#probeAt !== undefined) return;
    const now = performance.now();
    this.#slide(now);
    (this.#failures[0] as number)++;
    const [failures, calls] = this.#counts();
    const { breakerShare, breakerCalls, breakerAfterMs, probeEveryMs } = this.policy;
    if (failures < calls * breakerShare) return;
    this.#failingSince ??= now;
    if (calls >= breakerCalls && now - this.#failingSince >= breakerAfterMs) this.#probeAt = now + probeEveryMs;
  }

  #succeeded(now: number): void {
    this.#slide(now);
    (this.#successes[0] as number)++;
    const [failures, calls] = this.#counts();
    if (failures < calls * this.policy.breakerShare) this.#failingSince = undefined;
    // Nothing failed for a whole window: there is nothing to count against.
    if (failures === 0) this.#halfStart = 0;
  }

  #close(): void {
    this.#probeAt = undefined;
    this.#failingSince = undefined;
    this.#failures = [0, 0];
    this.#successes = [0, 0];
    this.#halfStart = 0;
  }

  #counts(): [failures: number, calls: number] {
    const failures = (this.#failures[0] as number) + (this.#failures[1] as number);
    return [failures, failures + (this.#successes[0] as number) + (this.#successes[1] as number)];
  }

  #slide(now: number): void {
    const age = now - this.#halfStart;
    if (age < HALF_WINDOW_MS) return;
    const isNext = age < 2 * HALF_WINDOW_MS;
    this.#failures = [0, isNext ? (this.#failures[0] as number) : 0];
    this.#successes = [0, isNext ? (this.#successes[0] as number) : 0];
    // Failures that nobody has heard of for so long are no run of failures.
    if (!isNext) this.#failingSince = undefined;
    this.#halfStart = now;
  }

  #nextSecond(now: number): void {
    this.#lastAnswers = now - this.#secondStart < 2000 ? this.#answers : 0;
    this.#answers = 0;
    this.#refusals = 0;
    this.#secondStart = now;
  }

  #slowDown(now: number, retryAfterMs: number | undefined): void {
    this.#lastRefusal = now;
    this.#refusals += 1;
    const { paceAfter, paceFloor, maxHoldMs } = this.policy;
    if (this.#pace === undefined) {
      if (this.#refusals < paceAfter) return;
      this.#pace = Math.max(paceFloor, this.#answers, this.#lastAnswers);
      this.#paceChanged = now;
      this.#nextSlot = now;
    } else if (now - this.#paceChanged >= 1000) {
      this.#pace = Math.max(paceFloor, Math.min(this.#pace * 0.8, Math.max(this.#answers, this.#lastAnswers)));
      this.#paceChanged = now;
    }
    this.#cleanSeconds = 0;
    if (retryAfterMs !== undefined)
      this.#holdUntil = Math.max(this.#holdUntil, now + Math.min(retryAfterMs, maxHoldMs));
  }

  #speedUp(now: number): void {
    if (this.#pace === undefined) return;
    const sinceMs = now - Math.max(this.#lastRefusal, this.#holdUntil);
    if (sinceMs >= this.policy.paceForMs) {
      this.#pace = undefined;
      return;
    }
    for (const seconds = Math.floor(sinceMs / 1000); this.#cleanSeconds < seconds; this.#cleanSeconds++) {
      this.#pace *= this.#cleanSeconds === 0 ? 1.25 : 2;
    }
  }
}
