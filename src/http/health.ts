/** ms for which failures are held against the upstream; without newer traffic nothing is known of it. */
const MEMORY_MS = 30_000;
/** Calls in a row that must have failed before the gateway counts as cut off. */
const FAILURES = 5;

/** Whether the gateway can serve, judged by its own state and by recent traffic only: it makes no calls of its own. */
export class Readiness {
  #state: 'starting' | 'serving' | 'draining' = 'starting';
  #failures = 0;
  #lastFailure = 0;

  serving(): void {
    this.#state = 'serving';
  }

  draining(): void {
    this.#state = 'draining';
  }

  /** Takes note of a REST call's end. A refusal is an answer too: it shows that the API can be reached. */
  observe(outcome: 'ok' | 'refused' | 'failed'): void {
    if (outcome === 'failed') {
      this.#failures += 1;
      this.#lastFailure = performance.now();
    } else {
      this.#failures = 0;
    }
  }

  /** Why it can't serve, or null when it can. */
  problem(): string | null {
    if (this.#state !== 'serving') return this.#state;
    const cutOff = this.#failures >= FAILURES && performance.now() - this.#lastFailure < MEMORY_MS;
    return cutOff ? `the last ${this.#failures} calls to the Datatrics API failed` : null;
  }
}
