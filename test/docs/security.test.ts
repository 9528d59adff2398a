import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { AREAS } from '../mutation/areas.ts';

const threats =
  readFileSync('docs/security.md', 'utf8')
    .split('\n## ')
    .find((part) => part.startsWith('Threat model')) ?? '';
const rows = threats.split('\n').filter((line) => line.startsWith('| '));

test('every threat of docs/security.md names tests that exist', () => {
  expect(rows.length).toBeGreaterThan(15);
  for (const row of rows.slice(1)) {
    const files = [...(row.split('|').at(-2) ?? '').matchAll(/`([^`]+)`/g)].map(([, file]) => file as string);
    expect(files.length, row).toBeGreaterThan(0);
    for (const file of files) expect(existsSync(file), file).toBe(true);
  }
});

test('npm run mutation names sources and tests that exist', () => {
  for (const file of AREAS.flatMap(({ sources, tests }) => [...sources, ...tests])) {
    expect(existsSync(file), file).toBe(true);
  }
});
