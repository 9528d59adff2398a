import { expect, test } from 'vitest';
import { Pending, unsent } from '../../../src/datatrics/bulk/items.ts';
import { findLastRows } from '../queue.ts';
import type { Row } from '../records.ts';

const NOTHING = { cells: null, text: '', size: 0, problems: [] };

function itemOf(row: number, id: string): Pending {
  return new Pending({ resource: 'profile', id, source: 's' }, '{}', unsent(row));
}

function rowOf(row: number, id: string): Row {
  return { ...NOTHING, row, item: itemOf(row, id) };
}

test('rows whose key comes again are found, near and far, twice and many times', async () => {
  const count = 20_000;
  const idOf = (row: number): string => `k${row % 10 === 7 ? row % 1_000 : row % 25 === 3 ? row - 1 : row}`;
  const expected = new Map<string, number>();
  for (let row = 2; row < count; row++) expected.set(idOf(row), row);
  async function* batches(): AsyncGenerator<Row[]> {
    for (let first = 2; first < count; first += 500) {
      yield Array.from({ length: Math.min(500, count - first) }, (_, at) => rowOf(first + at, idOf(first + at)));
    }
  }
  const { rows, winnerOf } = await findLastRows(batches());
  expect(rows).toBe(count - 2);
  let found = 0;
  for (let row = 2; row < count; row++) {
    const winner = winnerOf(itemOf(row, idOf(row)));
    if (winner !== row) found += 1;
    if (winner !== expected.get(idOf(row))) expect.fail(`row ${row} has the winner ${winner}`);
  }
  expect(found).toBeGreaterThan(count / 20);
});

test('rows that cannot be sent win over none', async () => {
  async function* batches(): AsyncGenerator<Row[]> {
    yield [rowOf(2, 'a'), { ...NOTHING, row: 3, item: null }];
    yield [rowOf(4, 'b')];
  }
  const { rows, winnerOf } = await findLastRows(batches());
  expect([rows, winnerOf(itemOf(2, 'a')), winnerOf(itemOf(4, 'b'))]).toEqual([3, 2, 4]);
});
