import { afterAll, expect, test } from 'vitest';
import { startBrowser } from '../helpers/browser.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { textOf } from '../helpers/graphiql.ts';

const gateway = await startWithSandbox();
const browser = await startBrowser({ width: 1280, height: 800 });

afterAll(async () => {
  await browser.close();
  await gateway.close();
});

test('needs at most 900 KB before a query can be typed, and no workers', async () => {
  const page = await browser.context.newPage();
  /** Bytes of answers by file, in the order in which they came. */
  const loaded: [string, number][] = [];
  let isUsable = false;
  page.on('requestfinished', async (request) => {
    if (isUsable || /\.worker-/.test(request.url())) return;
    const { responseBodySize, responseHeadersSize } = await request.sizes();
    loaded.push([request.url(), responseBodySize + responseHeadersSize]);
  });
  // The workers check the query while the user types. They come once the editor is there, and here after the typing.
  const typed = Promise.withResolvers<void>();
  await page.route(/\.worker-/, async (route) => {
    await typed.promise;
    await route.continue();
  });
  await page.goto(`${gateway.url}/graphql`, { waitUntil: 'commit' });
  await page.locator('.graphiql-query-editor .view-line').first().waitFor();
  const editor = page.locator('.graphiql-query-editor textarea').first();
  await editor.focus();
  await page.keyboard.press('Control+Home');
  await page.keyboard.insertText('# typed\n');
  await expect.poll(() => textOf(page, '.graphiql-query-editor')).toContain('# typed');
  isUsable = true;
  typed.resolve();

  const bytes = loaded.reduce((sum, [, size]) => sum + size, 0);
  expect(loaded.some(([url]) => /\/monaco-editor-.*\.js$/.test(url))).toBe(true);
  expect(bytes, JSON.stringify(loaded, null, 1)).toBeLessThanOrEqual(900_000);
  // What the editor does without: the panels, and what formats code.
  expect(loaded.filter(([url]) => /\/(docs-panel|explorer-panel|babel|estree|standalone)-/.test(url))).toEqual([]);
  await page.close();
});
