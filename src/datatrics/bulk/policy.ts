import { DatatricsError } from '../errors.ts';

/**
 * Decides on retries after a temporary failure of a chunk.
 *
 * @param attempt number of times that the chunk was sent
 * @param error null for an answer without a body
 * @param elapsedMs time since the start of the run
 * @returns ms until the retry; null for no retry, after which the run stops
 */
export type RetryPolicy = (attempt: number, error: DatatricsError | null, elapsedMs: number) => number | null;

/** For mutations, which send nothing twice. */
export const NO_RETRIES: RetryPolicy = () => null;

export interface RetryOptions {
  /** Most attempts per chunk, including the first. Default: 8. */
  readonly attempts?: number;
  /** Pause before the second attempt. It doubles with each attempt, and jitter reduces it by up to half. Default: 200. */
  readonly baseMs?: number;
  /** Longest pause without `Retry-After`. Default: 30,000. */
  readonly maxMs?: number;
  /** Time from the start of the run after which there are no more retries. Default: 600,000 (10 minutes). */
  readonly budgetMs?: number;
}

/** Retries for long runs. Upserts by key are idempotent, so it is safe to send them again. Honours `Retry-After`. */
export function retryPolicy(options: RetryOptions = {}): RetryPolicy {
  const { attempts = 8, baseMs = 200, maxMs = 30_000, budgetMs = 600_000 } = options;
  return (attempt, error, elapsedMs) => {
    const backoffMs = Math.min(maxMs, baseMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
    const pauseMs = Math.max(backoffMs, error?.retryAfterMs ?? 0);
    return attempt >= attempts || elapsedMs + pauseMs > budgetMs ? null : pauseMs;
  };
}

/** Whether a failure is temporary: the API was unreachable, overloaded, or its answer was lost or invalid. */
export function isTemporary(error: unknown): error is DatatricsError {
  return error instanceof DatatricsError && (error.status === undefined || error.status >= 500 || error.status === 429);
}
