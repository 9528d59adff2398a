import { expect, test } from 'vitest';
import { startWithUpstream } from '../helpers/gateway.ts';
import { heapInUse } from '../helpers/memory.ts';

const gateway = await startWithUpstream(() => ({ profileid: '1', source: 'S', name: 'Ada' }));

const used = '{ profile(profileId: "1", source: "S") { name } }';

test('a flood of distinct documents neither fills the memory nor pushes out for long what is used', async () => {
  const padding = '#'.repeat(64_000);
  const flood = async (from: number, count: number): Promise<void> => {
    for (let i = from; i < from + count; i += 50) {
      await Promise.all(
        Array.from({ length: 50 }, (_, n) => gateway.query(`query F${i + n} { __typename } ${padding}`)),
      );
    }
  };
  await flood(0, 500);
  const before = heapInUse();
  await flood(500, 500);
  // 32 MB of text went in since; the cache keeps the latest of them within its 64 MiB, as it did before.
  expect(heapInUse() - before).toBeLessThan(12 * 1024 * 1024);
  expect((await gateway.query(used)).body.data).toEqual({ profile: { name: 'Ada' } });
});
