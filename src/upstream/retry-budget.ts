/** Retries that each first attempt adds to the budget. After a few hundred calls, retries add less than 20 % load. */
const SHARE = 0.08;
/** Most retries saved up, and those at the start. */
const BURST = 50;
/** Retries that each second pays for, so that rare calls have some too. */
const PER_SECOND = 1;

/** Bounds the retries of many calls together, so that they do not multiply the load on an upstream that fails. */
export class RetryBudget {
  #retries = BURST;
  #earnedAt = performance.now();

  /** To be called for the first attempt of each read: it pays for a part of a retry. */
  deposit(): void {
    if (this.#retries < BURST) this.#retries += SHARE;
  }

  /** False when the budget is used up. */
  tryWithdraw(): boolean {
    const now = performance.now();
    const earned = ((now - this.#earnedAt) / 1000) * PER_SECOND;
    this.#earnedAt = now;
    this.#retries = Math.min(BURST, this.#retries + earned);
    if (this.#retries < 1) return false;
    this.#retries -= 1;
    return true;
  }
}
