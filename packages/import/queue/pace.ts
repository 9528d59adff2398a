import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Pace } from '../pace.ts';
import { PREFIX } from './jobs.ts';

/** Reserves the next free time slot, by the clock of Redis. Returns the ms until then. */
const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
local following = at + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', following), 'PX', math.ceil((following - now) / 1000) + 1000)
return math.ceil((at - now) / 1000)
`;

/**
 * Spaces the calls of all workers evenly, so that no second exceeds the rate. Fixed windows of a second, as in most rate
 * limiters, would allow twice the rate around the end of a window. While Redis is unavailable, calls wait.
 *
 * @param queue name of the queue; each queue has its own rate
 * @param perSecond calls per second of all workers together; null: no limit
 */
export function createSharedPace(redis: Redis, queue: string, perSecond: number | null): Pace {
  return async function turn() {
    if (perSecond === null) return;
    const gap = String(Math.round(1_000_000 / perSecond));
    const waitMs = (await redis.eval(TAKE, 1, `${PREFIX}:${queue}:pace`, gap)) as number;
    if (waitMs > 0) await sleep(waitMs);
  };
}
