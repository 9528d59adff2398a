import { describe, expect, it } from 'vitest';
import { readClientJson, readJson } from '../../src/lib/exact-json.ts';

describe('the time that reading takes', () => {
  it.each<[string, (size: number) => string]>([
    ['one number', (size) => `[${'9'.repeat(size)}]`],
    ['many numbers', (size) => `[${'1234567890123456789,'.repeat(size / 20)}1]`],
    ['zeros behind the point', (size) => `[0.${'0'.repeat(size)}1]`],
    ['zeros between digits', (size) => `[${`1${'0'.repeat(999)}`.repeat(size / 1000)}.0]`],
    ['exponents in a string', (size) => `["${'1e111'.repeat(size / 5)}"]`],
    ['what looks like numbers in a string', (size) => `["${', 1234567890123456'.repeat(size / 18)}"]`],
    ['white space before numbers', (size) => `{"id"${' '.repeat(size)}:${' '.repeat(size)}0.12345678901234567}`],
  ])('grows with the size alone: %s', (_, make) => {
    const time = (size: number): number => {
      const text = make(size);
      let best = Number.POSITIVE_INFINITY;
      for (let run = 0; run < 5; run++) {
        const start = process.cpuUsage().user;
        for (const read of [readJson, readClientJson]) read(text);
        best = Math.min(best, process.cpuUsage().user - start);
      }
      return best / 1_000;
    };
    time(100_000);
    // Sixteen times the text; 256 times the time if that grew with the square.
    expect(time(800_000)).toBeLessThan(100 * Math.max(1, time(50_000)));
  });
});
