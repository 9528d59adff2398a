import { expect, test } from 'vitest';
import { startWithUpstream } from '../helpers/gateway.ts';
import { heapInUse } from '../helpers/memory.ts';

const gateway = await startWithUpstream(() => ({ profileid: '1', source: 'S', name: 'Ada' }));

const used = '{ profile(profileId: "1", source: "S") { name } }';

test('a flood of distinct documents does not fill the memory', async () => {
  const padding = '#'.repeat(64_000);
  const flood = async (from: number, count: number): Promise<void> => {
    for (let i = from; i < from + count; i += 50) {
      await Promise.all(
        Array.from({ length: 50 }, (_, n) => gateway.query(`query F${i + n} { __typename } ${padding}`)),
      );
    }
  };
  await flood(0, 200);
  const before = heapInUse();
  await flood(200, 350);
  // 22 MB of text went in since, of which nothing may stay.
  expect(heapInUse() - before).toBeLessThan(12 * 1024 * 1024);
  expect((await gateway.query(used)).body.data).toEqual({ profile: { name: 'Ada' } });
});
