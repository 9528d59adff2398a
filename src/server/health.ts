import type { Caller } from '../datatrics/callers.ts';
import type { EndedCall } from '../datatrics/calls.ts';

/** ms after which failures no longer count: without newer traffic, nothing is known about the API. */
const MEMORY_MS = 30_000;
/** Failed calls in a row until the gateway counts as cut off from the API. */
const FAILURES = 5;

/**
 * Whether the gateway can serve, by its own state and by recent traffic. It makes no calls of its own.
 *
 * Failures of one caller count only when another caller's calls fail too, and never while the API has not accepted the caller's
 * key. Failures to connect always count. Refusals and 429 do not: they show that the API can be reached.
 */
export class Readiness {
  state: 'starting' | 'serving' | 'draining' = 'starting';
  /** Failures to connect since the last answer. */
  #unreached = 0;
  #failures = 0;
  #lastFailure = 0;
  #failing: Caller | undefined;
  /** Whether calls of more than one caller are among the failures. */
  #isGeneral = false;

  observe({ outcome, caller, isReachable, cause }: Omit<EndedCall, 'endpoint' | 'ms'>): void {
    if (outcome !== 'failed' || cause === 'HTTP 429') {
      this.#unreached = 0;
      this.#failures = 0;
      this.#failing = undefined;
      this.#isGeneral = false;
    } else if (!isReachable) {
      this.#unreached += 1;
      this.#lastFailure = performance.now();
    } else if (caller.isAccepted) {
      this.#isGeneral ||= caller.isEverybody || (this.#failing !== undefined && this.#failing !== caller);
      this.#failing ??= caller;
      this.#failures += 1;
      this.#lastFailure = performance.now();
    }
  }

  /** Null if the gateway can serve. */
  problem(): string | null {
    if (this.state !== 'serving') return this.state;
    const failures = this.#unreached + (this.#isGeneral ? this.#failures : 0);
    const isCutOff = failures >= FAILURES && performance.now() - this.#lastFailure < MEMORY_MS;
    return isCutOff ? `the last ${failures} calls to the Datatrics API failed` : null;
  }
}
