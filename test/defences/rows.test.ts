import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ROWS } from './rows.ts';

/** The rows of the threat model: what is tried, and the tests that are named. */
const [THREATS = ''] = readFileSync('docs/security.md', 'utf8').split('\n## ');
const DOCUMENTED = THREATS.split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(1)
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, , tries = '', , shownBy = '']) => ({
    tries,
    files: [...shownBy.matchAll(/`([^`]+)`/g)].map(([, file]) => file as string),
  }));

describe('the threat model', () => {
  test('has the rows whose defences are taken out, each once', () => {
    expect(DOCUMENTED.length).toBeGreaterThan(15);
    expect(DOCUMENTED.map(({ tries }) => tries).sort()).toEqual(ROWS.map(({ tries }) => tries).sort());
  });

  test.each(ROWS)('names the tests that fail without its defences: $tries', ({ tries, mutations }) => {
    expect(mutations.length).toBeGreaterThan(0);
    const files = DOCUMENTED.find((row) => row.tries === tries)?.files ?? [];
    expect([...files].sort()).toEqual([...new Set(mutations.map(({ test: [file] }) => file))].sort());
    for (const file of files) expect(existsSync(file), file).toBe(true);
  });
});
