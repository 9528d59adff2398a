import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Quota } from '../pace.ts';
import { PREFIX } from './jobs.ts';

/** Takes the next free moment by Redis's own clock; gives ms until then. */
const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
local following = at + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', following), 'PX', math.ceil((following - now) / 1000) + 1000)
return math.ceil((at - now) / 1000)
`;

/**
 * Spreads the calls of all workers evenly, so that no second sees more than it may. Counting in windows of a second, as
 * rate limiters mostly do, would let twice as many through around the end of one. While Redis is away there are no turns.
 */
export class SharedPace implements Quota {
  /** Calls of all workers; null: no limit. */
  perSecond: number | null = null;
  readonly #redis: Redis;
  readonly #key: string;

  /** @param queue name of the queue: each has a quota of its own */
  constructor(redis: Redis, queue: string) {
    this.#redis = redis;
    this.#key = `${PREFIX}:${queue}:pace`;
  }

  async turn(): Promise<void> {
    if (this.perSecond === null) return;
    const gap = String(Math.round(1_000_000 / this.perSecond));
    const waitMs = (await this.#redis.eval(TAKE, 1, this.#key, gap)) as number;
    if (waitMs > 0) await sleep(waitMs);
  }
}
