import type { UpstreamResponse } from './call.ts';
import { TransportError } from './errors.ts';
import type { Send } from './pool.ts';
import type { Guard } from './resilience.ts';

export interface RetryContext {
  readonly signal: AbortSignal;
  /** `performance.now()` ms after which no attempt is worth starting. */
  deadline(): number;
  /** Books an attempt; may throw to forbid it. */
  spend(attempt: number): void;
}

/**
 * Sends a read until it has an answer worth keeping: 429, 5xx, a refused and a broken connection are tried again, up to
 * the policy's attempts, within the deadline and as long as the guard's retry budget lasts, after `Retry-After` or a
 * jittered pause. A time-out is not: it has had its full share of the operation's time. What the guard refuses is not
 * sent at all.
 */
export function sendWithRetry(
  send: Send,
  request: Parameters<Send>[0],
  context: RetryContext,
  guard: Guard,
  attempt = 1,
): Promise<UpstreamResponse> {
  const refusal = guard.refusal();
  if (refusal !== null) return Promise.reject(refusal);
  const waitMs = guard.waitMs(context.deadline());
  if (waitMs === undefined) return Promise.reject(new TransportError('paced', false));
  if (waitMs > 0) {
    return pause(waitMs, context.signal).then(() => sendNow(send, request, context, guard, attempt));
  }
  return sendNow(send, request, context, guard, attempt);
}

function sendNow(
  send: Send,
  request: Parameters<Send>[0],
  context: RetryContext,
  guard: Guard,
  attempt: number,
): Promise<UpstreamResponse> {
  try {
    context.spend(attempt);
  } catch (error) {
    return Promise.reject(error);
  }
  if (attempt === 1) guard.begin();
  // An async function would cost every call what only few need.
  return send(request, context.signal).then(
    (response) => {
      const { status } = response;
      if (status < 429) {
        guard.note(status, undefined);
        return response;
      }
      guard.note(status, retryAfterMs(response.retryAfter));
      return isTransient(status) ? sendAgain(send, request, context, guard, attempt, response) : response;
    },
    (error) => {
      guard.noteFailure(error);
      return sendAgain(send, request, context, guard, attempt, error);
    },
  );
}

/** What follows an attempt that failed: a pause and the next one, or the failure itself. */
async function sendAgain(
  send: Send,
  request: Parameters<Send>[0],
  context: RetryContext,
  guard: Guard,
  attempt: number,
  failure: UpstreamResponse | Error,
): Promise<UpstreamResponse> {
  const { attempts, retryPauseMs } = guard.policy;
  if (failure instanceof Error && !mayPass(failure)) throw failure;
  const backoffMs = retryPauseMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
  const pauseMs = (failure instanceof Error ? undefined : retryAfterMs(failure.retryAfter)) ?? backoffMs;
  const isLast = attempt >= attempts || performance.now() + pauseMs >= context.deadline();
  if (!isLast && !guard.isOpen && guard.mayRetry()) {
    await pause(pauseMs, context.signal);
    if (!guard.isOpen) return sendWithRetry(send, request, context, guard, attempt + 1);
  }
  if (failure instanceof Error) throw failure;
  return failure;
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

/** Waits, or rejects with the signal's reason. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
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
