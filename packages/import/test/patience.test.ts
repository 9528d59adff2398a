import { expect, test } from 'vitest';
import { createPatience } from '../destination.ts';

test('pauses are waited for until they have lasted 15 minutes without a call that succeeds', () => {
  let minutes = 0;
  const patience = createPatience(() => minutes * 60_000);
  const refusals: number[] = [];
  for (; minutes <= 60; minutes++) {
    if (minutes === 10) patience.reset();
    if (patience.refusal(60_000) !== null) refusals.push(minutes);
  }
  expect(refusals[0]).toBe(25);
  expect(refusals.length).toBe(36);
  expect(patience.refusal(undefined)).toBe(null);
});
