import { backoffMs } from '../../lib/backoff.ts';
import type { DatatricsError } from '../errors.ts';

/**
 * Decides on retries after a temporary failure of a chunk, which was sent `attempt` times. `error` is null for an answer
 * without a body. Returns ms until the retry; null for no retry, after which the run stops.
 */
export type RetryPolicy = (attempt: number, error: DatatricsError | null) => number | null;

/** For mutations, which send nothing twice. */
export const NO_RETRIES: RetryPolicy = () => null;

/** Longest pause in ms without `Retry-After`. */
const MAX_PAUSE_MS = 30_000;

/**
 * Retries for long runs: upserts by key are idempotent.
 * @param attempts most attempts per chunk, including the first
 * @param baseMs longest pause before the second attempt
 */
export function retryPolicy(attempts: number, baseMs = 200): RetryPolicy {
  return (attempt, error) =>
    attempt >= attempts ? null : Math.max(backoffMs(baseMs, attempt, MAX_PAUSE_MS), error?.retryAfterMs ?? 0);
}
