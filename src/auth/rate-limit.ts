import type { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import type { Caller } from '../datatrics/callers.ts';

/** Per principal and minute; undefined where there is no limit. */
export interface RateLimit {
  readonly requests: number | undefined;
  readonly calls: number | undefined;
}

export interface Taken {
  /** Whether the request may go on. */
  readonly allowed: boolean;
  /** `RateLimit` and `RateLimit-Policy`, https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/, and `Retry-After` when refused. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Whose requests and calls are counted together. */
export interface Account {
  /** In Redis. */
  readonly name: string;
  readonly caller: Caller;
}

export interface RateLimiter {
  /** Counts one request of a caller. */
  take(account: Account): Promise<Taken>;
  /** Counts the REST calls that it made; what goes over the limit stops the caller's next requests. */
  charge(account: Account, calls: number): void;
  /** Counts what is not counted yet. */
  close(): Promise<void>;
}

const WINDOW_S = 60;
/** Callers without an accepted key that one instance gives a place in Redis within one window. */
const MAX_STRANGERS = 1_000;
/** ms after which calls are counted whose caller sent nothing more. */
const SETTLE_MS = 1_000;
/**
 * Requests and calls of a caller are one number, so that one command counts both: calls below this, requests above.
 * Both stay exact up to 134 million calls and 67 million requests in a minute.
 */
const REQUEST = 2 ** 27;

/** What a caller has used in its window, by all instances. */
interface Used {
  readonly requests: number;
  readonly calls: number;
  /** `Date.now()` ms at which the window ends. */
  readonly resetAt: number;
}

/**
 * Limits by caller, in memory or, with Redis, for all instances together. While Redis is away each instance counts by itself.
 * Callers whose key the API has not accepted can be invented in any number: only so many of them get a place in Redis, and
 * each instance counts the others by itself. What is counted in memory goes with its `Caller`, so the bounds on callers are
 * the bounds here.
 *
 * One command to Redis per request: the calls of an operation, which are known at its end, are counted along with the
 * caller's next request. Where none comes within a second, they are counted then, all callers' at once. A caller
 * known to have nothing left is refused without asking.
 */
export function createRateLimiter(limit: RateLimit, redis: Redis | undefined): RateLimiter {
  const { requests: maxRequests = Number.POSITIVE_INFINITY, calls: maxCalls = Number.POSITIVE_INFINITY } = limit;
  const consume = createCounter(redis);
  const policy = [
    limit.requests === undefined ? [] : [`"requests";q=${limit.requests};w=${WINDOW_S}`],
    limit.calls === undefined ? [] : [`"calls";q=${limit.calls};w=${WINDOW_S}`],
  ]
    .flat()
    .join(', ');
  /** Of callers with nothing left. */
  const exhausted = new WeakMap<Caller, Used>();
  /** Calls that are not counted yet. */
  let owed = new Map<Caller, { readonly name: string; calls: number }>();
  let settling: NodeJS.Timeout | undefined;

  async function count(account: Account, points: number): Promise<Used> {
    const used = usedOf(await consume(account, points));
    if (used.requests >= maxRequests || used.calls >= maxCalls) exhausted.set(account.caller, used);
    return used;
  }

  async function settle(): Promise<void> {
    clearTimeout(settling);
    settling = undefined;
    const due = owed;
    owed = new Map();
    await Promise.allSettled([...due].map(([caller, { name, calls }]) => count({ name, caller }, calls)));
  }

  function headersOf(used: Used): Record<string, string> {
    const seconds = Math.max(0, Math.ceil((used.resetAt - Date.now()) / 1000));
    const left = (name: string, max: number, spent: number): string[] =>
      max === Number.POSITIVE_INFINITY ? [] : [`"${name}";r=${Math.max(0, max - spent)};t=${seconds}`];
    const items = [...left('requests', maxRequests, used.requests), ...left('calls', maxCalls, used.calls)];
    return { ratelimit: items.join(', '), 'ratelimit-policy': policy };
  }

  function refuse(used: Used): Taken {
    const seconds = Math.max(1, Math.ceil((used.resetAt - Date.now()) / 1000));
    return { allowed: false, headers: { ...headersOf(used), 'retry-after': String(seconds) } };
  }

  return {
    async take(account) {
      const { caller } = account;
      const known = exhausted.get(caller);
      if (known && known.resetAt > Date.now()) return refuse(known);
      const calls = owed.get(caller)?.calls ?? 0;
      owed.delete(caller);
      const used = await count(account, REQUEST + calls);
      if (used.requests > maxRequests || used.calls >= maxCalls) return refuse(used);
      return { allowed: true, headers: headersOf(used) };
    },
    charge({ name, caller }, calls) {
      if (limit.calls === undefined || calls === 0) return;
      owed.set(caller, { name, calls: (owed.get(caller)?.calls ?? 0) + calls });
      settling ??= setTimeout(settle, SETTLE_MS).unref();
    },
    close: settle,
  };
}

/** Points in the window of a caller. */
interface Consumed {
  readonly consumedPoints: number;
  readonly msBeforeNext: number;
}

/** Adds points to a caller's window; without a limit of its own, which is judged elsewhere. */
function createCounter(redis: Redis | undefined): (account: Account, points: number) => Promise<Consumed> {
  const windows = new WeakMap<Caller, { points: number; readonly endsAt: number }>();

  function countHere({ caller }: Account, points: number): Consumed {
    const now = Date.now();
    let window = windows.get(caller);
    if (window === undefined || window.endsAt <= now) {
      window = { points: 0, endsAt: now + WINDOW_S * 1000 };
      windows.set(caller, window);
    }
    window.points += points;
    return { consumedPoints: window.points, msBeforeNext: window.endsAt - now };
  }

  if (redis === undefined) return async (account, points) => countHere(account, points);
  const shared = new RateLimiterRedis({
    keyPrefix: 'rate',
    points: Number.MAX_SAFE_INTEGER,
    duration: WINDOW_S,
    storeClient: redis,
  });
  let strangers = new Set<Caller>();
  let strangersUntil = 0;
  function hasPlace(caller: Caller): boolean {
    if (caller.isAccepted) return true;
    if (strangersUntil <= Date.now()) {
      strangers = new Set();
      strangersUntil = Date.now() + WINDOW_S * 1000;
    }
    return strangers.size < MAX_STRANGERS ? Boolean(strangers.add(caller)) : strangers.has(caller);
  }
  return async (account, points) => {
    const { name, caller } = account;
    if (!hasPlace(caller)) return countHere(account, points);
    // What was counted here before, while the caller had no place or Redis was away.
    const window = windows.get(caller);
    const before = window && window.endsAt > Date.now() ? window.points : 0;
    windows.delete(caller);
    try {
      return await shared.consume(name, points + before);
    } catch {
      return countHere(account, points + before);
    }
  };
}

function usedOf({ consumedPoints, msBeforeNext }: Consumed): Used {
  return {
    requests: Math.floor(consumedPoints / REQUEST),
    calls: consumedPoints % REQUEST,
    resetAt: Date.now() + msBeforeNext,
  };
}
