import type { Redis } from '../lib/redis.ts';
import { RecordCache } from './cache.ts';
import { type Lifetimes, retentionOf } from './freshness.ts';

/**
 * The cache of a process.
 *
 * @param lifetimes by type of record; the longest decides how long Redis keeps an answer
 * @param redis shares the answers with other instances; undefined: they stay in the process
 */
export async function createRecordCache(
  maxBytes: number,
  lifetimes: Readonly<Record<string, Lifetimes>>,
  redis: Redis | undefined,
): Promise<RecordCache> {
  const maxRetainMs = Math.max(...Object.values(lifetimes).map(retentionOf));
  const shared = redis && new (await import('./redis-cache.ts')).RedisTier(redis, maxRetainMs);
  return new RecordCache({ maxBytes, shared });
}
