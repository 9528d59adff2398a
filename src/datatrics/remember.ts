import { GatewayError } from '../lib/error.ts';
import { ANY, judge, type Lifetimes, retentionOf, standsIn } from '../lib/freshness.ts';
import { Operation } from '../lib/operation.ts';
import type { Answer, Lookup, RecordCache, Remembered } from '../transport/cache.ts';
import type { Flight, InFlight } from '../transport/share.ts';
import type { Resource } from './endpoints.ts';

/** What is remembered of the API's answers, and for how long; the cache is one for the whole process. */
export interface FreshnessOptions {
  readonly cache: RecordCache;
  /** A type that is left out is always asked for. */
  readonly lifetimes: Readonly<Partial<Record<Resource, Lifetimes>>>;
}

/** One read that may be answered from memory. */
export interface Read<T> {
  /** On whose behalf, and what: no two callers have one. */
  readonly key: string;
  /** Path and query. */
  readonly path: string;
  /** What a write has to name for this to be out of date. */
  readonly tag: string;
  readonly lifetimes: Lifetimes;
  readonly operation: Operation;
  send(flight: Flight): Promise<Answer>;
  /** Throws for an answer that is an error: it is not remembered. */
  decode(answer: Answer): T;
}

/** ms that the API gets for an answer nobody waits for. */
const REFRESH_TIMEOUT_MS = 10_000;
const REFRESH_CALLS = 3;

/** Failures that pass, in whose place an older answer is better than none. */
const OUTAGES: ReadonlySet<string> = new Set(['UPSTREAM_UNAVAILABLE', 'UPSTREAM_TIMEOUT', 'UPSTREAM_INVALID_RESPONSE']);

/**
 * Answers reads from memory where their type's lifetimes and the request allow, and otherwise asks the API, once for all
 * who wait for the same.
 */
export class Memory<T> {
  readonly #cache: RecordCache;
  readonly #inFlight: InFlight<T>;

  constructor(cache: RecordCache, inFlight: InFlight<T>) {
    this.#cache = cache;
    this.#inFlight = inFlight;
  }

  read(read: Read<T>): Promise<T> {
    const lookup = this.#cache.look(read.key, read.tag);
    // A cache of other instances as well is asked over a network.
    return lookup instanceof Promise ? lookup.then((found) => this.#answer(read, found)) : this.#answer(read, lookup);
  }

  async #answer(read: Read<T>, lookup: Lookup): Promise<T> {
    const { operation, lifetimes } = read;
    const demand = operation.freshness?.demand ?? ANY;
    const { valid } = lookup;
    if (valid) {
      const verdict = judge(valid.ageMs, lifetimes, demand);
      if (verdict === 'stale-while-revalidate') this.#refresh(read, lookup);
      if (verdict !== null) return give(read, valid, verdict);
    }
    try {
      const value = await this.#ask(read, lookup, operation);
      operation.freshness?.note(read.path, 0, lifetimes.freshForMs);
      return value;
    } catch (error) {
      const old = valid ?? lookup.unverified;
      if (!(error instanceof GatewayError) || !OUTAGES.has(error.code) || !old) throw error;
      // It has become older while the API was asked.
      const now = this.#latest(read, old);
      if (!standsIn(now.ageMs, lifetimes, demand)) throw error;
      return give(read, now, 'stale-if-error');
    }
  }

  #latest({ key, tag }: Read<T>, old: Remembered): Remembered {
    const lookup = this.#cache.look(key, tag);
    return lookup instanceof Promise ? old : (lookup.valid ?? old);
  }

  /** Asks for the next reader's sake, unless that is being done. */
  #refresh(read: Read<T>, lookup: Lookup): void {
    if (this.#inFlight.has(flightOf(read, lookup))) return;
    const operation = new Operation({ timeoutMs: REFRESH_TIMEOUT_MS, maxCalls: REFRESH_CALLS });
    this.#ask(read, lookup, operation)
      .catch(() => undefined)
      .finally(() => operation.end());
  }

  #ask(read: Read<T>, lookup: Lookup, operation: Operation): Promise<T> {
    return this.#inFlight.run(flightOf(read, lookup), operation, async (flight) => {
      const ticket = this.#cache.open(read.key, read.tag, lookup);
      let answer: Answer | undefined;
      try {
        const sent = await read.send(flight);
        const value = read.decode(sent);
        answer = sent;
        return value;
      } finally {
        this.#cache.close(ticket, answer, retentionOf(read.lifetimes));
      }
    });
  }
}

/** Who has seen a newer version must not be given what was asked for before. */
function flightOf({ key }: Read<unknown>, { version }: Lookup): string {
  return version === '' ? key : `${key} ${version}`;
}

function give<T>(
  { operation, path, lifetimes, decode }: Read<T>,
  { answer, ageMs }: Remembered,
  verdict: Exclude<ReturnType<typeof judge>, null>,
): T {
  operation.usage.cached += 1;
  const reason = verdict === 'fresh' ? undefined : verdict;
  if (reason !== undefined) operation.usage.stale += 1;
  operation.freshness?.note(path, ageMs, lifetimes.freshForMs - ageMs, reason);
  return decode(answer);
}
