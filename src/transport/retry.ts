import type { CancelSignal } from '../lib/cancellation.ts';
import { TransportError } from './errors.ts';
import type { Send, UpstreamResponse } from './pool.ts';

/** Attempts of one read, the first included. */
const ATTEMPTS = 3;
/** ms before the second attempt; doubled for each further one, and jittered down to half. */
const BASE_DELAY_MS = 50;

export interface RetryContext {
  readonly signal: CancelSignal;
  /** `performance.now()` ms after which no attempt is worth starting. */
  deadline(): number;
  /** Called before each attempt; may throw to forbid it. */
  onAttempt(attempt: number): void;
}

/**
 * Sends a read until it has an answer worth keeping: 429, 5xx, a refused and a broken connection are tried again, up to
 * three attempts in all and within the deadline, after `Retry-After` or a jittered pause. A time-out is not: it has had
 * its full share of the operation's time.
 */
export async function sendWithRetry(
  send: Send,
  request: Parameters<Send>[0],
  context: RetryContext,
): Promise<UpstreamResponse> {
  for (let attempt = 1; ; attempt++) {
    context.onAttempt(attempt);
    let pauseMs = BASE_DELAY_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
    let response: UpstreamResponse | undefined;
    let failure: unknown;
    try {
      response = await send(request, context.signal);
      if (!isTransient(response.status)) return response;
      pauseMs = retryAfterMs(response.retryAfter) ?? pauseMs;
    } catch (error) {
      if (!(error instanceof TransportError) || (error.failure !== 'reset' && error.failure !== 'unreachable'))
        throw error;
      failure = error;
    }
    if (attempt === ATTEMPTS || performance.now() + pauseMs >= context.deadline()) {
      if (response) return response;
      throw failure;
    }
    await pause(pauseMs, context.signal);
  }
}

function isTransient(status: number): boolean {
  return status === 429 || status >= 500;
}

/** `Retry-After` in seconds or as an HTTP date, as ms from now. */
export function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

function pause(ms: number, signal: CancelSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const onAbort = (): void => settle(() => reject(signal.reason));
    const timer = setTimeout(() => settle(resolve), ms);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
}
