import { expect, test } from 'vitest';
import { judgeShortPage } from '../../src/datatrics/page-caps.ts';

const page = (rows: number, total: number | null, pages: number | null) => ({
  rows: Array(rows).fill({}),
  total,
  pages,
});

test.each<[what: string, got: number, total: number | null, pages: number | null, number: number, expected: unknown]>([
  ['full', 100, 250, 3, 1, 'whole'],
  ['empty', 0, 250, 3, 4, 'whole'],
  ['one row short, and first of several', 99, 250, 3, 1, 99],
  ['the whole list', 40, 40, 1, 1, 'whole'],
  ['short, and first of a list without a total', 40, null, null, 1, 'doubtful'],
  ['short, and later in a list without a total', 40, null, null, 3, 'doubtful'],
  ['the rest of the list', 50, 250, 3, 3, 'whole'],
  ['one row short, and later', 99, 500, 6, 2, 99],
  ['short, and later, with a number of pages that fits its size', 50, 500, 10, 2, 50],
  ['short, and later, with a number of pages that fits no cap', 50, 500, 5, 2, 'doubtful'],
  ['the rest of a list in smaller pages', 20, 170, 3, 3, 75],
  ['last, with a total that fits no page size', 20, 171, 3, 3, 'doubtful'],
])('a page of 100 rows that is %s: %j of %j rows, %j pages', (_what, got, total, pages, number, expected) => {
  expect(judgeShortPage(page(got, total, pages), number, 100, 0)).toBe(expected);
});

test('a limit that the API has granted before is no cap', () => {
  expect(judgeShortPage(page(50, 500, 10) as never, 2, 100, 100)).toBe('whole');
});
