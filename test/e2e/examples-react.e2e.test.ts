import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seriousFaults, startBrowser, type TestBrowser } from '../helpers/browser.ts';
import { checkExample, copyExample, npm, startPreview } from '../helpers/example.ts';
import { startWithSandbox, type TestGateway } from '../helpers/gateway.ts';

const INSTALL_MS = 300_000;

/** Runs in the page: notes when the list is there, and when it has a name. */
function noteTimes(): void {
  const note = (name: string, selector: string): void => {
    if (document.querySelector(selector) && performance.getEntriesByName(name).length === 0) performance.mark(name);
  };
  new MutationObserver(() => {
    note('rows', 'li:nth-child(10) .order');
    note('names', '.order .name');
  }).observe(document, { childList: true, subtree: true });
}

/** Opens the page anew, and gives the ms from its question to the list, and to the first name in it. */
async function timesOf(page: Page): Promise<{ rows: number; names: number }> {
  await page.reload();
  await page.waitForFunction(
    () =>
      document.querySelector('li:nth-child(10) .order') && !document.querySelector('ul')?.textContent?.includes('…'),
  );
  return page.evaluate(() => {
    const at = (name: string): number => performance.getEntriesByName(name)[0]?.startTime ?? Number.NaN;
    const asked = at(`${location.origin}/graphql`);
    return { rows: at('rows') - asked, names: at('names') - asked };
  });
}

describe('examples/react in Chromium', () => {
  let folder: string;
  let browser: TestBrowser;
  let gateway: TestGateway & { sandbox: Awaited<ReturnType<typeof startWithSandbox>>['sandbox'] };
  let server: ChildProcess;
  let address: string;
  let page: Page;

  beforeAll(async () => {
    folder = await copyExample('examples/react');
    await checkExample(folder);
    const built = await npm(folder, ['run', 'build']);
    expect(built.status, built.stderr).toBe(0);
    gateway = await startWithSandbox();
    ({ server, address } = await startPreview(folder, gateway.url));
    browser = await startBrowser({ width: 1000, height: 700 });
  }, INSTALL_MS);

  afterAll(async () => {
    await browser?.close();
    server?.kill();
    await gateway?.close();
    rmSync(dirname(folder), { recursive: true });
  });

  /** The page anew, with nothing in its cache. */
  async function open(): Promise<void> {
    gateway.sandbox.faults.clear();
    gateway.sandbox.reset();
    await page?.close();
    page = await browser.context.newPage();
    await page.goto(address);
  }

  const rows = () => page.getByRole('region', { name: 'Orders' }).getByRole('listitem');
  /** Waits for as many rows, and their people. */
  const listed = (count: number): Promise<unknown> =>
    expect
      .poll(async () => [await rows().count(), await rows().filter({ hasText: '…' }).count()], { timeout: 10_000 })
      .toEqual([count, 0]);
  /** A person with two orders or more on the page, and the rows of those. */
  async function somebody() {
    const names = await page.locator('.order .name').allTextContents();
    const name = names.find((one, index) => names.indexOf(one) !== index) ?? (names[0] as string);
    return {
      name,
      of: (shown: string) => page.locator('.order .name', { hasText: shown }),
      orders: names.filter((one) => one === name).length,
    };
  }
  const details = () => page.getByRole('region', { name: 'Order', exact: true });
  async function rename(from: string, to: string): Promise<void> {
    await rows().filter({ hasText: from }).first().click();
    await details().getByRole('button', { name: 'Rename' }).click();
    await page.getByLabel('Name', { exact: true }).fill(to);
    await page.getByRole('button', { name: 'Save' }).click();
  }

  test('lists orders with their people, page by page', async () => {
    await open();
    await listed(10);
    await page.getByRole('button', { name: 'More' }).click();
    await listed(20);
    const { body } = await gateway.query('{ conversions(first: 20) { nodes { conversionId profile { name } } } }');
    const shown = await rows().allTextContents();
    for (const [index, { conversionId, profile }] of body.data.conversions.nodes.entries()) {
      expect(shown[index]).toContain(`#${conversionId} `);
      expect(shown[index]).toContain(profile?.name ?? 'Unknown customer');
    }
  });

  test('shows an order with its lines and its customer, in both themes and on a phone', async () => {
    await open();
    await listed(10);
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
      if (theme === 'dark') await page.getByRole('button', { name: 'Use the dark theme' }).click();
      expect(await page.evaluate(() => document.documentElement.style.colorScheme)).toBe(theme);
      expect(await seriousFaults(page)).toEqual([]);
    }
    await page.reload();
    await page.getByRole('button', { name: 'Use the light theme' }).click();

    await page.setViewportSize({ width: 420, height: 800 });
    expect(await rows().count()).toBe(0);
    await page.getByRole('link', { name: 'All orders' }).click();
    await listed(10);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
  });

  test('says so when the order in the address does not exist', async () => {
    await open();
    await page.goto(`${address}/#/orders/nothing`);
    await page.getByText('This order does not exist any more.').waitFor();
  });

  test('shows ten rows before the first name, where the API is slow with people', async () => {
    await open();
    await listed(10);
    const shown = await rows().allTextContents();
    gateway.sandbox.faults.set({ match: { path: '/profile' }, latencyMs: 1_000 });
    await page.addInitScript(noteTimes);

    const inParts = await timesOf(page);
    expect(inParts.names - inParts.rows).toBeGreaterThan(500);
    expect(await rows().allTextContents()).toEqual(shown);

    // The same page, where it takes no parts.
    await page.route('**/graphql', (route) =>
      route.continue({ headers: { ...route.request().headers(), accept: 'application/json' } }),
    );
    const whole = await timesOf(page);
    expect(await rows().allTextContents()).toEqual(shown);
    expect(inParts.rows / whole.rows).toBeLessThan(0.5);
  });

  test('adds the rows of the next page before their names, and keeps the names above', async () => {
    await open();
    await listed(10);
    const shown = await rows().allTextContents();
    gateway.sandbox.faults.set({ match: { path: '/profile' }, latencyMs: 1_000 });
    await page.getByRole('button', { name: 'More' }).click();
    await expect.poll(() => rows().count()).toBe(20);
    const more = await rows().allTextContents();
    expect(more.slice(0, 10)).toEqual(shown);
    for (const row of more.slice(10)) expect(row).toContain('…');
    await listed(20);
  });

  test('shows an error in place of a person that cannot be read', async () => {
    await open();
    await listed(10);
    gateway.sandbox.faults.set({ match: { path: '/profile/1001' }, status: 422 });
    await page.reload();
    await listed(10);
    expect(await rows().first().textContent()).toContain('Unknown customer');
    expect(await page.getByRole('alert').getAttribute('data-code')).toBe('UPSTREAM_REJECTED');
  });

  test('shows a new name before the API has answered, in every row of that person', async () => {
    await open();
    await listed(10);
    const { name, of, orders } = await somebody();
    gateway.sandbox.faults.set({ match: { method: 'PUT' }, latencyMs: 3_000 });
    const answered = page.waitForResponse((response) => /mutation/.test(response.request().postData() ?? ''));
    await rename(name, 'Ada Optimist');
    await expect.poll(() => of('Ada Optimist').count(), { timeout: 2_000 }).toBe(orders);
    // The request may still be on its way to the API; what matters is that the API has answered none.
    const writes = () => gateway.sandbox.requests.filter(({ method }) => method === 'PUT');
    expect(writes().filter(({ status }) => status !== 0)).toEqual([]);
    expect((await (await answered).json()).data.updateProfile.profile.name).toBe('Ada Optimist');
    expect(writes().map(({ status }) => status)).toEqual([200]);
    expect(await of('Ada Optimist').count()).toBe(orders);
  });

  test('takes the name back and says why when the API refuses it', async () => {
    await open();
    await listed(10);
    const { name, of, orders } = await somebody();
    gateway.sandbox.faults.set({ match: { method: 'PUT' }, status: 422 });
    await rename(name, 'Refused');
    await details().getByText('The API refused it').waitFor();
    expect(await of('Refused').count()).toBe(0);
    expect(await of(name).count()).toBe(orders);
  });

  test('chooses its message by the error code, and retries on request', async () => {
    await open();
    await listed(10);
    gateway.sandbox.faults.set({ match: { path: '/sale' }, status: 503 });
    await page.reload();
    const alert = page.getByRole('alert');
    await alert.waitFor();
    expect(await alert.getAttribute('data-code')).toBe('UPSTREAM_UNAVAILABLE');
    gateway.sandbox.faults.clear();
    await page.getByRole('button', { name: 'Try again' }).click();
    await listed(10);
    expect(await alert.count()).toBe(0);
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
