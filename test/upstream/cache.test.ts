import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { type Lookup, RecordCache } from '../../src/upstream/cache.ts';

async function put(cache: RecordCache, key: string, tag: string, body: string, retainMs = 60_000): Promise<void> {
  const answer = { status: 200, body };
  await cache.fill({ key, tag, retainMs }, cache.lookUp(key, tag) as Lookup, async () => ({ answer }));
}

const get = (cache: RecordCache, key: string): string | undefined =>
  (cache.lookUp(key, '') as Lookup).valid?.answer.body;

test('stays within its bytes, and evicts the least recently used entry', async () => {
  const cache = new RecordCache(20_000);
  for (let i = 0; i < 100; i++) {
    await put(cache, `key ${i}`, `tag ${i}`, 'x'.repeat(1_000));
    get(cache, 'key 0');
    expect(cache.bytes).toBeLessThanOrEqual(20_000);
  }
  await put(cache, 'large', 't', 'x'.repeat(20_000));
  const kept = ['key 0', 'key 1', 'key 99', 'large'].filter((key) => get(cache, key) !== undefined);
  expect(kept).toEqual(['key 0', 'key 99']);
});

test('drops an entry after its lifetime, independent of the system clock', async () => {
  const cache = new RecordCache(100_000);
  await put(cache, 'a', 't', 'x', 80);
  const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 86_400_000);
  expect((cache.lookUp('a', 't') as Lookup).valid?.ageMs).toBeLessThan(80);
  clock.mockReturnValue(0);
  await sleep(100);
  expect(get(cache, 'a')).toBeUndefined();
  clock.mockRestore();
});
