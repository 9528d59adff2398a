import { expect, test } from 'vitest';
import { renderProgress } from '../progress.ts';

const counts = { rows: 6_000, upserted: 5_990, rejected: 10, notAttempted: 0, unknown: 0 };

test('rate and time left of an import that goes on are those of this run', () => {
  const line = renderProgress({ counts, seconds: 10, before: 5_000, part: 0.6, bar: false });
  expect(line).toBe('60 %  6,000 rows  100/s  5,990 upserted, 10 rejected  40 s left');
});

test('what is not known is left out', () => {
  const line = renderProgress({ counts, seconds: 10, before: 0, part: undefined, bar: true });
  expect(line).toBe('6,000 rows  600/s  5,990 upserted, 10 rejected');
});
