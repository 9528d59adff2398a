import { setTimeout as sleep } from 'node:timers/promises';

/** What calls have to wait for, one by one. */
export interface Quota {
  /** Waits for the turn of one more call. */
  turn(): Promise<void>;
}

/** Spreads calls evenly, so that no second sees more than it may. */
export class Pace implements Quota {
  readonly #gapMs: number;
  #next = 0;

  /** @param perSecond calls; undefined: no limit */
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
