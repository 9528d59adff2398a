import type { Caller } from '../datatrics/callers.ts';
import type { EndedCall } from '../datatrics/calls.ts';

/** ms for which failures are held against the upstream; without newer traffic nothing is known of it. */
const MEMORY_MS = 30_000;
/** Calls in a row that must have failed before the gateway counts as cut off. */
const FAILURES = 5;

/**
 * Whether the gateway can serve, judged by its own state and by recent traffic only: it makes no calls of its own.
 *
 * Failures that one caller's requests may have caused don't count until another caller's calls fail too. Callers whose key
 * the API has not accepted never count: one person can invent any number of them. Failures to connect always count.
 */
export class Readiness {
  #state: 'starting' | 'serving' | 'draining' = 'starting';
  /** Calls since the last answer for which the API could not be connected to. */
  #unreached = 0;
  /** Calls since the last answer that failed otherwise. */
  #failures = 0;
  #lastFailure = 0;
  #failing: Caller | undefined;
  /** Whether calls of more than one caller are among the failures. */
  #isGeneral = false;

  serving(): void {
    this.#state = 'serving';
  }

  draining(): void {
    this.#state = 'draining';
  }

  /** Notes a REST call's end. A refusal is an answer too: it shows that the API can be reached. */
  observe({ outcome, caller, isReachable }: Pick<EndedCall, 'outcome' | 'caller' | 'isReachable'>): void {
    if (outcome !== 'failed') {
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

  /** Why it can't serve, or null when it can. */
  problem(): string | null {
    if (this.#state !== 'serving') return this.#state;
    const failures = this.#unreached + (this.#isGeneral ? this.#failures : 0);
    const isCutOff = failures >= FAILURES && performance.now() - this.#lastFailure < MEMORY_MS;
    return isCutOff ? `the last ${failures} calls to the Datatrics API failed` : null;
  }
}
