import { DatatricsError } from '../errors.ts';

/**
 * Whether, and after how many ms, a chunk is sent again whose call failed for reasons that may pass; null gives it up, and
 * then the run stops. `error` is null where the API answered without a word.
 */
export type RetryPolicy = (attempt: number, error: DatatricsError | null, elapsedMs: number) => number | null;

/** For mutations: nothing is sent twice. */
export const NO_RETRIES: RetryPolicy = () => null;

export interface RetryOptions {
  /** Times that a chunk is sent, the first included. Default: 8. */
  readonly attempts?: number;
  /** ms before the second time, doubled for each further one and jittered down to half. Default: 200. */
  readonly baseMs?: number;
  /** ms of one pause at most. Default: 30,000. */
  readonly maxMs?: number;
  /** ms from the start of the run after which nothing is sent again. Default: 10 minutes. */
  readonly budgetMs?: number;
}

/** For long runs: upserts by key are idempotent, so what may not have gone in is sent again, `Retry-After` obeyed. */
export function retryPolicy(options: RetryOptions = {}): RetryPolicy {
  const { attempts = 8, baseMs = 200, maxMs = 30_000, budgetMs = 600_000 } = options;
  return (attempt, error, elapsedMs) => {
    const backoffMs = Math.min(maxMs, baseMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
    const pauseMs = Math.max(backoffMs, error?.retryAfterMs ?? 0);
    return attempt >= attempts || elapsedMs + pauseMs > budgetMs ? null : pauseMs;
  };
}

/** Whether a failure may pass by itself: the API was away, overloaded, or not heard. */
export function mayPass(error: unknown): error is DatatricsError {
  return error instanceof DatatricsError && (error.status === undefined || error.status >= 500 || error.status === 429);
}
