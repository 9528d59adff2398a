import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { type Lookup, RecordCache } from '../../src/upstream/cache.ts';

const answer = (body: string) => ({ status: 200, body });

function put(cache: RecordCache, key: string, tag: string, body: string, retainMs = 60_000): void {
  const lookup = cache.lookUp(key, tag) as Lookup;
  cache.endFill(cache.beginFill(key, tag, lookup), answer(body), retainMs);
}

const get = (cache: RecordCache, key: string): string | undefined =>
  (cache.lookUp(key, '') as Lookup).valid?.answer.body;

describe('a cache of answers', () => {
  test('stays within its bytes, and evicts the least recently used entry', () => {
    const cache = new RecordCache({ maxBytes: 20_000 });
    for (let i = 0; i < 100; i++) {
      put(cache, `key ${i}`, `tag ${i}`, 'x'.repeat(1_000));
      get(cache, 'key 0');
      expect(cache.bytes).toBeLessThanOrEqual(20_000);
    }
    expect(get(cache, 'key 0')).toBeDefined();
    expect(get(cache, 'key 1')).toBeUndefined();
    expect(get(cache, 'key 99')).toBeDefined();
  });

  test('does not keep an entry that is larger than the cache', () => {
    const cache = new RecordCache({ maxBytes: 20_000 });
    put(cache, 'small', 't', 'x');
    put(cache, 'large', 't', 'x'.repeat(20_000));
    expect(get(cache, 'large')).toBeUndefined();
    expect(get(cache, 'small')).toBe('x');
  });

  test('invalidates by tag, and nothing else', async () => {
    const cache = new RecordCache({ maxBytes: 100_000 });
    put(cache, 'a', '1/profile/1', 'a');
    put(cache, 'b', '1/profile/1', 'b');
    put(cache, 'c', '1/profile/2', 'c');
    await cache.invalidate(['1/profile/1', '1/profile']);
    expect(['a', 'b', 'c'].map((key) => get(cache, key))).toEqual([undefined, undefined, 'c']);
  });

  test('does not keep an answer when a write came during the call', () => {
    const cache = new RecordCache({ maxBytes: 100_000 });
    const fill = cache.beginFill('a', 't', cache.lookUp('a', 't') as Lookup);
    const other = cache.beginFill('b', 'u', cache.lookUp('b', 'u') as Lookup);
    cache.invalidate(['t']);
    cache.endFill(fill, answer('old'), 60_000);
    cache.endFill(other, answer('fine'), 60_000);
    expect(get(cache, 'a')).toBeUndefined();
    expect(get(cache, 'b')).toBe('fine');
  });

  test('drops an entry after its lifetime, independent of the system clock', async () => {
    const cache = new RecordCache({ maxBytes: 100_000 });
    put(cache, 'a', 't', 'x', 80);
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 86_400_000);
    expect((cache.lookUp('a', 't') as Lookup).valid?.ageMs).toBeLessThan(80);
    clock.mockReturnValue(0);
    await sleep(100);
    expect(get(cache, 'a')).toBeUndefined();
    clock.mockRestore();
  });
});
