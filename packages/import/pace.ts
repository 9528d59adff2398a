import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until one more call is allowed. */
export type Pace = () => Promise<void>;

/**
 * Spaces calls evenly, so that no second exceeds the rate.
 * @param perSecond calls per second; undefined: no limit
 */
export function createPace(perSecond = Number.POSITIVE_INFINITY): Pace {
  const gapMs = 1_000 / perSecond;
  let next = 0;
  return async function turn() {
    const now = performance.now();
    const at = Math.max(now, next);
    next = at + gapMs;
    if (at > now) await sleep(at - now);
  };
}
