import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../lib/backoff.ts';
import type { UpstreamRequest, UpstreamResponse } from './call.ts';
import { isPermanent, TransportError } from './errors.ts';
import type { Send } from './pool.ts';
import type { Resilience } from './resilience.ts';

/** ms before the second attempt at most. `Retry-After` has priority. */
const RETRY_PAUSE_MS = 50;

export interface RetryContext {
  readonly signal: AbortSignal;
  /** `performance.now()` ms after which no attempt starts. */
  deadline(): number;
  /** Charges an attempt; may throw to forbid it. */
  spend(attempt: number): void;
}

/**
 * Sends a read. Retries it after 429, 5xx, a refused or a broken connection, up to the group's attempts, within the deadline and
 * the retry budget, after `Retry-After` or a jittered pause. A time-out is not retried: it took its full share of the operation's
 * time. Circuit breaker and rate controller apply to each attempt.
 */
export function sendWithRetry(
  send: Send,
  request: UpstreamRequest,
  context: RetryContext,
  resilience: Resilience,
): Promise<UpstreamResponse> {
  const { attempts, breaker, retryBudget } = resilience;

  function start(attempt: number): Promise<UpstreamResponse> {
    try {
      const waitMs = resilience.admit(context.deadline());
      return waitMs === 0 ? sendNow(attempt) : pause(waitMs, context.signal).then(() => sendNow(attempt));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** No async function: most calls succeed at once, and each would pay for what only few need. */
  function sendNow(attempt: number): Promise<UpstreamResponse> {
    context.spend(attempt);
    if (attempt === 1) retryBudget.deposit();
    return send(request, context.signal).then(
      (response) => {
        const { status } = response;
        resilience.recordAnswer(status, retryAfterMs(response.retryAfter));
        return status === 429 || status >= 500 ? retry(attempt, response) : response;
      },
      (error) => {
        resilience.recordError(error);
        return isTransientError(error) ? retry(attempt, error) : Promise.reject(error);
      },
    );
  }

  async function retry(attempt: number, failure: UpstreamResponse | TransportError): Promise<UpstreamResponse> {
    const isError = failure instanceof TransportError;
    const pauseMs = (isError ? undefined : retryAfterMs(failure.retryAfter)) ?? backoffMs(RETRY_PAUSE_MS, attempt);
    const isLast = attempt >= attempts || performance.now() + pauseMs >= context.deadline();
    if (!isLast && !breaker.isOpen && retryBudget.tryWithdraw()) {
      await pause(pauseMs, context.signal);
      if (!breaker.isOpen) return start(attempt + 1);
    }
    if (isError) throw failure;
    return failure;
  }

  return start(1);
}

function isTransientError(error: unknown): error is TransportError {
  if (!(error instanceof TransportError)) return false;
  return error.failure === 'reset' || (error.failure === 'unreachable' && !isPermanent(error));
}

/** `Retry-After` in seconds or as an HTTP date, as ms from now. */
export function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

/** Waits, or rejects with the signal's reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {
    throw signal.reason;
  });
}
