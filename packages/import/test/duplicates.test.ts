import { existsSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { unsent } from '../../../src/datatrics/bulk/items.ts';
import { tempFolder } from '../../../test/helpers/import.ts';
import { Sendable } from '../destination.ts';
import { InputError } from '../problem.ts';
import { LastRows } from '../queue/duplicates.ts';
import type { Row } from '../rows.ts';

const NOTHING = { cells: null, text: '', size: 0 };
const { signal } = new AbortController();

function itemOf(row: number, id: string): Sendable {
  return new Sendable({ resource: 'profile', id, source: 's' }, '{}', unsent(row), null);
}

function rowOf(row: number, id: string): Row {
  return { ...NOTHING, row, item: itemOf(row, id), problems: [] };
}

test('rows whose key comes again are found, near and far, twice and many times', async () => {
  const path = tempFolder().path('p.csv.keys');
  writeFileSync(path, 'of a run that was killed');
  const count = 20_000;
  const idOf = (row: number): string => `k${row % 10 === 7 ? row % 1_000 : row % 25 === 3 ? row - 1 : row}`;
  const expected = new Map<string, number>();
  for (let row = 2; row < count; row++) expected.set(idOf(row), row);
  async function* rows(): AsyncGenerator<Row[]> {
    for (let first = 2; first < count; first += 500) {
      yield Array.from({ length: Math.min(500, count - first) }, (_, at) => rowOf(first + at, idOf(first + at)));
    }
  }
  const last = await LastRows.read(rows(), path, signal);
  expect(last.rows).toBe(count - 2);
  const find = last.finder();
  let found = 0;
  for (let row = 2; row < count; row++) {
    const winner = find(itemOf(row, idOf(row)));
    if (winner !== row) found += 1;
    if (winner !== expected.get(idOf(row))) expect.fail(`row ${row} has the winner ${winner}`);
  }
  expect(found).toBeGreaterThan(count / 20);
  last.close();
  expect(existsSync(path)).toBe(false);
});

test('rows that cannot be sent win over none', async () => {
  async function* rows(): AsyncGenerator<Row[]> {
    yield [rowOf(2, 'a'), { ...NOTHING, row: 3, item: null, problems: [{ code: 'MALFORMED', message: 'no' }] }];
    yield [rowOf(4, 'b')];
  }
  const last = await LastRows.read(rows(), tempFolder().path('k'), signal);
  expect([last.rows, last.finder()(itemOf(2, 'a')), last.finder()(itemOf(4, 'b'))]).toEqual([3, 2, 4]);
  last.close();
});

test('leaves no file behind when the input cannot be read to its end', async () => {
  const path = tempFolder().path('k');
  async function* rows(): AsyncGenerator<Row[]> {
    yield [rowOf(2, 'a')];
    throw new InputError('cut off');
  }
  await expect(LastRows.read(rows(), path, signal)).rejects.toThrow('cut off');
  expect(existsSync(path)).toBe(false);
});
