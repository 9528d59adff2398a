/** Half of the time that the breaker looks back. */
const HALF_WINDOW_MS = 5_000;
/** The breaker opens when this share of at least `CALLS` calls has failed (no answer, or 5xx), for at least `AFTER_MS`. */
const SHARE = 0.5;
const CALLS = 30;
const AFTER_MS = 2_000;
/** Four chances within the 2 s in which traffic should be healthy again. */
const PROBE_EVERY_MS = 500;

/**
 * Refuses calls while an upstream fails.
 *
 * - **Closed**: calls are made. Failures are counted against successes in a sliding window of two halves. Without failures
 *   nothing is counted.
 * - **Open**: one call each `PROBE_EVERY_MS` is made, the others are refused. There is no timer, and a probe that hangs does
 *   not delay the next one. One success closes the breaker.
 */
export class CircuitBreaker {
  /** `performance.now()` ms of the next probe; undefined while closed. */
  #probeAt: number | undefined = undefined;
  /** Calls since the failures began: in the current half of the window, and in the one before. */
  #current = { failures: 0, calls: 0 };
  #previous = { failures: 0, calls: 0 };
  /** `performance.now()` ms; infinitely long ago while nothing is counted. */
  #halfStart = Number.NEGATIVE_INFINITY;
  /** When the share of failures became too large. */
  #failingSince: number | undefined = undefined;

  get isOpen(): boolean {
    return this.#probeAt !== undefined;
  }

  /** Whether a call may be made now. While the breaker is open, the call that gets `true` is the probe. */
  tryAcquire(): boolean {
    if (this.#probeAt === undefined) return true;
    const now = performance.now();
    if (now < this.#probeAt) return false;
    this.#probeAt = now + PROBE_EVERY_MS;
    return true;
  }

  recordFailure(now: number): void {
    if (this.#probeAt !== undefined) return;
    const { failures, calls } = this.#count(now, 1);
    if (failures < calls * SHARE) return;
    this.#failingSince ??= now;
    if (calls >= CALLS && now - this.#failingSince >= AFTER_MS) this.#probeAt = now + PROBE_EVERY_MS;
  }

  recordSuccess(now: number): void {
    if (this.#failingSince === undefined && this.#halfStart < 0) return;
    const { failures, calls } = this.#count(now, 0);
    if (this.#probeAt !== undefined || failures < calls * SHARE) this.#failingSince = undefined;
    // After a probe, and after a whole window without failures, there is nothing to count against.
    if (this.#probeAt !== undefined || failures === 0) this.#halfStart = Number.NEGATIVE_INFINITY;
    this.#probeAt = undefined;
  }

  /** Counts one call, and gives the sums of the window. */
  #count(now: number, failures: 0 | 1): { failures: number; calls: number } {
    const age = now - this.#halfStart;
    if (age >= HALF_WINDOW_MS) {
      const isNext = age < 2 * HALF_WINDOW_MS;
      // Failures before a whole window without calls belong to no current run of failures.
      if (!isNext) this.#failingSince = undefined;
      this.#previous = isNext ? this.#current : { failures: 0, calls: 0 };
      this.#current = { failures: 0, calls: 0 };
      this.#halfStart = now;
    }
    this.#current.failures += failures;
    this.#current.calls += 1;
    return {
      failures: this.#current.failures + this.#previous.failures,
      calls: this.#current.calls + this.#previous.calls,
    };
  }
}
