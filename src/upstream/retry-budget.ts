import type { Policy } from './policy.ts';

/** Bounds the retries of many calls together, so that they do not multiply the load on an upstream that fails. */
export class RetryBudget {
  readonly #policy: Policy;
  #retries: number;
  #earnedAt = performance.now();

  constructor(policy: Policy) {
    this.#policy = policy;
    this.#retries = policy.retryBurst;
  }

  /** To be called for the first attempt of each read: it pays for a part of a retry. */
  deposit(): void {
    if (this.#retries < this.#policy.retryBurst) this.#retries += this.#policy.retryShare;
  }

  /** Takes one retry out of the budget; false when it is used up. */
  tryWithdraw(): boolean {
    const now = performance.now();
    const earned = ((now - this.#earnedAt) / 1000) * this.#policy.retryPerSecond;
    this.#earnedAt = now;
    this.#retries = Math.min(this.#policy.retryBurst, this.#retries + earned);
    if (this.#retries < 1) return false;
    this.#retries -= 1;
    return true;
  }
}
