import { type BulkLimits, cutChunks } from '../../src/datatrics/bulk/chunk.ts';
import { BulkEngine } from '../../src/datatrics/bulk/engine.ts';
import type { ItemResult, Pending } from '../../src/datatrics/bulk/items.ts';
import { retryPolicy } from '../../src/datatrics/bulk/retry.ts';
import type { Answered } from '../../src/datatrics/bulk/target.ts';
import type { RecordInput } from '../../src/datatrics/encode.ts';
import type { Resource } from '../../src/datatrics/endpoints.ts';
import { causeOf, DatatricsError } from '../../src/datatrics/errors.ts';
import { GatewayError } from '../../src/lib/error.ts';
import type { Pace } from './pace.ts';
import type { RowProblem } from './problem.ts';

/** Result of sending one row. */
export type Outcome = { readonly problems: readonly RowProblem[] } & Pick<ItemResult, 'outcome'>;

/** Why nothing more can be sent. */
export interface Failure {
  readonly kind: 'unreachable' | 'refused' | 'other';
  readonly message: string;
  /** ms until the next call that a 429 or 503 asks for. */
  readonly retryAfterMs?: number | undefined;
}

/** An item to send. Its `result.index` is the row number. */
export interface Sendable extends Pending {
  /** The mutation input, for a gateway only. */
  input?: RecordInput;
}

/** Where rows go. */
export interface Destination {
  /** Windows to send before the first one is settled. */
  readonly ahead: number;
  /** REST calls so far. */
  readonly requests: number;
  /** Null while the destination works. */
  readonly failure: Failure | null;
  /**
   * Sends items until each has an outcome or nothing more can be sent. The outcomes are in the items' `result`. No two items
   * may have the same key. Calls of `send` may overlap.
   *
   * @returns what to do once the outcomes are recorded; null for items that are left to workers
   */
  send(items: readonly Sendable[]): Promise<(() => unknown) | null>;
}

const NOTHING_TO_DO = (): void => undefined;

/** Sends chunks of items, as a `BulkTarget`. */
export interface Target {
  /** REST calls so far. */
  readonly requests: number;
  /** @throws GatewayError */
  send(chunk: readonly Pending[]): Promise<readonly Answered[] | null>;
  /** Sets the outcomes that the engine could not know. */
  correct?(items: readonly Pending[]): void;
  close?(): void;
}

export interface DirectOptions {
  readonly resource: Resource;
  readonly target: Target;
  readonly timeZone: string;
  readonly limits: BulkLimits;
  readonly pace: Pace;
  /** Attempts for a call with a temporary failure. */
  readonly attempts: number;
  /** Aborted to finish the calls in flight and start no more. */
  readonly signal: AbortSignal;
  /** Receives the upserted rows of each response. */
  readonly onUpserted?: (rows: readonly number[]) => void;
  /** Called with the reason of a failed call that is repeated. */
  readonly onRetry?: (reason: string) => void;
}

/** Sends rows through the bulk engine: limits the call rate, reports upserted rows after each call, and can be stopped. */
export function createDirect(options: DirectOptions): Destination {
  const { resource, target, timeZone, limits, pace, attempts, signal, onUpserted, onRetry } = options;
  let failure: Failure | null = null;
  /** Calls started, including those that wait for the rate limit. */
  let begun = 0;
  /** Whether a call was answered. */
  let isReached = false;

  async function send(chunk: readonly Pending[]): Promise<readonly Answered[] | null> {
    begun += 1;
    await pace();
    if (signal.aborted) throw new DatatricsError('UPSTREAM_UNAVAILABLE', 'The import was stopped.', { sent: false });
    try {
      const answered = await target.send(chunk);
      isReached = true;
      const upserted = chunk.filter((_, at) => answered?.[at] !== undefined);
      if (upserted.length > 0) onUpserted?.(upserted.map(({ result }) => result.index));
      return answered;
    } catch (error) {
      if (error instanceof GatewayError) failure = failureOf(error);
      isReached ||= error instanceof DatatricsError && error.sent;
      throw error;
    }
  }

  const policy = retryPolicy(attempts);
  // An import reads nothing, so there is no cache to invalidate.
  const bulk = { resource, settings: { timeZone }, send, calls: () => begun, forget: () => undefined };
  const engine = new BulkEngine(bulk, limits, (attempt, error) => {
    if (signal.aborted || (error && !error.sent && !isReached)) return null;
    const pauseMs = policy(attempt, error);
    if (pauseMs !== null && error) onRetry?.(failureOf(error).message);
    return pauseMs;
  });

  return {
    ahead: 1,
    get requests() {
      return target.requests;
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
export function createDryRun(limits: BulkLimits): Destination {
  let requests = 0;
  return {
    ahead: 0,
    get requests() {
      return requests;
    },
    failure: null,
    async send(items) {
      requests += cutChunks(items, limits.chunkItems, limits.chunkBytes).length;
      return NOTHING_TO_DO;
    },
  };
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
