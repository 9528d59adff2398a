/** How long an answer of the API may be used, in ms. All 0: not at all. */
export interface Lifetimes {
  /** Used without asking the API again. */
  readonly freshForMs: number;
  /** After that: used once more and at once, while the API is asked for the next reader. */
  readonly staleWhileRevalidateMs: number;
  /** After `freshForMs`: used where the API was asked and could not answer. */
  readonly staleIfErrorMs: number;
}

/** ms after which nobody can want an answer any more. */
export function retentionOf({ freshForMs, staleWhileRevalidateMs, staleIfErrorMs }: Lifetimes): number {
  return freshForMs + Math.max(staleWhileRevalidateMs, staleIfErrorMs);
}

/** What a request allows of remembered answers: `cache-control`, https://httpwg.org/specs/rfc9111.html#cache-request-directive */
export interface Demand {
  /** None may be used, not even when the API fails. */
  readonly noCache: boolean;
  /** ms: none older than this. */
  readonly maxAgeMs: number;
  /** ms beyond their freshness that they may have; undefined where the request leaves that to the configuration. */
  readonly maxStaleMs: number | undefined;
}

export const ANY: Demand = { noCache: false, maxAgeMs: Number.POSITIVE_INFINITY, maxStaleMs: undefined };

/** Reads a request's `cache-control`; what is unknown or misspelt in it is passed over, as HTTP wants it. */
export function readDemand(header: string | undefined): Demand {
  if (header === undefined) return ANY;
  let { noCache, maxAgeMs, maxStaleMs } = ANY;
  for (const part of header.toLowerCase().split(',')) {
    const [name = '', value] = part.trim().split('=');
    const ms =
      value !== undefined && /^"?\d{1,9}"?$/.test(value) ? Number(value.replaceAll('"', '')) * 1000 : undefined;
    if (name === 'no-cache' || name === 'no-store') noCache = true;
    else if (name === 'max-age' && ms !== undefined) maxAgeMs = ms;
    else if (name === 'max-stale') maxStaleMs = value === undefined ? Number.POSITIVE_INFINITY : ms;
  }
  return { noCache, maxAgeMs, maxStaleMs };
}

/**
 * - `stale-while-revalidate`: the API is being asked again meanwhile
 * - `stale-if-error`: the API could not answer
 * - `max-stale`: the request allowed it
 */
export type StaleReason = 'stale-while-revalidate' | 'stale-if-error' | 'max-stale';

/** Of an answer that is older than it should be. */
export interface Staleness {
  readonly ageMs: number;
  readonly reason: StaleReason;
}

/** Whether a remembered answer may be used without asking the API: fresh, stale for a reason, or not (null). */
export function judge(ageMs: number, lifetimes: Lifetimes, demand: Demand): 'fresh' | StaleReason | null {
  if (demand.noCache || ageMs > demand.maxAgeMs) return null;
  const staleMs = ageMs - lifetimes.freshForMs;
  if (staleMs < 0) return 'fresh';
  if (staleMs > (demand.maxStaleMs ?? Number.POSITIVE_INFINITY)) return null;
  if (staleMs < lifetimes.staleWhileRevalidateMs) return 'stale-while-revalidate';
  return demand.maxStaleMs === undefined || ageMs >= retentionOf(lifetimes) ? null : 'max-stale';
}

/** Whether a remembered answer may stand in for one that the API failed to give. */
export function standsIn(ageMs: number, lifetimes: Lifetimes, demand: Demand): boolean {
  if (demand.noCache || ageMs > demand.maxAgeMs) return false;
  const staleMs = ageMs - lifetimes.freshForMs;
  return staleMs < lifetimes.staleIfErrorMs && staleMs <= (demand.maxStaleMs ?? Number.POSITIVE_INFINITY);
}

/** A field of an answer that was made of something stale. */
export interface StaleField extends Staleness {
  readonly path: readonly (string | number)[];
}

/** What one operation asks of caches, and what it was given by them. */
export class Freshness {
  readonly demand: Demand;
  /** Of the REST reads whose answer was stale, by path and query. */
  readonly stale = new Map<string, Staleness>();
  /** ms: the age of the oldest answer. */
  oldestMs = 0;
  /** ms for which all answers stay fresh; undefined before the first. */
  #leftMs: number | undefined;
  readonly #fields = new Map<string, StaleField>();

  constructor(demand: Demand) {
    this.demand = demand;
  }

  /**
   * Takes note of an answer.
   * @param read path and query
   * @param leftMs for which it stays fresh
   */
  note(read: string, ageMs: number, leftMs: number, reason?: StaleReason): void {
    this.oldestMs = Math.max(this.oldestMs, ageMs);
    this.#leftMs = Math.min(this.#leftMs ?? Number.POSITIVE_INFINITY, Math.max(0, leftMs));
    if (reason !== undefined) this.stale.set(read, { ageMs: Math.round(ageMs), reason });
    else if (this.stale.size > 0) this.stale.delete(read);
  }

  /** Takes note of a field that a stale answer went into; of several the oldest counts. */
  noteField(path: readonly (string | number)[], { ageMs, reason }: Staleness): void {
    const name = JSON.stringify(path);
    const known = this.#fields.get(name);
    if (known === undefined || known.ageMs < ageMs) this.#fields.set(name, { path, ageMs, reason });
  }

  get fields(): readonly StaleField[] {
    return [...this.#fields.values()];
  }

  /** ms for which the whole answer stays fresh; 0 where nothing is known. */
  get leftMs(): number {
    return this.#leftMs ?? 0;
  }
}
