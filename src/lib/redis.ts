import { Redis } from 'ioredis';
import type { Logger } from './log.ts';

export type { Redis };

/**
 * A connection that never holds up a request: while Redis is away commands fail at once, and it is said in the log once
 * each time it goes and comes.
 */
export function connectRedis(url: string, log: Logger): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    commandTimeout: 500,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  });
  let away = false;
  redis.on('error', (error) => {
    if (away) return;
    away = true;
    log.warn({ err: error }, 'Redis is unavailable: rate limits and caches are per instance');
  });
  redis.on('ready', () => {
    if (away) log.info('Redis is available again');
    away = false;
  });
  return redis;
}
