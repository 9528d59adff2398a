import { CircuitBreaker } from './circuit-breaker.ts';
import { TransportError } from './errors.ts';
import type { Policy } from './policy.ts';
import { RateController } from './rate-controller.ts';
import { RetryBudget } from './retry-budget.ts';

/**
 * Circuit breaker, rate controller and retry budget of one group of endpoints, for the calls with one key.
 *
 * A call asks before (`admit`) and reports after (`recordAnswer`, `recordError`), all synchronously. Libraries wrap each call
 * in a promise and closures instead, which a gateway would pay for on every call that succeeds.
 */
export class Resilience {
  readonly policy: Policy;
  readonly breaker: CircuitBreaker;
  readonly rate: RateController;
  readonly retryBudget: RetryBudget;

  constructor(policy: Policy) {
    this.policy = policy;
    this.breaker = new CircuitBreaker(policy);
    this.rate = new RateController(policy);
    this.retryBudget = new RetryBudget(policy);
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

  /** Records a call without an answer. One that the gateway itself ended, or never made, is no failure of the upstream. */
  recordError(error: unknown): void {
    if (!(error instanceof TransportError) || error.queued) return;
    const { failure } = error;
    if (failure !== 'open' && failure !== 'paced' && failure !== 'too-large')
      this.breaker.recordFailure(performance.now());
  }
}
