import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { seriousFaults, startBrowser, type TestBrowser } from '../helpers/browser.ts';
import { checkExample, copyExample, npm, startPreview } from '../helpers/example.ts';
import { startWithSandbox } from '../helpers/gateway.ts';

const NAMES = ['react', 'apollo-client', 'relay'] as const;
type Name = (typeof NAMES)[number];

const gateway = await startWithSandbox();
const { faults } = gateway.sandbox;
let browser: TestBrowser;
let page: Page;
const served = new Map<Name, Awaited<ReturnType<typeof serve>>>();

/** Checks, builds and serves an example, as its README says. */
async function serve(name: Name) {
  const folder = await copyExample(`examples/${name}`);
  await checkExample(folder);
  const { status, stdout, stderr } = await npm(folder, ['run', 'build']);
  if (status !== 0) throw new Error(stdout + stderr);
  return { folder, ...(await startPreview(folder, gateway.url)) };
}

beforeAll(async () => {
  browser = await startBrowser({ width: 1000, height: 700 });
  await Promise.all(NAMES.map(async (name) => served.set(name, await serve(name))));
}, 300_000);
afterAll(async () => {
  await browser?.close();
  for (const { server, folder } of served.values()) {
    server.kill();
    rmSync(dirname(folder), { recursive: true });
  }
});
beforeEach(async () => {
  faults.clear();
  gateway.sandbox.reset();
  await page?.close();
  page = await browser.context.newPage();
});

const addressOf = (name: Name): string => served.get(name)?.address as string;
const ORDERS = 'section[aria-label=Orders]';
const rows = () => page.locator(`${ORDERS}, body:not(:has(${ORDERS}))`).getByRole('listitem');
/** Waits for as many rows, and their people. */
const listed = (count: number): Promise<unknown> =>
  expect
    .poll(async () => [await rows().count(), await rows().filter({ hasText: '…' }).count()], { timeout: 10_000 })
    .toEqual([count, 0]);
const alert = () => page.getByRole('alert');
const button = (name: string) => page.getByRole('button', { name });
const SLOW_PEOPLE = { match: { path: '/profile' }, latencyMs: 1_000 };

describe.each(['react', 'relay'] as const)('examples/%s', (name) => {
  test('shows orders before their customers, page by page, and keeps those above', async () => {
    faults.set(SLOW_PEOPLE);
    await page.goto(addressOf(name));
    await expect.poll(() => rows().count(), { timeout: 10_000 }).toBe(10);
    expect(await rows().filter({ hasText: '…' }).count()).toBeGreaterThan(0);
    await listed(10);
    const first = await rows().allTextContents();
    await button('Load more').click();
    await expect.poll(() => rows().count(), { timeout: 10_000 }).toBe(20);
    const both = await rows().allTextContents();
    expect(both.slice(0, 10)).toEqual(first);
    for (const row of both.slice(10)) expect(row).toContain('…');
    faults.clear();
    await listed(20);
    const shown = await rows().allTextContents();
    const { body } = await gateway.query('{ conversions(first: 20) { nodes { conversionId profile { name } } } }');
    for (const [index, { conversionId, profile }] of body.data.conversions.nodes.entries()) {
      expect(shown[index]).toContain(`#${conversionId} `);
      expect(shown[index]).toContain(profile?.name ?? 'Unknown customer');
    }
    expect(await seriousFaults(page)).toEqual([]);
  });

  test('says so when the orders cannot be read', async () => {
    faults.set({ match: { path: '/sale' }, status: 422 });
    await page.goto(addressOf(name));
    await alert().waitFor();
  });
});

describe('examples/apollo-client', () => {
  const open = async (): Promise<void> => {
    await page.goto(addressOf('apollo-client'));
    await listed(12);
  };
  const names = () => rows().locator('strong').allTextContents();
  const namesOf = async (direction: 'ASC' | 'DESC', first: number): Promise<string[]> => {
    const query = `{ contents(first: ${first}, orderBy: { field: CREATED_AT, direction: ${direction} }) { nodes { name } } }`;
    const { body } = await gateway.query(query);
    return body.data.contents.nodes.map(({ name }: { name: string }) => name);
  };

  test('joins the pages of each order, and keeps the orders apart', async () => {
    await open();
    await button('Load more').click();
    await listed(24);
    expect(await names()).toEqual(await namesOf('DESC', 24));
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByLabel('Order').selectOption('ASC');
    await listed(12);
    expect(await names()).toEqual(await namesOf('ASC', 12));
  });

  test('sends the hash of its query, and the text only when the gateway does not know it', async () => {
    const sent: object[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/graphql')) sent.push(request.postDataJSON());
    });
    await open();
    await page.reload();
    await listed(12);
    for (const request of [sent[0], sent.at(-1)]) {
      expect(request).not.toHaveProperty('query');
      expect(request).toHaveProperty('extensions.persistedQuery.sha256Hash');
    }
    expect(sent.length).toBeGreaterThanOrEqual(2);
  });

  test('tries again after a 503 of the gateway, and says so when the products cannot be read', async () => {
    let refused = 0;
    await page.route('**/graphql', (route) => {
      if (refused > 0) return route.continue();
      refused += 1;
      return route.fulfill({ status: 503, headers: { 'retry-after': '1' }, json: { errors: [] } });
    });
    await open();
    expect(refused).toBe(1);
    faults.set({ match: { path: '/content' }, status: 422 });
    await page.reload();
    await alert().waitFor();
    faults.clear();
    await button('Try again').click();
    await listed(12);
  });
});

describe('examples/react', () => {
  beforeEach(async () => {
    await page.goto(addressOf('react'));
    await listed(10);
  });
  const details = () => page.getByRole('region', { name: 'Order', exact: true });
  const of = (name: string) => page.locator('.order .name', { hasText: name });

  /** Gives another name to a person with two orders or more on the page. */
  async function rename(to: string): Promise<{ from: string; orders: number }> {
    const names = await page.locator('.order .name').allTextContents();
    const from = names.find((one, index) => names.indexOf(one) !== index) ?? (names[0] as string);
    await rows().filter({ hasText: from }).first().click();
    await details().getByRole('button', { name: 'Rename' }).click();
    await page.getByLabel('Name', { exact: true }).fill(to);
    await button('Save').click();
    return { from, orders: names.filter((one) => one === from).length };
  }

  test('shows an order with its lines and its customer, in both themes and on a phone', async () => {
    await rows().filter({ hasText: '#3001 ' }).click();
    await details().getByText('Customer since').waitFor();
    const { body } = await gateway.query(
      '{ conversion(conversionId: "3001") { items { name } profile { email conversions(first: 5) { nodes { id } } } } }',
    );
    const { items, profile } = body.data.conversion;
    for (const { name } of items) expect(await details().getByRole('row', { name }).count()).toBe(1);
    await details().getByText(profile.email).waitFor();
    expect(await details().getByRole('listitem').count()).toBe(profile.conversions.nodes.length);
    for (const theme of ['light', 'dark']) {
      if (theme === 'dark') await button('Use the dark theme').click();
      expect(await page.evaluate(() => document.documentElement.style.colorScheme)).toBe(theme);
      expect(await seriousFaults(page)).toEqual([]);
    }
    await page.reload();
    await button('Use the light theme').click();
    await page.setViewportSize({ width: 420, height: 800 });
    expect(await rows().count()).toBe(0);
    await page.getByRole('link', { name: 'All orders' }).click();
    await listed(10);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  });

  test('says so when the order in the address does not exist', async () => {
    await page.goto(`${addressOf('react')}/#/orders/nothing`);
    await page.getByText('This order does not exist any more.').waitFor();
  });

  test('shows an error in place of a person that cannot be read', async () => {
    faults.set({ match: { path: '/profile/1001' }, status: 422 });
    await page.reload();
    await listed(10);
    expect(await rows().first().textContent()).toContain('Unknown customer');
    expect(await alert().getAttribute('data-code')).toBe('UPSTREAM_REJECTED');
  });

  test('shows a new name before the API has answered, in every row of that person', async () => {
    faults.set({ match: { method: 'PUT' }, latencyMs: 3_000 });
    const answered = page.waitForResponse((response) => /mutation/.test(response.request().postData() ?? ''));
    const { orders } = await rename('Ada Optimist');
    await expect.poll(() => of('Ada Optimist').count(), { timeout: 2_000 }).toBe(orders);
    // The request may still be on its way to the API; what matters is that the API has answered none.
    const answers = () =>
      gateway.sandbox.requests
        .filter(({ method, status }) => method === 'PUT' && status !== 0)
        .map(({ status }) => status);
    expect(answers()).toEqual([]);
    expect((await (await answered).json()).data.updateProfile.profile.name).toBe('Ada Optimist');
    expect(answers()).toEqual([200]);
    expect(await of('Ada Optimist').count()).toBe(orders);
  });

  test('takes the name back and says why when the API refuses it', async () => {
    faults.set({ match: { method: 'PUT' }, status: 422 });
    const { from, orders } = await rename('Refused');
    await details().getByText('The API refused it').waitFor();
    expect([await of('Refused').count(), await of(from).count()]).toEqual([0, orders]);
  });

  test('chooses its message by the error code, and retries on request', async () => {
    faults.set({ match: { path: '/sale' }, status: 503 });
    await page.reload();
    await alert().waitFor();
    expect(await alert().getAttribute('data-code')).toBe('UPSTREAM_UNAVAILABLE');
    faults.clear();
    await button('Try again').click();
    await listed(10);
    expect(await alert().count()).toBe(0);
  });
});

// In this file, since it installs the example too.
test('npm run pictures takes the pictures of the README', { timeout: 300_000 }, async () => {
  const out = mkdtempSync(join(tmpdir(), 'pictures-'));
  const { status, stderr } = await npm(resolve('.'), ['run', '--silent', 'pictures', '--', '--out', out]);
  expect(status, stderr).toBe(0);
  for (const name of ['graphiql', 'react']) {
    const bytes = readFileSync(join(out, `${name}.webp`));
    expect(bytes.subarray(8, 12).toString()).toBe('WEBP');
    expect(bytes.length).toBeGreaterThan(10_000);
    expect(bytes.length).toBeLessThan(150_000);
  }
  rmSync(out, { recursive: true });
});
