import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBrowser, type TestBrowser } from '../helpers/browser.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { openExample, readDocumentation, ready, runOpenTab, showPanel, textOf } from '../helpers/graphiql.ts';

const gateway = await startWithSandbox();
const keyed = await startWithSandbox({ AUTH_MODE: 'passthrough' });
let browser: TestBrowser;
// Where the code finds its packages.
mkdirSync('node_modules/.cache', { recursive: true });
const folder = mkdtempSync('node_modules/.cache/code-');

beforeAll(async () => {
  browser = await startBrowser({ width: 1280, height: 800 });
  for (const { url } of [gateway, keyed])
    await browser.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: url });
}, 90_000);

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await browser?.close();
  await gateway.close();
  await keyed.close();
});

async function visit(url: string, operation?: { query: string; variables?: string }): Promise<Page> {
  const page = await browser.context.newPage();
  await page.goto(`${url}/graphql${operation ? `#${new URLSearchParams(operation)}` : ''}`);
  await ready(page);
  return page;
}

const facts = (page: Page) => page.locator('.answer-facts').textContent();

describe('below the answer', () => {
  test('are its status, its time and the size of its body', async () => {
    const page = await visit(gateway.url, { query: '{ profile(profileId: "1001", source: "Webshop") { name } }' });
    const answered = page.waitForResponse((response) => 'x-upstream-receipt' in response.request().headers());
    await runOpenTab(page, 'Ada Example');
    const bytes = (await (await answered).body()).length;
    expect(bytes).toBeLessThan(1_000);
    await expect.poll(() => facts(page)).toMatch(new RegExp(`^200 OK · [\\d,]+ ms · ${bytes} B$`));
    await page.close();
  });

  test('is the time of the first part and of the last, while the parts come', async () => {
    const query = `query Parts { conversions(first: 5) { nodes { conversionId ... @defer { profile { name } } } } }`;
    const page = await visit(gateway.url, { query });
    await showPanel(page, 'Upstream cost');
    gateway.sandbox.faults.set({ match: { path: '/profile' }, latencyMs: 1_500 });
    await page.locator('.graphiql-execute-button').click();
    await expect.poll(() => facts(page), { interval: 20 }).toMatch(/^200 OK · [\d,]+ ms · [\d.]+ k?B so far$/);
    await expect.poll(() => textOf(page, '.result-window')).toContain('"conversionId"');
    expect(await textOf(page, '.result-window')).not.toContain('"name"');
    await expect.poll(() => textOf(page, '.result-window')).toContain('"name"');
    gateway.sandbox.faults.clear();
    await expect
      .poll(() => facts(page))
      .toMatch(/^200 OK · [\d,]+ ms \(\d+ parts, the first after \d+ ms\) · [\d.]+ kB$/);
    // The calls of the parts are in the waterfall.
    await expect
      .poll(() => page.locator('.cost-bar').allTextContents())
      .toContainEqual(expect.stringContaining('/profile'));
    await page.close();
  });

  test('is a sentence instead of a stack trace when the gateway is down', async () => {
    const stopped = await startWithSandbox();
    const page = await visit(stopped.url, { query: '{ __typename }' });
    await stopped.close();
    await page.locator('.graphiql-execute-button').click();
    // Long lines are broken and indented.
    const shown = async () => (await textOf(page, '.result-window')).replaceAll(/\s+/g, ' ');
    await expect.poll(shown).toContain(`The gateway at ${stopped.url} does not answer. Check that it is running`);
    expect(await shown()).not.toContain('stack');
    await page.getByRole('button', { name: /^Re-fetch GraphQL schema/ }).click();
    await expect.poll(shown).toContain('does not answer');
    expect(await shown()).not.toMatch(/stack|Failed to fetch/);
    await page.close();
  });
});

/** Chooses a format from the menu, and returns what is then in the clipboard. */
async function copyAs(page: Page, format: string): Promise<string> {
  await page.getByRole('button', { name: 'Copy as code' }).click();
  await page.getByRole('menuitem', { name: `Copy as ${format}`, exact: true }).click();
  await page.getByText(`Copied as ${format}`).waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

/** Runs code as a user would, and returns its output. */
async function runCode(format: string, code: string): Promise<string> {
  const file = join(folder, format === 'cURL' ? 'code.sh' : 'code.mjs');
  writeFileSync(file, code);
  const [command, args] = format === 'cURL' ? ['sh', ['-e', file]] : [process.execPath, [file]];
  const { stdout } = await promisify(execFile)(command, args as string[]);
  return stdout;
}

describe('an operation copied as code', () => {
  const FORMATS = ['cURL', 'fetch', 'Apollo Client', 'urql'];
  const QUERY = {
    // Characters that are special in a shell and in JavaScript.
    query: `# It's \`special\`: \${x} \\ "
query Special($id: ID!) { profile(profileId: $id, source: "Webshop") { name } }`,
    variables: '{ "id": "1001" } // the first',
  };

  test.each(FORMATS)('%s runs as it stands', async (format) => {
    const page = await visit(gateway.url, QUERY);
    expect(await runCode(format, await copyAs(page, format))).toContain('Ada Example');
    await page.close();
  });

  test.each(FORMATS)('%s runs a mutation, and an answer in parts', async (format) => {
    const page = await visit(gateway.url);
    await openExample(page, '11-create-profile');
    expect(await runCode(format, await copyAs(page, format))).toContain('Grace');
    await openExample(page, '16-conversions-then-profiles');
    expect(await runCode(format, await copyAs(page, format))).toContain('totalCount');
    await page.close();
  });

  test.each(FORMATS)('%s has a placeholder instead of the key', async (format) => {
    const page = await visit(keyed.url, QUERY);
    await page.getByRole('button', { name: 'Headers' }).click();
    await page.locator('.graphiql-editor-tool .graphiql-editor:not(.hidden) textarea').first().focus();
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Delete');
    // The editor closes quotes and brackets, and steps over them.
    await page.keyboard.type(JSON.stringify({ 'X-ApiKey': keyed.sandbox.apiKey }));
    await runOpenTab(page, 'Ada Example');
    const code = await copyAs(page, format);
    expect(code).not.toContain(keyed.sandbox.apiKey);
    expect(code).toContain('YOUR_API_KEY');
    expect(await runCode(format, code.replace('YOUR_API_KEY', keyed.sandbox.apiKey))).toContain('Ada Example');
    await page.close();
  });
});

test('the documentation starts with an introduction that links to the types and fields', async () => {
  const page = await visit(gateway.url);
  await showPanel(page, 'Docs');
  const introduction = page.getByRole('region', { name: 'Introduction' });
  await introduction.getByRole('button', { name: 'conversions', exact: true }).click();
  const explorer = page.locator('.graphiql-doc-explorer');
  await expect.poll(() => explorer.locator('.graphiql-doc-explorer-title').textContent()).toBe('conversions');
  expect(await introduction.count()).toBe(0);
  await explorer.getByRole('link', { name: 'Go back to Docs' }).click();
  await introduction.getByRole('button', { name: 'Profile', exact: true }).click();
  await expect.poll(() => explorer.textContent()).toContain('A person in one source');
  await explorer.getByRole('link', { name: 'Go back to Docs' }).click();
  await readDocumentation(page);
  await page.close();
});
