import { createPrincipal } from '../../src/auth/principal.ts';
import type { Config } from '../../src/config/config.ts';
import { type BulkLimits, cutChunks } from '../../src/datatrics/bulk/chunk.ts';
import { BulkEngine } from '../../src/datatrics/bulk/engine.ts';
import { type BulkOutcome, Pending } from '../../src/datatrics/bulk/items.ts';
import { retryPolicy } from '../../src/datatrics/bulk/retry.ts';
import { type Answered, type BulkTarget, createTarget } from '../../src/datatrics/bulk/target.ts';
import { Capabilities } from '../../src/datatrics/capabilities.ts';
import { Client } from '../../src/datatrics/client.ts';
import type { RecordInput } from '../../src/datatrics/encode.ts';
import type { Resource } from '../../src/datatrics/endpoints.ts';
import { causeOf, DatatricsError } from '../../src/datatrics/errors.ts';
import { Masking } from '../../src/datatrics/masking.ts';
import { Session } from '../../src/datatrics/session.ts';
import { GatewayError } from '../../src/lib/error.ts';
import { Operation } from '../../src/upstream/operation.ts';
import { createPool } from '../../src/upstream/pool.ts';
import type { Pace } from './pace.ts';
import { type RowProblem, UsageError } from './problem.ts';

/** Result of sending one row. */
export interface Outcome {
  readonly outcome: BulkOutcome;
  readonly problems: readonly RowProblem[];
}

/** Why nothing more can be sent. */
export interface Failure {
  readonly kind: 'unreachable' | 'refused' | 'other';
  readonly message: string;
}

/** An item to send. Its `result.index` is the row number. */
export class Sendable extends Pending {
  /** The mutation input, for a gateway; null otherwise. */
  readonly input: RecordInput | null;

  constructor(key: Pending['key'], json: string, result: Pending['result'], input: RecordInput | null) {
    super(key, json, result);
    this.input = input;
  }
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
   */
  send(items: readonly Sendable[]): Promise<void>;
  /** Waits until outcomes may be recorded. Returns false when they may not, since others send the rest. */
  confirm?(): Promise<boolean>;
  /** Called with the items of a window that was settled. */
  settled?(items: readonly Sendable[]): Promise<void>;
  close(): Promise<unknown>;
}

/** Sends chunks of items, as a `BulkTarget`. */
export interface Target {
  /** REST calls so far. */
  readonly requests: number;
  /** @throws GatewayError */
  send(chunk: readonly Pending[]): Promise<readonly Answered[] | null>;
  /** Sets the outcomes that the engine could not know. */
  correct?(items: readonly Pending[]): void;
  close(): Promise<unknown>;
}

export interface DirectOptions {
  readonly resource: Resource;
  readonly target: Target;
  readonly timeZone: string;
  readonly limits: BulkLimits;
  readonly pace: Pace;
  /** Whether to try for minutes, even if no call has reached the API yet. */
  readonly isPatient: boolean;
  /** Aborted to finish the calls in flight and start no more. */
  readonly signal: AbortSignal;
  /** Receives the upserted rows of each response. */
  readonly onUpserted: (rows: readonly number[]) => void;
  /** Called with the reason of a failed call that is repeated. */
  readonly onRetry: (reason: string) => void;
}

/** Attempts for a call with a temporary failure; with their pauses they take some minutes. */
const ATTEMPTS = 10;
/** ms for calls in flight to finish after a stop. */
const STOP_GRACE_MS = 10_000;
/** ms, the maximum of a timer: an import has no time limit. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;
const NO_SOURCES = { profile: [], content: [], conversion: [], interaction: [] };

/** Sends rows through the bulk engine: limits the call rate, reports upserted rows after each call, and can be stopped. */
export class DirectDestination implements Destination {
  readonly ahead = 1;
  readonly #options: DirectOptions;
  readonly #engine: BulkEngine;
  /** Aborted when the time after a stop is up. */
  readonly #late = new AbortController();
  #failure: Failure | null = null;
  /** Calls started, including those that wait for the rate limit. */
  #begun = 0;
  /** Whether a call was answered. */
  #isReached = false;

  constructor(options: DirectOptions) {
    this.#options = options;
    const { resource, timeZone, limits, isPatient, signal } = options;
    const target: BulkTarget = {
      resource,
      settings: { timeZone },
      send: (chunk) => this.#send(chunk),
      calls: () => this.#begun,
      // An import reads nothing, so there is no cache to invalidate.
      forget: () => undefined,
    };
    const policy = retryPolicy(ATTEMPTS);
    this.#engine = new BulkEngine(target, limits, (attempt, error) => {
      if (signal.aborted || (error && !error.sent && !this.#isReached && !isPatient)) return null;
      const pauseMs = policy(attempt, error);
      if (pauseMs !== null && error) options.onRetry(reasonOf(error));
      return pauseMs;
    });
    const stop = (): void => void setTimeout(() => this.#late.abort(), STOP_GRACE_MS).unref();
    signal.addEventListener('abort', stop, { once: true });
  }

  get requests(): number {
    return this.#options.target.requests;
  }

  get failure(): Failure | null {
    return this.#engine.stopped && !this.#options.signal.aborted ? this.#failure : null;
  }

  async send(items: readonly Sendable[]): Promise<void> {
    await unlessAborted(this.#engine.send(items), this.#late.signal);
    this.#options.target.correct?.(items);
    if (!this.#late.signal.aborted) return;
    // A row without an outcome may still be in flight.
    for (const { result } of items) if (result.outcome === 'NOT_ATTEMPTED') result.outcome = 'UNKNOWN';
  }

  close(): Promise<unknown> {
    return this.#options.target.close();
  }

  async #send(chunk: readonly Pending[]): Promise<readonly Answered[] | null> {
    const { pace, signal, target, onUpserted } = this.#options;
    this.#begun += 1;
    await pace();
    if (signal.aborted) throw new DatatricsError('UPSTREAM_UNAVAILABLE', 'The import was stopped.', { sent: false });
    try {
      const answered = await target.send(chunk);
      this.#isReached = true;
      const rows: number[] = [];
      answered?.forEach((record, at) => {
        if (record !== undefined) rows.push((chunk[at] as Pending).result.index);
      });
      if (rows.length > 0) onUpserted(rows);
      return answered;
    } catch (error) {
      if (error instanceof GatewayError) this.#failure = { kind: kindOf(error), message: reasonOf(error) };
      this.#isReached ||= error instanceof DatatricsError && error.sent;
      throw error;
    }
  }
}

/** Resolves with a promise or when the signal is aborted. `Promise.race` would keep all windows in memory. */
function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve();
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Counts the calls that rows would take, and sends nothing. */
export class DryRun implements Destination {
  readonly ahead = 0;
  requests = 0;
  readonly failure = null;
  readonly #limits: BulkLimits;

  constructor(limits: BulkLimits) {
    this.#limits = limits;
  }

  async send(items: readonly Sendable[]): Promise<void> {
    this.requests += cutChunks(items, this.#limits.chunkItems, this.#limits.chunkBytes).length;
  }

  async close(): Promise<void> {}
}

function kindOf(error: GatewayError): Failure['kind'] {
  if (!(error instanceof DatatricsError)) return 'other';
  if (error.status === 401 || error.status === 403) return 'refused';
  return error.status === undefined || error.status === 429 || error.status >= 500 ? 'unreachable' : 'other';
}

function reasonOf(error: GatewayError): string {
  const cause = error instanceof DatatricsError && error.status === undefined ? causeOf(error) : undefined;
  return cause === undefined || cause === error.code ? error.message : `${error.message} (${cause})`;
}

/**
 * Opens the connections to the API.
 * @param connections concurrent calls at most
 * @throws UsageError without a configured API
 */
export function connectApi({ upstream, upstreamTimeoutMs }: Config, connections: number): Pool {
  if (upstream === null) throw new UsageError(NO_API);
  // The import is the only caller, so no connections are reserved for others.
  return createPool({ origin: upstream.origin, connections, timeoutMs: upstreamTimeoutMs, reservedShare: 0 });
}

/**
 * Returns a target that calls the API.
 *
 * @param isShared whether its `close` leaves the connections open
 * @throws UsageError without a configured API, project or key
 */
export function createApiTarget(resource: Resource, config: Config, pool: Pool, isShared: boolean): Target {
  const { upstream, project, apiKey } = config;
  if (upstream === null || project === undefined || apiKey === undefined) throw new UsageError(NO_API);
  const principal = createPrincipal('import', project, apiKey);
  const operation = new Operation({ timeoutMs: NO_TIMEOUT_MS, maxCalls: Number.POSITIVE_INFINITY });
  const client = new Client({ send: pool.send, basePath: upstream.basePath }).as(principal, operation);
  const session = new Session({
    client,
    principal,
    operation,
    settings: { ...config, sources: NO_SOURCES, masking: new Masking(config.masking) },
    capabilities: new Capabilities(1),
  });
  const { send, calls } = createTarget(resource, client, session, operation, false);
  return {
    get requests() {
      return calls();
    },
    send,
    async close() {
      operation.end();
      if (!isShared) await pool.close();
    },
  };
}

type Pool = ReturnType<typeof createPool>;

const NO_API =
  'DATATRICS_URL, DATATRICS_PROJECT and DATATRICS_API_KEY must be set. Only an import with --gateway needs none of them.';
