import type { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import type { Caller } from '../datatrics/callers.ts';

/** Limits per principal and minute; undefined means no limit. */
export interface RateLimit {
  readonly requests: number | undefined;
  readonly calls: number | undefined;
}

export interface Taken {
  readonly allowed: boolean;
  /** `RateLimit` and `RateLimit-Policy`, https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/, and `Retry-After` when refused. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Account {
  /** Key in Redis. */
  readonly name: string;
  readonly caller: Caller;
}

export type RateLimiter = ReturnType<typeof createRateLimiter>;

const WINDOW_S = 60;
/** Most callers without an accepted key that one instance counts in Redis within one window. Anyone can invent such keys. */
const MAX_UNVERIFIED = 1_000;
/** ms before pending calls are counted without a further request of the caller. */
const FLUSH_MS = 1_000;
/** Points of one request; a call has one point. So one Redis command counts both, exactly up to 134 million calls a minute. */
const REQUEST = 2 ** 27;

/** A caller's usage in its window, over all instances. */
interface Used {
  readonly requests: number;
  readonly calls: number;
  /** `Date.now()` ms at which the window ends. */
  readonly resetAt: number;
}

/**
 * Creates a rate limiter per caller, in memory or, with Redis, for all instances together. While Redis is unavailable, each
 * instance counts alone. Counts in memory live as long as their `Caller`, so the bound on callers also bounds this memory.
 *
 * A request needs one Redis command: the calls of an operation, known at its end, are counted with the caller's next request,
 * or after a second for all callers together. A caller known to be over the limit is refused without a Redis command.
 */
export function createRateLimiter(limit: RateLimit, redis: Redis | undefined) {
  const { requests: maxRequests = Number.POSITIVE_INFINITY, calls: maxCalls = Number.POSITIVE_INFINITY } = limit;
  const consume = createCounter(redis);
  const limited = (['requests', 'calls'] as const).flatMap((name) => {
    const max = limit[name];
    return max === undefined ? [] : [{ name, max }];
  });
  const policy = limited.map(({ name, max }) => `"${name}";q=${max};w=${WINDOW_S}`).join(', ');
  const exhausted = new WeakMap<Caller, Used>();
  let pending = new Map<Caller, { readonly name: string; calls: number }>();
  let flushTimer: NodeJS.Timeout | undefined;

  async function count(account: Account, points: number): Promise<Used> {
    const used = await consume(account, points);
    if (used.requests >= maxRequests || used.calls >= maxCalls) exhausted.set(account.caller, used);
    return used;
  }

  async function flush(): Promise<void> {
    clearTimeout(flushTimer);
    flushTimer = undefined;
    const flushed = pending;
    pending = new Map();
    await Promise.allSettled([...flushed].map(([caller, { name, calls }]) => count({ name, caller }, calls)));
  }

  function headersOf(used: Used): Record<string, string> {
    const seconds = Math.max(0, Math.ceil((used.resetAt - Date.now()) / 1000));
    const left = limited.map(({ name, max }) => `"${name}";r=${Math.max(0, max - used[name])};t=${seconds}`);
    return { ratelimit: left.join(', '), 'ratelimit-policy': policy };
  }

  function refuse(used: Used): Taken {
    const seconds = Math.max(1, Math.ceil((used.resetAt - Date.now()) / 1000));
    return { allowed: false, headers: { ...headersOf(used), 'retry-after': String(seconds) } };
  }

  return {
    async take(account: Account): Promise<Taken> {
      const { caller } = account;
      const known = exhausted.get(caller);
      if (known && known.resetAt > Date.now()) return refuse(known);
      const calls = pending.get(caller)?.calls ?? 0;
      pending.delete(caller);
      const used = await count(account, REQUEST + calls);
      if (used.requests > maxRequests || used.calls >= maxCalls) return refuse(used);
      return { allowed: true, headers: headersOf(used) };
    },
    /** Counts the REST calls of a request. Too many make the caller's next requests fail. */
    charge({ name, caller }: Account, calls: number): void {
      if (limit.calls === undefined || calls === 0) return;
      pending.set(caller, { name, calls: (pending.get(caller)?.calls ?? 0) + calls });
      flushTimer ??= setTimeout(flush, FLUSH_MS).unref();
    },
    close: flush,
  };
}

/** Creates a function that adds points to a caller's window. It only counts; the rate limiter checks the limits. */
function createCounter(redis: Redis | undefined): (account: Account, points: number) => Promise<Used> {
  const windows = new WeakMap<Caller, { points: number; readonly endsAt: number }>();

  function countHere({ caller }: Account, points: number): Used {
    const now = Date.now();
    let window = windows.get(caller);
    if (window === undefined || window.endsAt <= now) {
      window = { points: 0, endsAt: now + WINDOW_S * 1000 };
      windows.set(caller, window);
    }
    window.points += points;
    return usedOf(window.points, window.endsAt);
  }

  if (redis === undefined) return async (account, points) => countHere(account, points);
  const shared = new RateLimiterRedis({
    keyPrefix: 'rate',
    points: Number.MAX_SAFE_INTEGER,
    duration: WINDOW_S,
    storeClient: redis,
  });
  /** Callers without an accepted key that have an entry in Redis. */
  let unverified = new Set<Caller>();
  let unverifiedUntil = 0;
  function mayUseRedis(caller: Caller): boolean {
    if (caller.isAccepted) return true;
    if (unverifiedUntil <= Date.now()) {
      unverified = new Set();
      unverifiedUntil = Date.now() + WINDOW_S * 1000;
    }
    return unverified.size < MAX_UNVERIFIED ? Boolean(unverified.add(caller)) : unverified.has(caller);
  }
  return async (account, points) => {
    const { name, caller } = account;
    if (!mayUseRedis(caller)) return countHere(account, points);
    // Points counted in memory, before the caller could use Redis or while Redis was unavailable.
    const window = windows.get(caller);
    const before = window && window.endsAt > Date.now() ? window.points : 0;
    windows.delete(caller);
    try {
      const { consumedPoints, msBeforeNext } = await shared.consume(name, points + before);
      return usedOf(consumedPoints, Date.now() + msBeforeNext);
    } catch {
      return countHere(account, points + before);
    }
  };
}

function usedOf(points: number, resetAt: number): Used {
  return { requests: Math.floor(points / REQUEST), calls: points % REQUEST, resetAt };
}
