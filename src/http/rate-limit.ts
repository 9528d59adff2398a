import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterRedis,
  type RateLimiterRes,
} from 'rate-limiter-flexible';

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

export interface RateLimiter {
  /** Counts one request of a principal. */
  take(principal: string): Promise<Taken>;
  /** Counts the REST calls that it made; what goes over the limit stops the principal's next requests. */
  charge(principal: string, calls: number): void;
  /** Counts what is not counted yet. */
  close(): Promise<void>;
}

const WINDOW_S = 60;
/** Principals whose last state is remembered; a bound, not a limit on principals. */
const MAX_REMEMBERED = 100_000;
/** ms after which calls are counted whose principal sent nothing more. */
const SETTLE_MS = 1_000;
/**
 * Requests and calls of a principal are one number, so that one command counts both: calls below this, requests above.
 * Both stay exact up to 134 million calls and 67 million requests in a minute.
 */
const REQUEST = 2 ** 27;

/** What a principal has used in its window, by all instances. */
interface Used {
  readonly requests: number;
  readonly calls: number;
  /** `Date.now()` ms at which the window ends. */
  readonly resetAt: number;
}

/**
 * Limits by principal, in memory or, with Redis, for all instances together. While Redis is away each instance counts by
 * itself.
 *
 * One command to Redis per request: the calls of an operation, which are known at its end, are counted along with the
 * principal's next request. Where none comes within a second, they are counted then, all principals' at once. A principal
 * known to have nothing left is turned away without asking.
 */
export function createRateLimiter(limit: RateLimit, redis: Redis | undefined): RateLimiter {
  const { requests: maxRequests = Number.POSITIVE_INFINITY, calls: maxCalls = Number.POSITIVE_INFINITY } = limit;
  const counter = createCounter(redis);
  const policy = [
    limit.requests === undefined ? [] : [`"requests";q=${limit.requests};w=${WINDOW_S}`],
    limit.calls === undefined ? [] : [`"calls";q=${limit.calls};w=${WINDOW_S}`],
  ]
    .flat()
    .join(', ');
  /** Of principals with nothing left. */
  const exhausted = new LRUCache<string, Used>({ max: MAX_REMEMBERED, ttl: WINDOW_S * 1000 });
  /** Calls that are not counted yet. */
  let owed = new Map<string, number>();
  let settling: NodeJS.Timeout | undefined;

  async function count(principal: string, points: number): Promise<Used> {
    const used = usedOf(await counter.consume(principal, points));
    if (used.requests >= maxRequests || used.calls >= maxCalls) exhausted.set(principal, used);
    return used;
  }

  async function settle(): Promise<void> {
    clearTimeout(settling);
    settling = undefined;
    const due = owed;
    owed = new Map();
    await Promise.allSettled([...due].map(([principal, calls]) => count(principal, calls)));
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
    async take(principal) {
      const known = exhausted.get(principal);
      if (known && known.resetAt > Date.now()) return refuse(known);
      const calls = owed.get(principal) ?? 0;
      owed.delete(principal);
      const used = await count(principal, REQUEST + calls);
      if (used.requests > maxRequests || used.calls >= maxCalls) return refuse(used);
      return { allowed: true, headers: headersOf(used) };
    },
    charge(principal, calls) {
      if (limit.calls === undefined || calls === 0) return;
      owed.set(principal, (owed.get(principal) ?? 0) + calls);
      settling ??= setTimeout(settle, SETTLE_MS).unref();
    },
    close: settle,
  };
}

/** Counts without a limit of its own; what is too much is judged here. */
function createCounter(redis: Redis | undefined): RateLimiterAbstract {
  const options = { keyPrefix: 'rate', points: Number.MAX_SAFE_INTEGER, duration: WINDOW_S };
  const memory = new RateLimiterMemory(options);
  return redis ? new RateLimiterRedis({ ...options, storeClient: redis, insuranceLimiter: memory }) : memory;
}

function usedOf({ consumedPoints, msBeforeNext }: RateLimiterRes): Used {
  return {
    requests: Math.floor(consumedPoints / REQUEST),
    calls: consumedPoints % REQUEST,
    resetAt: Date.now() + msBeforeNext,
  };
}
