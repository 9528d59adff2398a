import { Redis } from 'ioredis';
import type { Logger } from './log.ts';

export type { Redis };

/** Creates a Redis client. While Redis is unavailable, commands fail at once. Each loss and each recovery is logged once. */
export function connectRedis(url: string, log: Logger): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    commandTimeout: 500,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  });
  let isUnavailable = false;
  redis.on('error', (error) => {
    if (isUnavailable) return;
    isUnavailable = true;
    log.warn(
      { err: error },
      'Redis is unavailable: each instance counts rate limits for itself, and calls the API for cached types',
    );
  });
  redis.on('ready', () => {
    if (isUnavailable) log.info('Redis is available again');
    isUnavailable = false;
  });
  return redis;
}
