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
  /** Books an attempt; may throw to forbid it. */
  spend(attempt: number): void;
}

/**
 * Sends a read until it has an answer worth keeping: 429, 5xx, a refused and a broken connection are tried again, up to
 * three attempts in all and within the deadline, after `Retry-After` or a jittered pause. A time-out is not: it has had
 * its full share of the operation's time.
 */
export function sendWithRetry(
  send: Send,
  request: Parameters<Send>[0],
  context: RetryContext,
  attempt = 1,
): Promise<UpstreamResponse> {
  try {
    context.spend(attempt);
  } catch (error) {
    return Promise.reject(error);
  }
  // An async function would cost every call what only few need.
  return send(request, context.signal).then(
    (response) => (isTransient(response.status) ? sendAgain(send, request, context, attempt, response) : response),
    (error) => sendAgain(send, request, context, attempt, error),
  );
}

/** What follows an attempt that failed: a pause and the next one, or the failure itself. */
async function sendAgain(
  send: Send,
  request: Parameters<Send>[0],
  context: RetryContext,
  attempt: number,
  failure: UpstreamResponse | Error,
): Promise<UpstreamResponse> {
  if (failure instanceof Error && !mayPass(failure)) throw failure;
  const backoffMs = BASE_DELAY_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
  const pauseMs = (failure instanceof Error ? undefined : retryAfterMs(failure.retryAfter)) ?? backoffMs;
  if (attempt === ATTEMPTS || performance.now() + pauseMs >= context.deadline()) {
    if (failure instanceof Error) throw failure;
    return failure;
  }
  await pause(pauseMs, context.signal);
  return sendWithRetry(send, request, context, attempt + 1);
}

function mayPass(error: Error): boolean {
  return error instanceof TransportError && (error.failure === 'reset' || error.failure === 'unreachable');
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
      signal.removeEventListener('abort', listener);
      act();
    };
    const listener = { handleEvent: (): void => settle(() => reject(signal.reason)) };
    const timer = setTimeout(() => settle(resolve), ms);
    if (signal.aborted) listener.handleEvent();
    else signal.addEventListener('abort', listener);
  });
}
