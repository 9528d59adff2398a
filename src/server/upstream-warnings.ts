import type { EndedCall } from '../datatrics/calls.ts';
import { ENDPOINTS, labelOf } from '../datatrics/endpoints.ts';
import type { Logger } from '../lib/log.ts';

const EVERY_MS = 60_000;
/** Causes that are counted apart. */
const MAX_CAUSES = 50;

interface Failures {
  count: number;
  /** `performance.now()` ms of the last warning. */
  warnedAt: number;
}

/**
 * Logs why calls to the API fail, at most once a minute for each cause. Clients learn nothing of it: their errors have a
 * code only.
 */
export class UpstreamWarnings {
  readonly #log: Logger;
  readonly #failures = new Map<string, Failures>();

  constructor(log: Logger) {
    this.#log = log;
  }

  observe({ outcome, cause, endpoint, caller }: Pick<EndedCall, 'outcome' | 'cause' | 'endpoint' | 'caller'>): void {
    if (cause === undefined) return;
    // In `passthrough`, anyone can send a key that the API refuses.
    if (outcome !== 'failed' && !caller.isAccepted) return;
    const now = performance.now();
    let failures = this.#failures.get(cause);
    if (failures === undefined) {
      if (this.#failures.size >= MAX_CAUSES) return;
      failures = { count: 0, warnedAt: Number.NEGATIVE_INFINITY };
      this.#failures.set(cause, failures);
    }
    failures.count += 1;
    if (now - failures.warnedAt < EVERY_MS) return;
    this.#log.warn(
      { cause, endpoint: labelOf(ENDPOINTS[endpoint]), failures: failures.count },
      'calls to the API fail',
    );
    failures.count = 0;
    failures.warnedAt = now;
  }
}
