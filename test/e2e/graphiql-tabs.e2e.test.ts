import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readExamples } from '../../src/server/graphiql.ts';
import { startBrowser, type TestBrowser } from '../helpers/browser.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { openExample, ready, runOpenTab, showPanel, textOf } from '../helpers/graphiql.ts';

const gateway = await startWithSandbox();
let browser: TestBrowser;
let page: Page;

beforeAll(async () => {
  browser = await startBrowser({ width: 1280, height: 800 });
}, 90_000);

afterAll(async () => {
  await browser?.close();
  await gateway.close();
});

/** A first visit, or one with a link in the hash. */
async function visit(hash = ''): Promise<void> {
  page = await browser.context.newPage();
  await page.goto(`${gateway.url}/graphql${hash}`);
  await ready(page);
}

beforeEach(async () => {
  await page?.close();
  // From a page without GraphiQL, which keeps its tabs a moment after each change.
  const other = await browser.context.newPage();
  await other.goto(`${gateway.url}/health`);
  await other.evaluate(() => localStorage.clear());
  await other.close();
  await visit();
});

const tab = (name: string) => page.getByRole('tab', { name, exact: true });
const footer = () => page.locator('.cost-status').textContent();
const linkTo = (query: string): string => `#${new URLSearchParams({ query })}`;
const focused = () => page.evaluate(() => document.activeElement?.textContent);
/** Names of all tabs, the open one in brackets. */
const tabs = () =>
  page
    .getByRole('tab')
    .evaluateAll((all) =>
      all.map((one) => (one.ariaSelected === 'true' ? `[${one.textContent}]` : String(one.textContent))),
    );

describe('a tab of GraphiQL', () => {
  test('has its own last run, which names its operation', async () => {
    await showPanel(page, 'Upstream cost');
    await runOpenTab(page, 'Ada Example');
    const lastRun = page.getByRole('heading', { name: /^Last run/ });
    await expect.poll(() => lastRun.textContent()).toBe('Last run: Profile');
    await expect.poll(footer).toMatch(/Profile: \d of 1,000 REST calls/);

    await tab('ConversionsWithProfiles').click();
    await expect.poll(() => lastRun.textContent()).toBe('Last run');
    expect(await page.locator('.cost').textContent()).toContain('Run the operation of this tab');
    expect(await page.locator('.cost-bar').count()).toBe(0);
    expect(await footer()).toBe('');

    await runOpenTab(page, 'totalCount');
    await expect.poll(() => lastRun.textContent()).toBe('Last run: ConversionsWithProfiles');
    await tab('Profile').click();
    await expect.poll(() => lastRun.textContent()).toBe('Last run: Profile');
    await expect.poll(footer).toMatch(/Profile: \d of 1,000 REST calls/);
  });

  test('that is left while it runs keeps a stopped run, and gives the next tab none', async () => {
    await showPanel(page, 'Upstream cost');
    gateway.sandbox.faults.set({ match: { path: '/profile' }, latencyMs: 3_000 });
    await page.locator('.graphiql-execute-button').click();
    await expect.poll(() => page.locator('.cost').textContent()).toContain('Running');
    await tab('ConversionsWithProfiles').click();
    expect(await page.locator('.cost').textContent()).toContain('Run the operation of this tab');
    await tab('Profile').click();
    await expect.poll(() => page.locator('.cost').textContent()).toContain('The run ended before');
    gateway.sandbox.faults.clear();
  });

  test('says when it has no result how to get one', async () => {
    const hint = page.locator('.empty-result');
    expect(await hint.textContent()).toMatch(/^Press ▶ or Ctrl.Enter to run the operation/);
    await runOpenTab(page, 'Ada Example');
    expect(await hint.count()).toBe(0);
    await tab('CreateProfile').click();
    await hint.waitFor();
  });

  test('explains a worst case between the two limits', async () => {
    await showPanel(page, 'Upstream cost');
    const verdict = (first: number) => linkTo(`{ conversions(first: ${first}) { nodes { profile { name } } } }`);
    await page.close();
    await visit(verdict(500));
    await expect
      .poll(() => page.locator('.cost-warning').textContent())
      .toMatch(/runs this operation, but makes at most 1,000 calls.*UPSTREAM_BUDGET_EXCEEDED.*Above 5,000 calls/);
    await page.close();
    await visit(verdict(10));
    await expect.poll(() => page.locator('.cost').textContent()).toContain('One operation may make 1,000 calls.');
    expect(await page.locator('.cost-warning, .cost-problem').count()).toBe(0);
  });
});

describe('the examples', () => {
  test('are all in a list, which brings back those that were closed or changed', async () => {
    await showPanel(page, 'Examples');
    expect(await page.locator('.example').count()).toBe(readExamples().size);
    await page.getByRole('button', { name: 'CreateProfile', exact: true }).click();
    await expect.poll(tabs).toEqual(['Profile', 'ConversionsWithProfiles', '[CreateProfile]']);

    await tab('CreateProfile').press('Delete');
    await expect.poll(tabs).toEqual(['Profile', '[ConversionsWithProfiles]']);
    await openExample(page, '11-create-profile');
    await expect.poll(tabs).toEqual(['Profile', 'ConversionsWithProfiles', '[CreateProfile]']);
    expect(await textOf(page, '.graphiql-query-editor')).toContain('# Creates a profile');

    await page.locator('.graphiql-query-editor textarea').first().focus();
    await page.keyboard.press('Control+A');
    await page.keyboard.insertText('query Changed { __typename }');
    await expect.poll(tabs).toEqual(['Profile', 'ConversionsWithProfiles', '[Changed]']);
    await openExample(page, '11-create-profile');
    await expect.poll(tabs).toEqual(['Profile', 'ConversionsWithProfiles', 'Changed', '[CreateProfile]']);
  });
});

describe('the bar of tabs', () => {
  test('scrolls to the tab of a link beside saved tabs, and marks it', async () => {
    for (const name of readExamples().keys()) await openExample(page, name);
    await expect.poll(() => page.getByRole('tab').count()).toBe(readExamples().size);
    // The tabs are kept for the next visit a moment later.
    await expect.poll(() => page.evaluate(() => localStorage.getItem('graphiql:tabState'))).toContain('ThenProfiles');
    await page.close();
    await visit(linkTo('query Linked { __typename }'));
    await expect.poll(async () => (await tabs()).at(-1)).toBe('[Linked]');
    const bar = await page.getByRole('tablist').boundingBox();
    const inSight = async (): Promise<boolean> => {
      const box = await tab('Linked').boundingBox();
      return !!box && !!bar && box.x >= bar.x && box.x + box.width <= bar.x + bar.width + 1;
    };
    await expect.poll(inSight).toBe(true);
    const line = await tab('Linked')
      .locator('xpath=..')
      .evaluate((element) => getComputedStyle(element).boxShadow);
    expect(line).not.toBe('none');
    await tab('Linked').press('Home');
    expect(await focused()).toBe('Profile');
  });

  test('is used by arrow keys, Enter and Delete, and keeps the focus', async () => {
    await tab('Profile').focus();
    await page.keyboard.press('ArrowRight');
    expect(await focused()).toBe('ConversionsWithProfiles');
    // The focus moves; the open tab does not change, since that would stop its run.
    expect(await tabs()).toEqual(['[Profile]', 'ConversionsWithProfiles', 'CreateProfile']);
    const looks = (name: string) =>
      tab(name).evaluate((element) => [
        getComputedStyle(element).outlineStyle,
        getComputedStyle(element.parentElement as Element).boxShadow === 'none',
        getComputedStyle(element.parentElement as Element).backgroundColor,
      ]);
    const [focusedLook, openLook] = [await looks('ConversionsWithProfiles'), await looks('Profile')];
    expect([focusedLook[0], focusedLook[1], openLook[0], openLook[1]]).toEqual(['solid', true, 'none', false]);
    expect(focusedLook[2]).not.toBe(openLook[2]);

    await page.keyboard.press('Enter');
    await expect.poll(tabs).toEqual(['Profile', '[ConversionsWithProfiles]', 'CreateProfile']);
    await tab('ConversionsWithProfiles').focus();
    await page.keyboard.press('End');
    expect(await focused()).toBe('CreateProfile');
    await page.keyboard.press('ArrowRight');
    expect(await focused()).toBe('Profile');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Delete');
    expect(await focused()).toBe('ConversionsWithProfiles');
    expect(await tabs()).toEqual(['Profile', '[ConversionsWithProfiles]']);
    await page.keyboard.press('Delete');
    expect(await focused()).toBe('Profile');
    await page.keyboard.press('Delete');
    expect(await tabs()).toEqual(['[Profile]']);
    // One Tab key leaves the bar.
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).not.toBe('tab');
  });
});

describe('the sidebar', () => {
  test('has a label below each icon of a panel', async () => {
    const labels = page.locator('.graphiql-sidebar .plugin-label');
    expect(await labels.allTextContents()).toEqual(['Docs', 'Examples', 'Explorer', 'History', 'Cost']);
    for (const label of await labels.all()) expect(await label.isVisible()).toBe(true);
  });

  test('has an explorer that opens at its top and leaves the focus where it is', async () => {
    await showPanel(page, 'GraphiQL Explorer');
    await page.locator('.docExplorerWrap input').last().waitFor();
    await expect.poll(() => page.locator('.docExplorerWrap input').count()).toBeGreaterThan(3);
    expect(await page.locator('.graphiql-plugin').evaluate(({ scrollTop }) => scrollTop)).toBe(0);
    expect(await page.evaluate(() => document.activeElement?.ariaLabel)).toBe('Hide GraphiQL Explorer');
    const input = page.locator('.docExplorerWrap input').first();
    await input.click();
    expect(await input.evaluate((element) => element === document.activeElement)).toBe(true);
  });

  test('and toolbar have icons with readable titles', async () => {
    const titles = await page.locator('svg > title').allTextContents();
    expect(titles).toEqual(expect.arrayContaining(['reload icon', 'prettify icon', 'play icon', 'close icon']));
  });
});
