/**
 * ms before another attempt: `baseMs` after the first failure, doubled with each further one, at most `maxMs`. Jitter reduces it
 * by up to half, so that many clients do not retry at the same time.
 */
export function backoffMs(baseMs: number, failures: number, maxMs = Number.POSITIVE_INFINITY): number {
  return Math.min(maxMs, baseMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
}
