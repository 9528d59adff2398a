import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';
import { openExample, runOpenTab, showPanel, textOf } from '../helpers/graphiql.ts';
import { EXAMPLES, graphiqlVisitor, kept, linkOf, QUERY, TOOL, tabsOf, type } from '../helpers/graphiql-visitor.ts';

const gateway = await startWithSandbox();
const keyed = await startWithSandbox({ AUTH_MODE: 'passthrough' });
const { visit, clipboard } = graphiqlVisitor([gateway.url, keyed.url]);
afterEach(() => gateway.sandbox.faults.clear());

const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true });
const footer = (page: Page) => page.locator('.cost-status').textContent();
const cost = (page: Page) => page.locator('.cost').textContent();
const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent);
const withQuery = (query: string) => ({ path: `/graphql${linkOf({ query })}` });

describe('the panel of costs', () => {
  test('shows before the run what it may cost, and after it each REST call, as bars and as a table', async () => {
    const page = await visit(gateway.url);
    await openExample(page, '06-conversions-to-profiles');
    await showPanel(page, 'Upstream cost');
    const plan = page.getByRole('region', { name: 'Planned REST calls' });
    await expect.poll(() => plan.getByRole('row').last().textContent()).toMatch(/^Total\d/);
    gateway.sandbox.requests.length = 0;
    await runOpenTab(page, '"data"');
    const calls = gateway.sandbox.requests.length;
    expect(calls).toBeGreaterThan(3);
    await expect.poll(() => cost(page)).toContain(`${calls} of 1,000 REST calls`);
    expect(await footer(page)).toContain(`${calls} of 1,000 REST calls`);
    const bars = await page.locator('.cost-bar').allTextContents();
    const table = page.getByRole('region', { name: 'REST calls as a table' });
    // By the keyboard alone, from the panel into its table.
    await page.getByRole('button', { name: 'Hide Upstream cost' }).press('Enter');
    await expect.poll(() => page.locator('.cost').count()).toBe(0);
    await page.keyboard.press('Enter');
    await plan.waitFor();
    const summary = page.getByText('As a table');
    const isReached = async (): Promise<boolean> => {
      await page.keyboard.press('Tab');
      return summary.evaluate((element) => element === document.activeElement);
    };
    await expect.poll(isReached).toBe(true);
    await page.keyboard.press('Enter');
    const rows = await table.getByRole('row').allTextContents();
    expect(rows).toHaveLength(bars.length + 1);
    for (const [index, bar] of bars.entries()) {
      const endpoint = /^GET \S+?(?=[\d.,]+ ms|\s)/.exec(bar)?.[0];
      expect(rows[index + 1]).toContain(endpoint ?? 'no endpoint');
    }
    // Status, time and size of the answer.
    expect(await page.locator('.answer-facts').textContent()).toMatch(/^200 OK · [\d,]+ ms · [\d.]+ k?B$/);
  });

  test('distinguishes shared, repeated and refused calls', async () => {
    gateway.sandbox.faults.set([
      { match: { path: '/profile/1003' }, status: 503, times: 1 },
      { match: { path: '/profile/1002' }, status: 404 },
    ]);
    const one = (name: string, id: string) => `${name}: profile(profileId: "${id}", source: "Webshop") { name }`;
    const query = `query Mixed { ${one('a', '1001')} ${one('b', '1001')} ${one('c', '1002')} ${one('d', '1003')} }`;
    const page = await visit(gateway.url, withQuery(query));
    await showPanel(page, 'Upstream cost');
    await runOpenTab(page, 'Ada Example');
    await expect.poll(() => page.locator('.cost-bar').count()).toBe(4);
    const bars = (await page.locator('.cost-bar').allTextContents()).join('\n');
    for (const words of ['shared', 'refused', 'ok, retried (2 attempts)']) expect(bars).toContain(words);
    expect(await page.locator('.graphiql-footer').textContent()).toContain('1 retried · 1 shared');
  });

  const links = (first: number, inner: string) => `{ conversions(first: ${first}) { nodes { profile { ${inner} } } } }`;
  test.each([
    ['a worst case within the limits', links(10, 'name'), '.cost', /One operation may make 1,000 calls\./],
    [
      'a worst case between the limits',
      links(500, 'name'),
      '.cost-warning',
      /runs this operation, but makes at most 1,000 calls.*UPSTREAM_BUDGET_EXCEEDED.*Above 5,000 calls/,
    ],
    [
      'an operation that will be refused',
      links(500, 'conversions(first: 10) { nodes { profile { name } } }'),
      '.cost-problem',
      /^The gateway rejects this operation before its first call, .* above 5,000 calls/,
    ],
    ['an invalid operation', '{ nothing }', '.cost-problem', /Cannot query field "nothing"/],
  ])('explains %s', async (_, query, place, text) => {
    const page = await visit(gateway.url, withQuery(query));
    await showPanel(page, 'Upstream cost');
    await expect.poll(() => page.locator(place).textContent(), { timeout: 10_000 }).toMatch(text);
    expect(await page.locator('.cost-warning, .cost-problem').count()).toBe(place === '.cost' ? 0 : 1);
  });

  test('has the last run of each tab, and a stopped one where the tab was left while it ran', async () => {
    const page = await visit(gateway.url);
    const lastRun = page.getByRole('heading', { name: /^Last run/ });
    const hint = page.locator('.empty-result');
    await showPanel(page, 'Upstream cost');
    expect(await hint.textContent()).toMatch(/^Press ▶ or Ctrl.Enter to run the operation/);
    await runOpenTab(page, 'Ada Example');
    expect(await hint.count()).toBe(0);
    await expect.poll(() => lastRun.textContent()).toBe('Last run: Profile');
    await expect.poll(() => footer(page)).toMatch(/Profile: \d of 1,000 REST calls/);

    await tab(page, 'ConversionsWithProfiles').click();
    await hint.waitFor();
    await expect.poll(() => lastRun.textContent()).toBe('Last run');
    expect(await cost(page)).toContain('Run the operation of this tab');
    expect([await page.locator('.cost-bar').count(), await footer(page)]).toEqual([0, '']);
    await runOpenTab(page, 'totalCount');
    await expect.poll(() => lastRun.textContent()).toBe('Last run: ConversionsWithProfiles');

    await tab(page, 'Profile').click();
    await expect.poll(() => footer(page)).toMatch(/Profile: \d of 1,000 REST calls/);
    gateway.sandbox.faults.set({ match: { path: '/profile' }, latencyMs: 3_000 });
    await page.locator('.graphiql-execute-button').click();
    await expect.poll(() => cost(page)).toContain('Running');
    await tab(page, 'CreateProfile').click();
    expect(await cost(page)).toContain('Run the operation of this tab');
    await tab(page, 'Profile').click();
    await expect.poll(() => cost(page)).toContain('The run ended before');
  });
});

describe('the tabs', () => {
  test('are brought back by the list of examples, once they were closed or changed', async () => {
    const page = await visit(gateway.url);
    const shows = (...tabs: string[]): Promise<void> => expect.poll(() => tabsOf(page)).toEqual(tabs);
    await showPanel(page, 'Examples');
    expect(await page.locator('.example').count()).toBe(EXAMPLES.size);
    await page.getByRole('button', { name: 'CreateProfile', exact: true }).click();
    await shows('Profile', 'ConversionsWithProfiles', '[CreateProfile]');
    await tab(page, 'CreateProfile').press('Delete');
    await shows('Profile', '[ConversionsWithProfiles]');
    await openExample(page, '11-create-profile');
    expect(await textOf(page, QUERY)).toContain('# Creates a profile');
    await type(page, QUERY, 'query Changed { __typename }');
    await shows('Profile', 'ConversionsWithProfiles', '[Changed]');
    await openExample(page, '11-create-profile');
    await shows('Profile', 'ConversionsWithProfiles', 'Changed', '[CreateProfile]');
  });

  test('scroll to that of a link beside saved tabs, and mark it', async () => {
    const size = { width: 800, height: 800 };
    const before = await visit(gateway.url, { size });
    for (const name of [...EXAMPLES.keys()].slice(3, 7)) await openExample(before, name);
    await kept(before, 'query ProfileConversions');
    const page = await visit(gateway.url, { ...withQuery('query Linked { __typename }'), again: true, size });
    await expect.poll(async () => (await tabsOf(page)).at(-1)).toBe('[Linked]');
    expect((await tabsOf(page)).length).toBeGreaterThan(6);
    const bar = await page.getByRole('tablist').boundingBox();
    const inSight = async (): Promise<boolean> => {
      const box = await tab(page, 'Linked').boundingBox();
      return !!box && !!bar && box.x >= bar.x && box.x + box.width <= bar.x + bar.width + 1;
    };
    await expect.poll(inSight).toBe(true);
    const marked = tab(page, 'Linked').locator('xpath=..');
    expect(await marked.evaluate((element) => getComputedStyle(element).boxShadow)).not.toBe('none');
    await tab(page, 'Linked').press('Home');
    expect(await focused(page)).toBe('Profile');
    expect(await inSight()).toBe(false);
  });

  test('are used by arrow keys, Enter and Delete, and keep the focus', async () => {
    const page = await visit(gateway.url);
    const press = async (key: string): Promise<unknown[]> => {
      await page.keyboard.press(key);
      return [await focused(page), (await tabsOf(page)).find((name) => name.startsWith('['))];
    };
    await tab(page, 'Profile').focus();
    // The focus moves; the open tab does not change, since that would stop its run.
    expect(await press('ArrowRight')).toEqual(['ConversionsWithProfiles', '[Profile]']);
    const looks = (name: string) =>
      tab(page, name).evaluate((element) => [
        getComputedStyle(element).outlineStyle,
        getComputedStyle(element.parentElement as Element).boxShadow === 'none',
        getComputedStyle(element.parentElement as Element).backgroundColor,
      ]);
    const [focusedLook, openLook] = [await looks('ConversionsWithProfiles'), await looks('Profile')];
    expect([focusedLook.slice(0, 2), openLook.slice(0, 2)]).toEqual([
      ['solid', true],
      ['none', false],
    ]);
    expect(focusedLook[2]).not.toBe(openLook[2]);

    await page.keyboard.press('Enter');
    await expect.poll(() => tabsOf(page)).toEqual(['Profile', '[ConversionsWithProfiles]', 'CreateProfile']);
    await tab(page, 'ConversionsWithProfiles').focus();
    const open = '[ConversionsWithProfiles]';
    expect(await press('End')).toEqual(['CreateProfile', open]);
    expect(await press('ArrowRight')).toEqual(['Profile', open]);
    expect(await press('ArrowLeft')).toEqual(['CreateProfile', open]);
    expect(await press('Delete')).toEqual(['ConversionsWithProfiles', open]);
    expect(await press('Delete')).toEqual(['Profile', '[Profile]']);
    // The last one stays.
    expect(await press('Delete')).toEqual(['Profile', '[Profile]']);
    // One Tab key leaves the bar.
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).not.toBe('tab');
  });
});

test('the sidebar has a label below each icon, readable titles, and an explorer that leaves the focus where it is', async () => {
  const page = await visit(gateway.url);
  const labels = page.locator('.graphiql-sidebar .plugin-label');
  expect(await labels.allTextContents()).toEqual(['Docs', 'Examples', 'Explorer', 'History', 'Cost']);
  for (const label of await labels.all()) expect(await label.isVisible()).toBe(true);
  const titles = await page.locator('svg > title').allTextContents();
  expect(titles).toEqual(expect.arrayContaining(['reload icon', 'prettify icon', 'play icon', 'close icon']));
  await showPanel(page, 'GraphiQL Explorer');
  const inputs = page.locator('.docExplorerWrap input');
  await expect.poll(() => inputs.count()).toBeGreaterThan(3);
  expect(await page.locator('.graphiql-plugin').evaluate(({ scrollTop }) => scrollTop)).toBe(0);
  expect(await page.evaluate(() => document.activeElement?.ariaLabel)).toBe('Hide GraphiQL Explorer');
  await inputs.first().click();
  expect(await inputs.first().evaluate((element) => element === document.activeElement)).toBe(true);
});

describe('an operation copied as code runs as it stands, in every format', () => {
  // Where the code finds its packages.
  mkdirSync('node_modules/.cache', { recursive: true });
  const folder = mkdtempSync('node_modules/.cache/code-');
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Copies the open tab in each format, runs the code as a user would, and gives code and output. */
  async function copyAndRun(page: Page, change = (code: string) => code): Promise<[code: string, output: string][]> {
    const copied: [string, string][] = [];
    for (const format of ['cURL', 'fetch', 'Apollo Client', 'urql']) {
      await page.getByRole('button', { name: 'Copy as code' }).click();
      await page.getByRole('menuitem', { name: `Copy as ${format}`, exact: true }).click();
      await page.getByText(`Copied as ${format}`).waitFor();
      copied.push([format, await clipboard()]);
    }
    const run = async ([format, code]: [string, string]): Promise<[string, string]> => {
      const file = join(folder, format === 'cURL' ? 'code.sh' : `${format}.mjs`);
      writeFileSync(file, change(code));
      const [command, args] = format === 'cURL' ? ['sh', ['-e', file]] : [process.execPath, [file]];
      return [code, (await promisify(execFile)(command, args as string[])).stdout];
    };
    return Promise.all(copied.map(run));
  }

  test.each([
    ['a mutation', '11-create-profile', 'Grace'],
    ['an answer in parts', '16-conversions-then-profiles', 'totalCount'],
  ])('%s', async (_, example, shown) => {
    const page = await visit(gateway.url);
    await openExample(page, example);
    for (const [, output] of await copyAndRun(page)) expect(output).toContain(shown);
  });

  test('a query with characters that are special in a shell and in JavaScript, and a placeholder for the key', async () => {
    const query = `# It's \`special\`: \${x} \\ "
query Special($id: ID!) { profile(profileId: $id, source: "Webshop") { name } }`;
    const path = `/graphql${linkOf({ query, variables: '{ "id": "1001" } // the first' })}`;
    const page = await visit(keyed.url, { path });
    await page.getByRole('button', { name: 'Headers' }).click();
    const { apiKey } = keyed.sandbox;
    await type(page, TOOL, JSON.stringify({ 'X-ApiKey': apiKey }));
    await runOpenTab(page, 'Ada Example');
    for (const [code, output] of await copyAndRun(page, (code) => code.replace('YOUR_API_KEY', apiKey))) {
      expect(code).not.toContain(apiKey);
      expect(output).toContain('Ada Example');
    }
  });
});
