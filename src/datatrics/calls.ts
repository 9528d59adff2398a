import { createAbortController } from '../lib/abort.ts';
import type { UpstreamRequest, UpstreamResponse } from '../upstream/call.ts';
import type { Span } from '../upstream/call-trace.ts';
import type { SharedRead } from '../upstream/dedupe.ts';
import { TransportError } from '../upstream/errors.ts';
import type { Operation } from '../upstream/operation.ts';
import type { Send } from '../upstream/pool.ts';
import type { Resilience } from '../upstream/resilience.ts';
import { pause, retryAfterMs, sendWithRetry } from '../upstream/retry.ts';
import type { Caller } from './callers.ts';
import type { Endpoint } from './endpoints.ts';
import { causeOf, errorOfTransport } from './errors.ts';

export interface Call extends UpstreamRequest {
  readonly endpoint: Endpoint;
  readonly resilience: Resilience;
  readonly caller: Caller;
}

export interface EndedCall {
  readonly endpoint: Endpoint;
  readonly outcome: 'ok' | 'refused' | 'failed';
  readonly ms: number;
  readonly caller: Caller;
  /** False when no connection could be made: no caller's request is the cause then. */
  readonly isReachable: boolean;
  /** Why it failed, or that the API refused the key, for operators: `ECONNREFUSED`, `timeout (answer)`, `HTTP 503`, `HTTP 401`. */
  readonly cause?: string;
}

const NEVER = createAbortController().signal;

/**
 * Makes the client's REST calls. Each goes through circuit breaker and rate controller, and has one span and one report. A
 * failure of the transport becomes a `GatewayError`.
 */
export class Calls {
  readonly #send: Send;
  readonly #onEnd: (call: EndedCall) => void;

  constructor(send: Send, onEnd: (call: EndedCall) => void) {
    this.#send = send;
    this.#onEnd = onEnd;
  }

  /**
   * Makes a read, retried where that may help.
   * @param shared the operations that wait for it
   * @param operation the one that began it
   * @throws GatewayError
   */
  read(call: Call, shared: SharedRead, operation: Operation): Promise<UpstreamResponse> {
    const start = performance.now();
    const span = operation.trace?.begin(call.endpoint.label, call.path);
    const context = span ? withSpan(shared, span) : shared;
    return sendWithRetry(this.#send, withHeaders(call, span), context, call.resilience).then(
      (response) => this.#ended(call, response, start, span),
      (error) => {
        throw this.#failed(call, error, start, span);
      },
    );
  }

  /**
   * Makes a write, once. It is not cancelled when the client goes away or the operation's time is up.
   * @throws GatewayError
   */
  async write(call: Call, operation: Operation): Promise<UpstreamResponse> {
    const { resilience } = call;
    const start = performance.now();
    let span: Span | undefined;
    try {
      const waitMs = resilience.admit(operation.deadline);
      if (!operation.spend()) throw operation.budgetExceeded();
      if (waitMs > 0) {
        await pause(waitMs, operation.signal).catch((error) => {
          // It was charged, and never sent.
          operation.usage.calls -= 1;
          throw error;
        });
      }
      span = operation.trace?.begin(call.endpoint.label, call.path);
      span?.attempt();
      const response = await this.#send(withHeaders(call, span), NEVER);
      resilience.recordAnswer(response.status, retryAfterMs(response.retryAfter));
      return this.#ended(call, response, start, span);
    } catch (error) {
      resilience.recordError(error);
      throw this.#failed(call, error, start, span);
    }
  }

  #ended({ endpoint, caller }: Call, response: UpstreamResponse, start: number, span?: Span): UpstreamResponse {
    const { status } = response;
    const outcome = status === 429 || status >= 500 ? 'failed' : status >= 400 ? 'refused' : 'ok';
    const cause = outcome === 'failed' || status === 401 || status === 403 ? `HTTP ${status}` : undefined;
    span?.end(outcome, cause, status);
    const ms = performance.now() - start;
    this.#onEnd({ endpoint, outcome, ms, caller, isReachable: true, ...(cause && { cause }) });
    return response;
  }

  #failed({ endpoint, caller }: Call, error: unknown, start: number, span?: Span): unknown {
    if (!(error instanceof TransportError)) {
      span?.end('failed');
      return error;
    }
    const meaning = errorOfTransport(error);
    const cause = causeOf(meaning) ?? error.failure;
    span?.end('failed', cause);
    const isReachable = error.sent || error.failure !== 'unreachable';
    this.#onEnd({ endpoint, outcome: 'failed', ms: performance.now() - start, caller, isReachable, cause });
    return meaning;
  }
}

function withHeaders(call: Call, span: Span | undefined): Call {
  return span?.headers ? { ...call, headers: [...call.headers, ...span.headers] } : call;
}

function withSpan(shared: SharedRead, span: Span): SharedRead {
  return {
    signal: shared.signal,
    deadline: () => shared.deadline(),
    spend(attempt) {
      shared.spend(attempt);
      span.attempt();
    },
  };
}
