import { GatewayError } from '../lib/error.ts';
import type { Answer, CachedAnswer, Lookup, RecordCache } from '../upstream/cache.ts';
import type { SharedRead, SharedReads } from '../upstream/dedupe.ts';
import { freshnessOf, type Lifetimes, mayServeOnError, NO_DIRECTIVES, retentionOf } from '../upstream/freshness.ts';
import { Operation } from '../upstream/operation.ts';
import { type Endpoint, labelOf, type Resource } from './endpoints.ts';
import type { ReadJson } from './json-selection.ts';
import { SharedAnswer } from './shared-answer.ts';

/** Which answers of the API are cached, and for how long. The process has one cache. */
export interface FreshnessOptions {
  readonly cache: RecordCache;
  /** A type that is left out is always read from the API. */
  readonly lifetimes: Readonly<Partial<Record<Resource, Lifetimes>>>;
}

/** One read that the cache may answer. */
export interface CachedRead {
  /** On whose behalf, and what: no two callers have one. */
  readonly key: string;
  /** Path and query. */
  readonly path: string;
  /** A write that names this tag makes the answer out of date. */
  readonly tag: string;
  readonly lifetimes: Lifetimes;
  readonly endpoint: Endpoint;
  readonly operation: Operation;
  readonly reader: ReadJson;
  /** Calls the API, on behalf of this operation or of a refresh in the background. */
  ask(shared: SharedRead, by: Operation): Promise<SharedAnswer>;
}

/** ms and calls of a refresh in the background, for which no operation waits. */
const REFRESH_TIMEOUT_MS = 10_000;
const REFRESH_CALLS = 3;

/** Failures that pass: an older answer is better than none. */
const OUTAGES: ReadonlySet<string> = new Set(['UPSTREAM_UNAVAILABLE', 'UPSTREAM_TIMEOUT', 'UPSTREAM_INVALID_RESPONSE']);

/**
 * Answers reads from the cache where their type's lifetimes and the request allow it, and otherwise calls the API, once for
 * all operations that wait for the same.
 */
export class CachedReads {
  readonly #cache: RecordCache;
  readonly #sharedReads: SharedReads<SharedAnswer>;

  constructor(cache: RecordCache, sharedReads: SharedReads<SharedAnswer>) {
    this.#cache = cache;
    this.#sharedReads = sharedReads;
  }

  read(read: CachedRead): Promise<SharedAnswer> {
    const lookup = this.#cache.lookUp(read.key, read.tag);
    // A cache shared with other instances is asked over the network.
    return lookup instanceof Promise ? lookup.then((found) => this.#answer(read, found)) : this.#answer(read, lookup);
  }

  async #answer(read: CachedRead, lookup: Lookup): Promise<SharedAnswer> {
    const { operation, lifetimes } = read;
    const directives = operation.freshness?.directives ?? NO_DIRECTIVES;
    const { valid } = lookup;
    if (valid) {
      const freshness = freshnessOf(valid.ageMs, lifetimes, directives);
      if (freshness === 'stale-while-revalidate') this.#refresh(read, lookup);
      if (freshness !== null) return give(read, valid, freshness);
    }
    try {
      const answer = await this.#ask(read, lookup, operation);
      operation.freshness?.note(read.path, 0, lifetimes.freshForMs);
      return answer;
    } catch (error) {
      const old = valid ?? lookup.unverified;
      if (!(error instanceof GatewayError) || !OUTAGES.has(error.code) || !old) throw error;
      // It has become older during the call.
      const now = this.#latest(read, old);
      if (!mayServeOnError(now.ageMs, lifetimes, directives)) throw error;
      return give(read, now, 'stale-if-error');
    }
  }

  #latest({ key, tag }: CachedRead, old: CachedAnswer): CachedAnswer {
    const lookup = this.#cache.lookUp(key, tag);
    return lookup instanceof Promise ? old : (lookup.valid ?? old);
  }

  /** Calls the API for the next reader, unless such a call is under way. */
  #refresh(read: CachedRead, lookup: Lookup): void {
    if (this.#sharedReads.has(sharedKeyOf(read, lookup))) return;
    const operation = new Operation({ timeoutMs: REFRESH_TIMEOUT_MS, maxCalls: REFRESH_CALLS });
    this.#ask(read, lookup, operation)
      .catch(() => undefined)
      .finally(() => operation.end());
  }

  #ask(read: CachedRead, lookup: Lookup, operation: Operation): Promise<SharedAnswer> {
    const ask = async (shared: SharedRead): Promise<SharedAnswer> => {
      const fill = this.#cache.beginFill(read.key, read.tag, lookup);
      let good: Answer | undefined;
      try {
        const answer = await read.ask(shared, operation);
        // Throws for an answer that is an error: it is not cached.
        answer.read(read.reader);
        good = answer.answer;
        return answer;
      } finally {
        this.#cache.endFill(fill, good, retentionOf(read.lifetimes));
      }
    };
    return this.#sharedReads.run(sharedKeyOf(read, lookup), operation, ask, labelOf(read.endpoint));
  }
}

/** Operations that have seen a newer version must not share a call that was made before it. */
function sharedKeyOf({ key }: CachedRead, { version }: Lookup): string {
  return version === '' ? key : `${key} ${version}`;
}

function give(
  { endpoint, operation, path, lifetimes }: CachedRead,
  { answer, ageMs }: CachedAnswer,
  freshness: Exclude<ReturnType<typeof freshnessOf>, null>,
): SharedAnswer {
  operation.usage.cached += 1;
  const reason = freshness === 'fresh' ? undefined : freshness;
  if (reason !== undefined) operation.usage.stale += 1;
  operation.freshness?.note(path, ageMs, lifetimes.freshForMs - ageMs, reason);
  operation.trace?.join(labelOf(endpoint), Promise.resolve(), reason === undefined ? 'cached' : 'stale');
  return new SharedAnswer(endpoint, answer);
}
