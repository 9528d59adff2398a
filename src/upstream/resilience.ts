import { CircuitBreaker } from './circuit-breaker.ts';
import { TransportError, type TransportFailure } from './errors.ts';
import { RateController } from './rate-controller.ts';
import { RetryBudget } from './retry-budget.ts';

export interface CallPolicy {
  /** ms from dispatch to the complete answer of one call, waiting for a connection included. Default: the pool's own. */
  readonly timeoutMs?: number | undefined;
  /** Attempts of one read, the first included. Writes have one. Default: 3. */
  readonly attempts?: number | undefined;
}

const ATTEMPTS = 3;
/** Calls that the gateway itself ended or never made. */
const NO_FAILURES: readonly TransportFailure[] = ['open', 'paced', 'too-large'];

/**
 * Circuit breaker, rate controller and retry budget of one group of endpoints, for the calls with one key. A call asks before
 * (`admit`) and reports after (`recordAnswer`, `recordError`).
 */
export class Resilience {
  readonly timeoutMs: number | undefined;
  readonly attempts: number;
  readonly breaker = new CircuitBreaker();
  readonly rate = new RateController();
  readonly retryBudget = new RetryBudget();

  constructor({ timeoutMs, attempts = ATTEMPTS }: CallPolicy = {}) {
    this.timeoutMs = timeoutMs;
    this.attempts = attempts;
  }

  /**
   * Admits a call, and gives the ms that it must wait for its turn.
   * @param deadline `performance.now()` ms by which the call must be made
   * @throws TransportError `open` while the breaker refuses calls, `paced` where the turn would come too late
   */
  admit(deadline: number): number {
    if (!this.breaker.tryAcquire()) throw new TransportError('open', false);
    const waitMs = this.rate.reserve(deadline);
    if (waitMs === undefined) throw new TransportError('paced', false);
    return waitMs;
  }

  recordAnswer(status: number, retryAfterMs?: number): void {
    const now = performance.now();
    if (status >= 500) this.breaker.recordFailure(now);
    else this.rate.recordAnswer(now, status === 429, retryAfterMs);
    if (status < 500 && status !== 429) this.breaker.recordSuccess(now);
  }

  recordError(error: unknown): void {
    if (!(error instanceof TransportError) || error.queued) return;
    if (!NO_FAILURES.includes(error.failure)) this.breaker.recordFailure(performance.now());
  }
}
