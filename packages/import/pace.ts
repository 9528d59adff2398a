import { setTimeout as sleep } from 'node:timers/promises';

/** Limits the rate of calls. */
export interface Quota {
  /** Waits until one more call is allowed. */
  turn(): Promise<void>;
}

/** Spaces calls evenly, so that no second exceeds the rate. */
export class Pace implements Quota {
  readonly #gapMs: number;
  #next = 0;

  /** @param perSecond calls per second; undefined: no limit */
  constructor(perSecond: number | undefined) {
    this.#gapMs = perSecond === undefined ? 0 : 1_000 / perSecond;
  }

  async turn(): Promise<void> {
    if (this.#gapMs === 0) return;
    const now = performance.now();
    const at = Math.max(now, this.#next);
    this.#next = at + this.#gapMs;
    if (at > now) await sleep(at - now);
  }
}
