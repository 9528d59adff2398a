import { createPrincipal } from '../../src/auth/principal.ts';
import type { Config } from '../../src/config/config.ts';
import type { BulkLimits } from '../../src/datatrics/bulk/chunk.ts';
import { BulkEngine } from '../../src/datatrics/bulk/engine.ts';
import type { Pending } from '../../src/datatrics/bulk/items.ts';
import { retryPolicy } from '../../src/datatrics/bulk/retry.ts';
import { type Answered, type BulkTarget, createTarget } from '../../src/datatrics/bulk/target.ts';
import { Capabilities } from '../../src/datatrics/capabilities.ts';
import { createClient } from '../../src/datatrics/client.ts';
import type { WriteSettings } from '../../src/datatrics/encode.ts';
import type { Resource } from '../../src/datatrics/endpoints.ts';
import { DatatricsError } from '../../src/datatrics/errors.ts';
import { Masking } from '../../src/datatrics/masking.ts';
import { Session } from '../../src/datatrics/session.ts';
import { GatewayError } from '../../src/lib/error.ts';
import { Operation } from '../../src/upstream/operation.ts';
import { DEFAULT_BULKHEAD } from '../../src/upstream/policy.ts';
import { createPool } from '../../src/upstream/pool.ts';
import type { Destination, Sendable } from './destination.ts';
import type { Quota } from './pace.ts';
import { UsageError } from './problem.ts';

/** ms, the maximum of a timer: an import has no time limit. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

/** Attempts for a call with a transient failure; with their pauses they take some minutes. */
const ATTEMPTS = 10;

const NO_SOURCES = { profile: [], content: [], conversion: [], interaction: [] };

/**
 * Returns a destination that writes to the API, through the bulk engine.
 *
 * @throws UsageError without a configured API, project or key
 */
export function createApiDestination(resource: Resource, config: Config, limits: BulkLimits, pace: Quota): Destination {
  const { upstream, project, apiKey } = config;
  if (upstream === null || project === undefined || apiKey === undefined) {
    throw new UsageError(
      'DATATRICS_URL, DATATRICS_PROJECT and DATATRICS_API_KEY must be set. Only an import with --gateway needs none of them.',
    );
  }
  const pool = createPool({
    origin: upstream.origin,
    connections: limits.concurrency,
    timeoutMs: config.upstreamTimeoutMs,
    // The import is the only caller, so no connections are reserved for others.
    bulkhead: { ...DEFAULT_BULKHEAD, reservedShare: 0 },
  });
  const principal = createPrincipal('import', project, apiKey);
  const operation = new Operation({ timeoutMs: NO_TIMEOUT_MS, maxCalls: Number.POSITIVE_INFINITY });
  const client = createClient({ send: pool.send, basePath: upstream.basePath }).as(principal, operation);
  const session = new Session({
    client,
    principal,
    operation,
    settings: { ...config, sources: NO_SOURCES, masking: new Masking(config.masking) },
    capabilities: new Capabilities(1),
  });
  const target = new WatchedTarget(createTarget(resource, client, session, operation, false), pace);
  const policy = retryPolicy({ attempts: ATTEMPTS, budgetMs: Number.POSITIVE_INFINITY });
  const engine = new BulkEngine(target, limits, (attempt, error, elapsedMs) =>
    target.stopped ? null : policy(attempt, error, elapsedMs),
  );

  return {
    get requests() {
      return target.sent;
    },
    get failure() {
      return engine.stopped && !target.stopped ? target.failure : null;
    },
    send(items: readonly Sendable[], onUpserted: (rows: readonly number[]) => void) {
      target.onUpserted = onUpserted;
      return engine.send(items);
    },
    stop() {
      target.stopped = true;
    },
    async close() {
      operation.end();
      await pool.close();
    },
  };
}

/** A target that limits the call rate, reports upserted rows after each call, and can be stopped. */
class WatchedTarget implements BulkTarget {
  readonly resource: Resource;
  readonly settings: WriteSettings;
  onUpserted: (rows: readonly number[]) => void = () => undefined;
  stopped = false;
  failure: string | null = null;
  /** Calls sent. */
  sent = 0;
  readonly #target: BulkTarget;
  readonly #pace: Quota;
  /** Calls started, including those that wait for the rate limit. */
  #begun = 0;

  constructor(target: BulkTarget, pace: Quota) {
    this.#target = target;
    this.#pace = pace;
    this.resource = target.resource;
    this.settings = target.settings;
  }

  async send(chunk: readonly Pending[]): Promise<readonly Answered[] | null> {
    this.#begun += 1;
    await this.#pace.turn();
    if (this.stopped) {
      throw new DatatricsError('UPSTREAM_UNAVAILABLE', 'The import was stopped.', { sent: false });
    }
    this.sent += 1;
    try {
      const answered = await this.#target.send(chunk);
      const rows: number[] = [];
      answered?.forEach((record, at) => {
        if (record !== undefined) rows.push((chunk[at] as Pending).result.index);
      });
      if (rows.length > 0) this.onUpserted(rows);
      return answered;
    } catch (error) {
      if (error instanceof GatewayError) this.failure = error.message;
      throw error;
    }
  }

  calls(): number {
    return this.#begun;
  }

  forget(): void {
    // An import reads nothing, so there is no cache to invalidate.
  }
}
