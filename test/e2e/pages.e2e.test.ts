import { expect, test } from 'vitest';
import { docPages, isRecipe, type Page, readPage, startsCommands } from '../helpers/page.ts';
import { Reader } from '../helpers/reader.ts';

function read(page: Page): Promise<void> {
  const reader = new Reader();
  return reader.read(page).finally(() => reader.close());
}

const pages = docPages().filter((page) => isRecipe(page) && startsCommands(page));

test.each(pages.map((page) => [page.path, page] as const))('%s does what it shows', (_, page) => read(page));

test('pages start commands', () => {
  expect(pages.length).toBeGreaterThan(5);
});

/** Each installs packages into a project of its own, as a newcomer would. */
test.each(['README.md', 'docs/getting-started.md'])(
  '%s leads from a clone to a typed query in one’s own code in less than ten minutes',
  { timeout: 600_000 },
  async (path) => {
    const page = readPage(path);
    expect(page.blocks.map(({ file }) => file)).toContain('my-app/main.ts');
    await read(page);
  },
);
