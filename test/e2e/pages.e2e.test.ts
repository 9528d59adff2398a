import { expect, test } from 'vitest';
import { docPages, isRecipe, startsCommands } from '../helpers/page.ts';
import { Reader } from '../helpers/reader.ts';

const pages = docPages().filter((page) => isRecipe(page) && startsCommands(page));

test.each(pages.map((page) => [page.path, page] as const))('%s does what it shows', async (_, page) => {
  const reader = new Reader();
  try {
    await reader.read(page);
  } finally {
    await reader.close();
  }
});

test('pages start commands', () => {
  expect(pages.length).toBeGreaterThan(5);
});
