import { expect, test } from 'vitest';
import { renderProgress } from '../report.ts';

const counts = { rows: 6_000, upserted: 5_990, rejected: 10, notAttempted: 0, unknown: 0 };

test('rate and time left of an import that goes on are those of this run', () => {
  const line = renderProgress(counts, 10, 5_000, false, 0.6);
  expect(line).toBe('60 %  6,000 rows  100/s  5,990 upserted, 10 rejected  40 s left');
});

test('what is not known is left out', () => {
  const line = renderProgress(counts, 10, 0, true);
  expect(line).toBe('6,000 rows  600/s  5,990 upserted, 10 rejected');
});
