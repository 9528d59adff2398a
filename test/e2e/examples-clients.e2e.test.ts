import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Page, Request } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { seriousFaults, startBrowser, type TestBrowser } from '../helpers/browser.ts';
import { checkExample, copyExample, npm, startPreview } from '../helpers/example.ts';
import { startWithSandbox } from '../helpers/gateway.ts';

const NAMES = ['apollo-client', 'relay'] as const;

interface Served {
  readonly folder: string;
  readonly server: ChildProcess;
  readonly address: string;
}

let gateway: Awaited<ReturnType<typeof startWithSandbox>>;
let browser: TestBrowser;
let served: Served[] = [];
let page: Page;

async function serve(name: string): Promise<Served> {
  const folder = await copyExample(`examples/${name}`);
  await checkExample(folder);
  const built = await npm(folder, ['run', 'build']);
  if (built.status !== 0) throw new Error(built.stdout + built.stderr);
  return { folder, ...(await startPreview(folder, gateway.url)) };
}

beforeAll(async () => {
  gateway = await startWithSandbox();
  browser = await startBrowser({ width: 1000, height: 700 });
  served = await Promise.all(NAMES.map(serve));
}, 300_000);

afterAll(async () => {
  await browser?.close();
  for (const { server, folder } of served) {
    server.kill();
    rmSync(dirname(folder), { recursive: true });
  }
  await gateway?.close();
});

beforeEach(async () => {
  gateway.sandbox.faults.clear();
  await page?.close();
  page = await browser.context.newPage();
});

const addressOf = (name: (typeof NAMES)[number]): string => served[NAMES.indexOf(name)]?.address as string;
const rows = () => page.getByRole('listitem');
const listed = (count: number): Promise<void> => expect.poll(() => rows().count(), { timeout: 10_000 }).toBe(count);
const alert = () => page.getByRole('alert');

describe('examples/apollo-client', () => {
  const namesOf = async (direction: 'ASC' | 'DESC', first: number): Promise<string[]> => {
    const query = `{ contents(first: ${first}, orderBy: { field: CREATED_AT, direction: ${direction} }) { nodes { name } } }`;
    const { body } = await gateway.query(query);
    return body.data.contents.nodes.map(({ name }: { name: string }) => name);
  };

  test('joins the pages of each order, and keeps the orders apart', async () => {
    await page.goto(addressOf('apollo-client'));
    await listed(12);
    await page.getByRole('button', { name: 'Load more' }).click();
    await listed(24);
    expect(await rows().locator('strong').allTextContents()).toEqual(await namesOf('DESC', 24));
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByLabel('Order').selectOption('ASC');
    await listed(12);
    expect(await rows().locator('strong').allTextContents()).toEqual(await namesOf('ASC', 12));
  });

  test('sends the hash of its query, and the text only when the gateway does not know it', async () => {
    const sent: object[] = [];
    page.on('request', (request: Request) => {
      if (request.url().endsWith('/graphql')) sent.push(request.postDataJSON());
    });
    await page.goto(addressOf('apollo-client'));
    await listed(12);
    await page.reload();
    await listed(12);
    expect(sent.length).toBeGreaterThanOrEqual(2);
    expect(sent[0]).not.toHaveProperty('query');
    expect(sent.at(-1)).not.toHaveProperty('query');
    expect(sent.at(-1)).toHaveProperty('extensions.persistedQuery.sha256Hash');
  });

  test('tries again after a 503 of the gateway, and says so when the products cannot be read', async () => {
    let refused = 0;
    await page.route('**/graphql', (route) => {
      if (refused > 0) return route.continue();
      refused += 1;
      return route.fulfill({ status: 503, headers: { 'retry-after': '1' }, json: { errors: [] } });
    });
    await page.goto(addressOf('apollo-client'));
    await listed(12);
    expect(refused).toBe(1);

    gateway.sandbox.faults.set({ match: { path: '/content' }, status: 422 });
    await page.reload();
    await alert().waitFor();
    gateway.sandbox.faults.clear();
    await page.getByRole('button', { name: 'Try again' }).click();
    await listed(12);
  });
});

describe('examples/relay', () => {
  test('adds pages, and shows the orders before their customers', async () => {
    gateway.sandbox.faults.set({ match: { path: '/profile' }, latencyMs: 1_000 });
    await page.goto(addressOf('relay'));
    await listed(10);
    expect(await rows().filter({ hasText: '…' }).count()).toBeGreaterThan(0);
    gateway.sandbox.faults.clear();
    const withCustomers = () => expect.poll(() => rows().filter({ hasText: '…' }).count()).toBe(0);
    await withCustomers();
    await page.getByRole('button', { name: 'Load more' }).click();
    await listed(20);
    await withCustomers();
    const { body } = await gateway.query('{ conversions(first: 20) { nodes { conversionId profile { name } } } }');
    const shown = await rows().allTextContents();
    for (const [index, { conversionId, profile }] of body.data.conversions.nodes.entries()) {
      expect(shown[index]).toContain(`#${conversionId} `);
      expect(shown[index]).toContain(profile?.name ?? 'Unknown customer');
    }
    expect(await seriousFaults(page)).toEqual([]);
  });

  test('says so when the orders cannot be read', async () => {
    gateway.sandbox.faults.set({ match: { path: '/sale' }, status: 422 });
    await page.goto(addressOf('relay'));
    await alert().waitFor();
  });
});
