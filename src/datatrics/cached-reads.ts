import { GatewayError } from '../lib/error.ts';
import type { Lookup, RecordCache } from '../upstream/cache.ts';
import type { CachedAnswer } from '../upstream/call.ts';
import type { SharedRead, SharedReads } from '../upstream/dedupe.ts';
import { freshnessOf, type Lifetimes, mayServeOnError, NO_DIRECTIVES, retentionOf } from '../upstream/freshness.ts';
import { Operation } from '../upstream/operation.ts';
import type { Call } from './calls.ts';
import type { Resource } from './endpoints.ts';
import type { ReadJson } from './json-selection.ts';
import { SharedAnswer } from './shared-answer.ts';

/** The cache and the lifetimes of answers. The process has one cache. */
export interface FreshnessOptions {
  readonly cache: RecordCache;
  /** Reads of a resource without lifetimes always call the API. */
  readonly lifetimes: Readonly<Partial<Record<Resource, Lifetimes>>>;
}

interface CachedRead {
  /** The caller and the path: callers never share a cached answer. */
  readonly key: string;
  /** A write with this tag invalidates the answer. */
  readonly tag: string;
  readonly lifetimes: Lifetimes;
  readonly call: Call;
  readonly operation: Operation;
  readonly reader: ReadJson;
  callApi(shared: SharedRead, initiator: Operation): Promise<SharedAnswer>;
}

/** Limits of a refresh in the background. No request waits for it. */
const REFRESH_TIMEOUT_MS = 10_000;
const REFRESH_CALLS = 3;

/** Temporary failures, for which a stale answer may be served instead. */
const OUTAGES: ReadonlySet<string> = new Set(['UPSTREAM_UNAVAILABLE', 'UPSTREAM_TIMEOUT', 'UPSTREAM_INVALID_RESPONSE']);

/** Answers reads from the cache where the type's lifetimes and the request allow it. Otherwise it calls the API, shared. */
export class CachedReads {
  readonly #cache: RecordCache;
  readonly #sharedReads: SharedReads<SharedAnswer>;

  constructor(cache: RecordCache, sharedReads: SharedReads<SharedAnswer>) {
    this.#cache = cache;
    this.#sharedReads = sharedReads;
  }

  read(read: CachedRead): Promise<SharedAnswer> {
    const lookup = this.#cache.lookUp(read.key, read.tag);
    // The lookup is a promise if other instances share the cache over the network.
    return lookup instanceof Promise ? lookup.then((found) => this.#answer(read, found)) : this.#answer(read, lookup);
  }

  async #answer(read: CachedRead, lookup: Lookup): Promise<SharedAnswer> {
    const { operation, lifetimes } = read;
    const directives = operation.freshness?.directives ?? NO_DIRECTIVES;
    const { valid } = lookup;
    if (valid) {
      const freshness = freshnessOf(valid.ageMs, lifetimes, directives);
      if (freshness === 'stale-while-revalidate') this.#refresh(read, lookup);
      if (freshness !== null) return fromCache(read, valid, freshness);
    }
    const start = performance.now();
    try {
      const answer = await this.#callApi(read, lookup, operation);
      operation.freshness?.note(read.call.path, 0, lifetimes.freshForMs);
      return answer;
    } catch (error) {
      const old = valid ?? lookup.unverified;
      if (!(error instanceof GatewayError) || !OUTAGES.has(error.code) || !old) throw error;
      // It aged during the call.
      const current = { answer: old.answer, ageMs: old.ageMs + performance.now() - start };
      if (!mayServeOnError(current.ageMs, lifetimes, directives)) throw error;
      return fromCache(read, current, 'stale-if-error');
    }
  }

  /** Refreshes the answer in the background, unless an equal call is in progress. */
  #refresh(read: CachedRead, lookup: Lookup): void {
    if (this.#sharedReads.has(sharedKeyOf(read, lookup))) return;
    const operation = new Operation({ timeoutMs: REFRESH_TIMEOUT_MS, maxCalls: REFRESH_CALLS });
    this.#callApi(read, lookup, operation)
      .catch(() => undefined)
      .finally(() => operation.end());
  }

  /** Calls the API once for all equal reads, and caches the answer unless it is an error. */
  #callApi(read: CachedRead, lookup: Lookup, operation: Operation): Promise<SharedAnswer> {
    const { key, tag, lifetimes } = read;
    const callAndStore = (shared: SharedRead): Promise<SharedAnswer> =>
      this.#cache.fill({ key, tag, retainMs: retentionOf(lifetimes) }, lookup, async () => {
        const answer = await read.callApi(shared, operation);
        // Throws for an answer that is an error, which must not be cached.
        answer.read(read.reader);
        return answer;
      });
    return this.#sharedReads.run(sharedKeyOf(read, lookup), operation, callAndStore, read.call.endpoint.label);
  }
}

/** Has the cache's version: an operation that saw a newer version must not share a call that began before it. */
function sharedKeyOf({ key }: CachedRead, { version }: Lookup): string {
  return version === '' ? key : `${key} ${version}`;
}

/** Adds the answer's age to the operation's statistics, response headers and trace. */
function fromCache(
  { call: { endpoint, path }, operation, lifetimes }: CachedRead,
  { answer, ageMs }: CachedAnswer,
  freshness: Exclude<ReturnType<typeof freshnessOf>, null>,
): SharedAnswer {
  operation.usage.cached += 1;
  const reason = freshness === 'fresh' ? undefined : freshness;
  if (reason !== undefined) operation.usage.stale += 1;
  operation.freshness?.note(path, ageMs, lifetimes.freshForMs - ageMs, reason);
  operation.trace?.join(endpoint.label, Promise.resolve(), reason === undefined ? 'cached' : 'stale');
  return new SharedAnswer(endpoint, answer);
}
