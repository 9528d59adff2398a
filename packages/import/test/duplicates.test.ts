import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { unsent } from '../../../src/datatrics/bulk/items.ts';
import { tempFolder } from '../../../test/helpers/import.ts';
import { Sendable } from '../destination.ts';
import { scanKeys } from '../queue/duplicates.ts';
import type { Row } from '../rows.ts';

const NOTHING = { cells: null, text: '', size: 0 };

function rowOf(row: number, id: string): Row {
  const item = new Sendable({ resource: 'profile', id, source: 's' }, '{}', unsent(row), null);
  return { ...NOTHING, row, item, problems: [] };
}

/** Distinct ids. Rows go to disk once 2,048 hashes begin with one byte: `crowded` ids nearly all begin with 0. */
function* idsOf(crowded: boolean): Generator<string> {
  const name = rowOf(0, '@').item?.name ?? '';
  for (let n = 0; ; n++) {
    const digest = hash('sha256', name.replace('@', `k${n}`), 'buffer');
    if (!crowded || digest[0] === 0 || n % 2_000 === 0) yield `k${n}`;
  }
}

test.each([
  ['in memory', 2_000, false],
  ['by way of the disk', 3_000, true],
])('rows whose key comes again are found %s', async (_, count, onDisk) => {
  const { path } = tempFolder();
  const folder = path('p.csv.keys');
  // Near and far, twice and many times.
  const ids = idsOf(onDisk).take(count).toArray();
  const idOf = (row: number): string => ids[row % 10 === 7 ? row % 1_000 : row % 25 === 3 ? row - 1 : row] as string;
  const last = new Map<string, number>();
  for (let row = 2; row < count; row++) last.set(idOf(row), row);
  let wasOnDisk = false;
  async function* rows(): AsyncGenerator<Row[]> {
    for (let first = 2; first < count; first += 500) {
      yield Array.from({ length: Math.min(500, count - first) }, (_, at) => rowOf(first + at, idOf(first + at)));
    }
    wasOnDisk = existsSync(folder);
  }
  const scan = await scanKeys(rows(), folder, () => false);
  expect(scan.rows).toBe(count - 2);
  let found = 0;
  for (let row = 2; row < count; row++) {
    const winner = last.get(idOf(row));
    const expected = winner === row ? undefined : winner;
    if (expected !== undefined) found += 1;
    if (scan.duplicates.winnerOf(row) !== expected) expect.fail(`row ${row} has another winner than ${expected}`);
  }
  expect(found).toBeGreaterThan(count / 20);
  expect({ wasOnDisk, isThere: existsSync(folder) }).toEqual({ wasOnDisk: onDisk, isThere: false });
});

test('rows that can not be sent win over none', async () => {
  async function* rows(): AsyncGenerator<Row[]> {
    yield [rowOf(2, 'a'), { ...NOTHING, row: 3, item: null, problems: [{ code: 'MALFORMED', message: 'no' }] }];
    yield [rowOf(4, 'b')];
  }
  const { duplicates, rows: count } = await scanKeys(rows(), tempFolder().path('k'), () => false);
  expect([count, duplicates.winnerOf(2), duplicates.winnerOf(4)]).toEqual([3, undefined, undefined]);
});
