import { GatewayError } from '../lib/error.ts';
import type { Answer, Lookup, RecordCache, Remembered } from '../upstream/cache.ts';
import type { Flight, InFlight } from '../upstream/dedupe.ts';
import { ANY, judge, type Lifetimes, retentionOf, standsIn } from '../upstream/freshness.ts';
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
  ask(flight: Flight, by: Operation): Promise<SharedAnswer>;
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
  readonly #inFlight: InFlight<SharedAnswer>;

  constructor(cache: RecordCache, inFlight: InFlight<SharedAnswer>) {
    this.#cache = cache;
    this.#inFlight = inFlight;
  }

  read(read: CachedRead): Promise<SharedAnswer> {
    const lookup = this.#cache.look(read.key, read.tag);
    // A cache shared with other instances is asked over the network.
    return lookup instanceof Promise ? lookup.then((found) => this.#answer(read, found)) : this.#answer(read, lookup);
  }

  async #answer(read: CachedRead, lookup: Lookup): Promise<SharedAnswer> {
    const { operation, lifetimes } = read;
    const demand = operation.freshness?.demand ?? ANY;
    const { valid } = lookup;
    if (valid) {
      const verdict = judge(valid.ageMs, lifetimes, demand);
      if (verdict === 'stale-while-revalidate') this.#refresh(read, lookup);
      if (verdict !== null) return give(read, valid, verdict);
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
      if (!standsIn(now.ageMs, lifetimes, demand)) throw error;
      return give(read, now, 'stale-if-error');
    }
  }

  #latest({ key, tag }: CachedRead, old: Remembered): Remembered {
    const lookup = this.#cache.look(key, tag);
    return lookup instanceof Promise ? old : (lookup.valid ?? old);
  }

  /** Calls the API for the next reader, unless such a call is under way. */
  #refresh(read: CachedRead, lookup: Lookup): void {
    if (this.#inFlight.has(flightOf(read, lookup))) return;
    const operation = new Operation({ timeoutMs: REFRESH_TIMEOUT_MS, maxCalls: REFRESH_CALLS });
    this.#ask(read, lookup, operation)
      .catch(() => undefined)
      .finally(() => operation.end());
  }

  #ask(read: CachedRead, lookup: Lookup, operation: Operation): Promise<SharedAnswer> {
    const ask = async (flight: Flight): Promise<SharedAnswer> => {
      const ticket = this.#cache.open(read.key, read.tag, lookup);
      let good: Answer | undefined;
      try {
        const shared = await read.ask(flight, operation);
        // Throws for an answer that is an error: it is not cached.
        shared.read(read.reader);
        good = shared.answer;
        return shared;
      } finally {
        this.#cache.close(ticket, good, retentionOf(read.lifetimes));
      }
    };
    return this.#inFlight.run(flightOf(read, lookup), operation, ask, labelOf(read.endpoint));
  }
}

/** Operations that have seen a newer version must not share a call that was made before it. */
function flightOf({ key }: CachedRead, { version }: Lookup): string {
  return version === '' ? key : `${key} ${version}`;
}

function give(
  { endpoint, operation, path, lifetimes }: CachedRead,
  { answer, ageMs }: Remembered,
  verdict: Exclude<ReturnType<typeof judge>, null>,
): SharedAnswer {
  operation.usage.cached += 1;
  const reason = verdict === 'fresh' ? undefined : verdict;
  if (reason !== undefined) operation.usage.stale += 1;
  operation.freshness?.note(path, ageMs, lifetimes.freshForMs - ageMs, reason);
  operation.trace?.join(labelOf(endpoint), Promise.resolve(), reason === undefined ? 'cached' : 'stale');
  return new SharedAnswer(endpoint, answer);
}
