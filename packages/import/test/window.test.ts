import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Pending, unsent } from '../../../src/datatrics/bulk/items.ts';
import { canonicalKey, type RecordKey } from '../../../src/datatrics/keys.ts';
import { runs } from '../../../test/helpers/runs.ts';
import type { Row } from '../records.ts';
import { type Window, windows } from '../run.ts';

const rowOf = (key: RecordKey, row: number, size = 10): Row => {
  const item = new Pending(key, '{}', unsent(row));
  return { row, cells: null, text: '', size, item, problems: [] };
};

async function cut(batches: Row[][]): Promise<Window[]> {
  async function* source(): AsyncGenerator<Row[]> {
    yield* batches;
  }
  return Array.fromAsync(windows(source()));
}

const keys = fc.record({
  resource: fc.constant('content' as const),
  id: fc.constantFrom('1', '2', ':', '%3A', 'ITEM'),
  source: fc.constantFrom('a', 'b', ':', 'a:1'),
  type: fc.constantFrom('ITEM' as const, 'CATEGORY' as const),
});

describe('windows', () => {
  test('tell the last row of each key, and have its keys', async () => {
    const some = fc.array(keys, { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(some, some, async (first, second) => {
        const [a] = (await cut([first.map((key, row) => rowOf(key, row))])) as [Window];
        const [b] = (await cut([second.map((key, row) => rowOf(key, row))])) as [Window];
        const names = first.map(canonicalKey);
        const later = names.map((name, row) => [row, names.lastIndexOf(name)] as const);
        expect([...a.later].sort((x, y) => x[0] - y[0])).toEqual(later.filter(([row, last]) => row !== last));
        const others = new Set(second.map(canonicalKey));
        expect(a.keys.isDisjointFrom(b.keys)).toBe(names.every((name) => !others.has(name)));
      }),
      { numRuns: runs(500) },
    );
  });

  test('are cut by rows and by bytes, wherever the batches end', async () => {
    const rows = Array.from({ length: 2_500 }, (_, i) => {
      return rowOf({ resource: 'profile', id: String(i), source: 's' }, i, i < 1_200 ? 10 : 1_000_000);
    });
    const batchesOf = (size: number) =>
      Array.from({ length: Math.ceil(rows.length / size) }, (_, at) => rows.slice(at * size, at * size + size));
    const sizes = async (size: number) => (await cut(batchesOf(size))).map(({ rows: { length } }) => length);
    expect((await sizes(64)).slice(0, 4)).toEqual([1_000, 205, 5, 5]);
    expect(await sizes(7)).toEqual(await sizes(999));
  });
});
