import { Redis } from 'ioredis';

/**
 * A connection that waits for Redis as long as it is away, and repeats what was under way; `onAway` and `onBack` are told
 * once each time.
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
