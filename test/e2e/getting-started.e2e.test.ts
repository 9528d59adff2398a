import { expect, test } from 'vitest';
import { readPage } from '../helpers/page.ts';
import { Reader } from '../helpers/reader.ts';

/** Each installs packages into a project of its own, as a newcomer would. */
test.each(['README.md', 'docs/getting-started.md'])(
  '%s leads from a clone to a typed query in one’s own code in less than ten minutes',
  { timeout: 600_000, retry: 0 },
  async (path) => {
    const page = readPage(path);
    expect(page.blocks.map(({ file }) => file)).toContain('my-app/main.ts');
    const reader = new Reader();
    try {
      await reader.read(page);
    } finally {
      await reader.close();
    }
  },
);
