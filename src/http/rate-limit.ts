import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

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
}

const WINDOW_S = 60;
/** Principals whose exhausted calls are remembered; a bound, not a limit on principals. */
const MAX_BLOCKED = 100_000;

/**
 * Limits by principal, in memory or, with Redis, for all instances together. While Redis is away each instance counts by
 * itself.
 */
export function createRateLimiter(limit: RateLimit, redis: Redis | undefined): RateLimiter {
  const requests = createCounter('requests', limit.requests, redis);
  const calls = createCounter('calls', limit.calls, redis);
  const policy = [
    limit.requests === undefined ? [] : [`"requests";q=${limit.requests};w=${WINDOW_S}`],
    limit.calls === undefined ? [] : [`"calls";q=${limit.calls};w=${WINDOW_S}`],
  ].flat();
  /** `Date.now()` ms until which a principal has no calls left. */
  const blocked = new LRUCache<string, number>({ max: MAX_BLOCKED });
  const callsLeft = new LRUCache<string, Left>({ max: MAX_BLOCKED, ttl: WINDOW_S * 1000 });

  function headersOf(taken: Left | undefined, principal: string): Record<string, string> {
    const left = [item('requests', taken), item('calls', callsLeft.get(principal))].filter(
      (text) => text !== undefined,
    );
    return { ...(left.length > 0 && { ratelimit: left.join(', ') }), 'ratelimit-policy': policy.join(', ') };
  }

  return {
    async take(principal) {
      const waitMs = (blocked.get(principal) ?? 0) - Date.now();
      if (waitMs > 0) return { allowed: false, headers: { ...headersOf(undefined, principal), ...retryAfter(waitMs) } };
      if (!requests) return { allowed: true, headers: headersOf(undefined, principal) };
      try {
        return { allowed: true, headers: headersOf(leftOf(await requests.consume(principal)), principal) };
      } catch (refusal) {
        if (!(refusal instanceof RateLimiterRes)) throw refusal;
        return {
          allowed: false,
          headers: { ...headersOf(leftOf(refusal), principal), ...retryAfter(refusal.msBeforeNext) },
        };
      }
    },
    charge(principal, count) {
      if (!calls || count === 0) return;
      const note = (state: unknown): void => {
        if (!(state instanceof RateLimiterRes)) return;
        const left = leftOf(state);
        callsLeft.set(principal, left);
        if (left.points === 0) blocked.set(principal, left.resetAt);
      };
      calls.consume(principal, count).then(note, note);
    },
  };
}

function createCounter(
  name: string,
  points: number | undefined,
  redis: Redis | undefined,
): RateLimiterAbstract | undefined {
  if (points === undefined) return undefined;
  const options = { keyPrefix: `rate:${name}`, points, duration: WINDOW_S };
  const memory = new RateLimiterMemory(options);
  return redis ? new RateLimiterRedis({ ...options, storeClient: redis, insuranceLimiter: memory }) : memory;
}

interface Left {
  readonly points: number;
  /** `Date.now()` ms at which the window ends. */
  readonly resetAt: number;
}

function leftOf(state: RateLimiterRes): Left {
  return { points: Math.max(0, state.remainingPoints), resetAt: Date.now() + state.msBeforeNext };
}

function item(name: string, left: Left | undefined): string | undefined {
  return left && `"${name}";r=${left.points};t=${Math.max(0, Math.ceil((left.resetAt - Date.now()) / 1000))}`;
}

function retryAfter(ms: number): { 'retry-after': string } {
  return { 'retry-after': String(Math.max(1, Math.ceil(ms / 1000))) };
}
