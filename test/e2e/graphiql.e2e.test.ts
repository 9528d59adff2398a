import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readExamples } from '../../src/http/graphiql.ts';
import { startWithSandbox } from '../helpers/gateway.ts';

const SHOTS = 'test/e2e/screenshots';
mkdirSync(SHOTS, { recursive: true });
const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
const gateway = await startWithSandbox();

let browser: BrowserContext;
let page: Page;
/** Addresses outside the gateway that the page tried. */
const strange: string[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    chromiumSandbox: false,
    viewport: { width: 1280, height: 800 },
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  await browser.route('**/*', (route) => {
    const address = route.request().url();
    if (address.startsWith(`${gateway.url}/`) || /^(blob|data):/.test(address)) return route.continue();
    strange.push(address);
    return route.abort();
  });
  page = browser.pages()[0] ?? (await browser.newPage());
  page.on('console', (message) => {
    if (message.type() === 'error' || /Content Security Policy/.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(`${gateway.url}/graphql`);
  await page.locator('.graphiql-execute-button').waitFor({ timeout: 60_000 });
}, 90_000);

afterAll(async () => {
  await browser?.close();
  await gateway.close();
  rmSync(profile, { recursive: true, force: true });
});

/** Runs the open tab and gives the answer as GraphiQL shows it. */
async function run(
  start: () => Promise<unknown> = () => page.locator('.graphiql-execute-button[aria-label^="Execute"]').click(),
): Promise<{ data?: Record<string, unknown>; errors?: unknown }> {
  const answered = page.waitForResponse(
    (response) => response.url().endsWith('/graphql') && response.request().method() === 'POST',
  );
  await start();
  return (await answered).json();
}

/** Opens the tab of an example and waits until the editor shows it. */
async function open(name: string): Promise<void> {
  const examples = [...readExamples()];
  const index = examples.findIndex(([key]) => key === name);
  const operation = /^(?:query|mutation) (\w+)/m.exec(examples[index]?.[1] ?? '')?.[1] ?? '';
  // Tabs that are scrolled out of sight lie under other things.
  await page.locator('.graphiql-tab-button').nth(index).dispatchEvent('click');
  await expect
    .poll(() => page.locator('.graphiql-editors .view-lines').first().textContent(), { timeout: 10_000 })
    .toMatch(new RegExp(`(query|mutation)\\s${operation}\\b`));
  // GraphiQL notes the operation's name a moment after the text.
  await page.waitForTimeout(500);
}

describe('GraphiQL in a browser without internet', () => {
  test('renders, with a tab for each example', async () => {
    const tabs = page.getByRole('tab');
    await expect.poll(() => tabs.count()).toBeGreaterThanOrEqual(readExamples().size);
    await page.screenshot({ path: `${SHOTS}/desktop.png` });
    expect(await page.title()).toContain('GraphiQL');
  });

  test('runs every example as it stands', async () => {
    for (const name of readExamples().keys()) {
      await open(name);
      const { data, errors } = await run();
      expect(errors, name).toBeUndefined();
      for (const value of Object.values(data ?? {})) expect(value, name).not.toBeNull();
    }
    await page.screenshot({ path: `${SHOTS}/answer.png` });
  });

  test('runs by the keyboard', async () => {
    await open('01-profile');
    await page.locator('.graphiql-query-editor .view-lines, .graphiql-editor .view-lines').first().click();
    const { data } = await run(() => page.keyboard.press('Control+Enter'));
    expect(data).toMatchObject({ profile: { name: 'Ada Example' } });
  });

  test('shows in a query what a mutation wrote', async () => {
    await open('11-create-profile');
    expect((await run()).data).toMatchObject({ createProfile: { profile: { firstName: 'Grace' }, userErrors: [] } });
    const { body } = await gateway.query('{ profile(profileId: "demo-1", source: "Webshop") { firstName } }');
    expect(body.data).toEqual({ profile: { firstName: 'Grace' } });
  });

  test('shows our descriptions in its documentation', async () => {
    await page.getByRole('button', { name: /documentation explorer/i }).click();
    await expect.poll(() => page.locator('.graphiql-doc-explorer').textContent()).toContain('Query');
    await page.locator('.graphiql-doc-explorer').getByRole('link', { name: 'Query' }).first().click();
    await expect
      .poll(() => page.locator('.graphiql-doc-explorer').textContent())
      .toContain('One profile by its id in a source');
    await page.screenshot({ path: `${SHOTS}/docs.png` });
  });

  test('fits a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.screenshot({ path: `${SHOTS}/phone.png` });
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test('asked no other host, broke no policy, and logged no error', () => {
    expect(strange).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
