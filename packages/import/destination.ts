import { setTimeout as sleep } from 'node:timers/promises';
import { type BulkLimits, cutChunks } from '../../src/datatrics/bulk/chunk.ts';
import { BulkEngine } from '../../src/datatrics/bulk/engine.ts';
import type { ItemResult, Pending } from '../../src/datatrics/bulk/items.ts';
import { retryPolicy } from '../../src/datatrics/bulk/retry.ts';
import type { BulkTarget } from '../../src/datatrics/bulk/target.ts';
import type { RecordInput } from '../../src/datatrics/encode.ts';
import type { Resource } from '../../src/datatrics/endpoints.ts';
import { causeOf, DatatricsError } from '../../src/datatrics/errors.ts';
import { GatewayError } from '../../src/lib/error.ts';
import type { RowProblem } from './problem.ts';

export type Outcome = { readonly problems: readonly RowProblem[] } & Pick<ItemResult, 'outcome'>;

/** Why nothing more can be sent. `retryAfterMs`: ms until the next call that a 429 or 503 asks for. */
export interface Failure {
  readonly kind: 'unreachable' | 'refused' | 'other';
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

/** An item to send. Its `result.index` is the row number; `input`, for a gateway only, is that of the mutation. */
export interface Sendable extends Pending {
  input?: RecordInput;
}

/** Where rows go. */
export interface Destination {
  /** Windows to send before the first one is settled. */
  readonly ahead: number;
  /** Calls so far. */
  readonly requests: number;
  readonly failure: Failure | null;
  /**
   * Sends items, which must have distinct keys, until each has an outcome in its `result` or nothing more can be sent. Returns
   * what to do once the outcomes are recorded; null for items that are left to workers. Calls may overlap.
   */
  send(items: readonly Sendable[]): Promise<(() => unknown) | null>;
}

const NOTHING_TO_DO = (): void => undefined;

/** Sends chunks of items. `correct` sets the outcomes that the engine could not know. */
export interface Target extends Pick<BulkTarget, 'send'> {
  correct?(items: readonly Pending[]): void;
  close?(): void;
}

export interface DirectOptions {
  readonly resource: Resource;
  readonly target: Target;
  readonly limits: BulkLimits;
  readonly pace: Pace;
  /** Attempts for a call with a temporary failure. Default: 10, which with their pauses take some minutes. */
  readonly attempts?: number;
  /** Aborted to finish the calls in flight and start no more. */
  readonly signal: AbortSignal;
  /** Receives the upserted rows of each response. */
  readonly onUpserted?: (rows: readonly number[]) => void;
  /** Receives the reason of a failed call that is repeated. */
  readonly onRetry?: (reason: string) => void;
}

/** Sends rows through the bulk engine: limits the call rate, reports upserted rows after each call, and can be stopped. */
export function createDirect(options: DirectOptions): Destination {
  const { resource, target, limits, pace, attempts = 10, signal, onUpserted, onRetry } = options;
  let failure: Failure | null = null;
  /** Calls started, including those that wait for the rate limit. */
  let begun = 0;
  let isReached = false;
  const policy = retryPolicy(attempts);
  const patience = createPatience();

  async function send(chunk: readonly Pending[]): ReturnType<Target['send']> {
    begun += 1;
    await pace();
    if (signal.aborted) throw new DatatricsError('UPSTREAM_UNAVAILABLE', 'The import was stopped.', { sent: false });
    try {
      const answered = await target.send(chunk);
      isReached = true;
      patience.reset();
      const upserted = chunk.filter((_, at) => answered?.[at] !== undefined);
      if (upserted.length > 0) onUpserted?.(upserted.map(({ result }) => result.index));
      return answered;
    } catch (error) {
      if (error instanceof GatewayError) failure = failureOf(error);
      isReached ||= error instanceof DatatricsError && error.sent;
      throw error;
    }
  }

  // The items are encoded already, and an import reads nothing, so there is no cache to invalidate.
  const bulk = { resource, settings: { timeZone: 'UTC' }, send, calls: () => begun, forget: NOTHING_TO_DO };
  const all = { ...limits, extraRequests: Number.POSITIVE_INFINITY };
  const engine = new BulkEngine(bulk, all, (attempt, error) => {
    const pauseMs = signal.aborted || (error && !error.sent && !isReached) ? null : policy(attempt, error);
    if (pauseMs === null || !error) return pauseMs;
    const { message } = failureOf(error);
    const refusal = patience.refusal(error.retryAfterMs);
    if (refusal !== null) failure = { kind: 'unreachable', message: `${message} ${refusal}` };
    else onRetry?.(message);
    return refusal === null ? pauseMs : null;
  });

  return {
    ahead: 1,
    get requests() {
      return engine.requests;
    },
    get failure() {
      return engine.stopped && !signal.aborted ? failure : null;
    },
    async send(items) {
      await engine.send(items);
      target.correct?.(items);
      return NOTHING_TO_DO;
    },
  };
}

/** Returns a destination that counts the calls that rows would take, and sends nothing. */
export function createDryRun({ chunkItems, chunkBytes }: BulkLimits): Destination {
  const destination = {
    ...{ ahead: 0, requests: 0, failure: null },
    async send(items: readonly Sendable[]) {
      destination.requests += cutChunks(items, chunkItems, chunkBytes).length;
      return NOTHING_TO_DO;
    },
  };
  return destination;
}

function failureOf(error: GatewayError): Failure {
  if (!(error instanceof DatatricsError)) return { kind: 'other', message: error.message };
  const { status, retryAfterMs } = error;
  const cause = status === undefined ? causeOf(error) : undefined;
  const message = cause === undefined || cause === error.code ? error.message : `${error.message} (${cause})`;
  if (status === 401 || status === 403) return { kind: 'refused', message };
  const isTemporary = status === undefined || status === 429 || status >= 500;
  return { kind: isTemporary ? 'unreachable' : 'other', message, retryAfterMs };
}

/** Waits until one more call is allowed. */
export type Pace = () => Promise<void>;

/** Spaces calls evenly, so that no second exceeds the rate. */
export function createPace(perSecond = Number.POSITIVE_INFINITY): Pace {
  let next = 0;
  return async function turn() {
    const now = performance.now();
    const at = Math.max(now, next);
    next = at + 1_000 / perSecond;
    if (at > now) await sleep(at - now);
  };
}

/** Minutes to wait in all for an API that answers every call with `Retry-After`. */
const MAX_WAIT = 15;

/** Bounds the time in which all calls are answered with `Retry-After`. A call that succeeds resets it. */
export function createPatience(now = () => performance.now()) {
  let since: number | undefined;
  return {
    reset(): void {
      since = undefined;
    },
    /** Returns why a pause is too long; null if it is to be waited for. */
    refusal(pauseMs = 0): string | null {
      since ??= now();
      const isOver = pauseMs > 0 && now() - since + pauseMs > MAX_WAIT * 60_000;
      return isOver ? `It keeps asking for pauses; an import waits for ${MAX_WAIT} minutes at most.` : null;
    },
  };
}
