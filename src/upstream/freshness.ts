/** How long an answer of the upstream may be used, in ms. All 0: not at all. */
export interface Lifetimes {
  /** Used without a call. */
  readonly freshForMs: number;
  /** After that: used at once, while a call refreshes it for the next reader. */
  readonly staleWhileRevalidateMs: number;
  /** After `freshForMs`: used where the call failed. */
  readonly staleIfErrorMs: number;
}

export function retentionOf({ freshForMs, staleWhileRevalidateMs, staleIfErrorMs }: Lifetimes): number {
  return freshForMs + Math.max(staleWhileRevalidateMs, staleIfErrorMs);
}

/** What a request allows caches to use, from its `cache-control` header: https://httpwg.org/specs/rfc9111.html#cache-request-directive */
export interface CacheDirectives {
  /** No cached answer, not even when the upstream fails. */
  readonly noCache: boolean;
  readonly maxAgeMs: number;
  /** How long an answer may be stale; undefined where the configuration decides. */
  readonly maxStaleMs: number | undefined;
}

export const NO_DIRECTIVES: CacheDirectives = {
  noCache: false,
  maxAgeMs: Number.POSITIVE_INFINITY,
  maxStaleMs: undefined,
};

/** Unknown and malformed directives are ignored, as RFC 9111 requires. */
export function parseCacheControl(header: string | undefined): CacheDirectives {
  if (header === undefined) return NO_DIRECTIVES;
  let { noCache, maxAgeMs, maxStaleMs } = NO_DIRECTIVES;
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
 * - `stale-while-revalidate`: a call refreshes the answer meanwhile
 * - `stale-if-error`: the call failed
 * - `max-stale`: the request allows it
 */
export type StaleReason = 'stale-while-revalidate' | 'stale-if-error' | 'max-stale';

export interface Staleness {
  readonly ageMs: number;
  readonly reason: StaleReason;
}

/** Whether a cached answer may be used without a call: fresh, stale for a reason, or not (null). */
export function freshnessOf(
  ageMs: number,
  lifetimes: Lifetimes,
  directives: CacheDirectives,
): 'fresh' | StaleReason | null {
  if (directives.noCache || ageMs > directives.maxAgeMs) return null;
  const staleMs = ageMs - lifetimes.freshForMs;
  if (staleMs < 0) return 'fresh';
  if (staleMs > (directives.maxStaleMs ?? Number.POSITIVE_INFINITY)) return null;
  if (staleMs < lifetimes.staleWhileRevalidateMs) return 'stale-while-revalidate';
  return directives.maxStaleMs === undefined || ageMs >= retentionOf(lifetimes) ? null : 'max-stale';
}

export function mayServeOnError(ageMs: number, lifetimes: Lifetimes, directives: CacheDirectives): boolean {
  if (directives.noCache || ageMs > directives.maxAgeMs) return false;
  const staleMs = ageMs - lifetimes.freshForMs;
  return staleMs < lifetimes.staleIfErrorMs && staleMs <= (directives.maxStaleMs ?? Number.POSITIVE_INFINITY);
}

export interface StaleField extends Staleness {
  readonly path: readonly (string | number)[];
}

/** What one operation allows caches to use, and what it got from them. */
export class Freshness {
  readonly directives: CacheDirectives;
  /** Stale answers by path and query of the read. */
  readonly stale = new Map<string, Staleness>();
  oldestMs = 0;
  /** Time for which all answers stay fresh; undefined before the first. */
  #leftMs: number | undefined;
  readonly #fields = new Map<string, StaleField>();

  constructor(directives: CacheDirectives) {
    this.directives = directives;
  }

  /** @param read path and query */
  note(read: string, ageMs: number, leftMs: number, reason?: StaleReason): void {
    this.oldestMs = Math.max(this.oldestMs, ageMs);
    this.#leftMs = Math.min(this.#leftMs ?? Number.POSITIVE_INFINITY, Math.max(0, leftMs));
    if (reason !== undefined) this.stale.set(read, { ageMs: Math.round(ageMs), reason });
    else if (this.stale.size > 0) this.stale.delete(read);
  }

  /** Records a field that a stale answer went into; of several answers the oldest counts. */
  noteField(path: readonly (string | number)[], { ageMs, reason }: Staleness): void {
    const name = JSON.stringify(path);
    const known = this.#fields.get(name);
    if (known === undefined || known.ageMs < ageMs) this.#fields.set(name, { path, ageMs, reason });
  }

  get fields(): readonly StaleField[] {
    return [...this.#fields.values()];
  }

  /** Time for which the whole answer stays fresh; 0 where nothing is known. */
  get leftMs(): number {
    return this.#leftMs ?? 0;
  }
}
