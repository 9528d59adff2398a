import { Redis } from 'ioredis';

/**
 * Opens a connection that waits while Redis is unavailable, and then repeats the commands in flight. Calls `onAway` and
 * `onBack` once per outage.
 */
export function connectQueue(url: string, onAway: (reason: string) => void, onBack: () => void): Redis {
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    connectTimeout: 5_000,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  });
  let away = false;
  redis.on('error', ({ message }) => {
    if (!away) onAway(message);
    away = true;
  });
  redis.on('ready', () => {
    if (away) onBack();
    away = false;
  });
  return redis;
}
