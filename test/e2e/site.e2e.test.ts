import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, extname, join, posix } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seriousFaults, startBrowser, type TestBrowser } from '../helpers/browser.ts';
import { install, npm } from '../helpers/example.ts';
import { docPages } from '../helpers/page.ts';

const DIST = 'site/dist';
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

let server: Server;
let address: string;
let browser: TestBrowser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  await install('site');
  const { status, stdout, stderr } = await npm('site', ['run', 'build']);
  expect(status, stdout + stderr).toBe(0);
  server = createServer((req, res) => {
    const path = join(
      DIST,
      posix.normalize(decodeURIComponent((req.url ?? '/').replace(/\?.*$/, '')).replace(/\/$/, '/index.html')),
    );
    if (!existsSync(path)) return void res.writeHead(404).end();
    res.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(readFileSync(path));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await startBrowser({ width: 1280, height: 800 });
  page = await browser.context.newPage();
  page.on('request', (request) => {
    if (!new RegExp(`^(data:|blob:|${address}/)`).test(request.url())) complaints.push(request.url());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
}, 300_000);

afterAll(async () => {
  await browser?.close();
  server?.close();
});

const built = (): string[] =>
  readdirSync(DIST, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.html') && name !== '404.html',
  );

describe('the documentation as a site', () => {
  test('has every page', () => {
    const pages = docPages().map(({ path }) => path.replace(/^docs\/(.*)\.md$/, '$1.html'));
    expect(built().sort()).toEqual(pages.sort());
  });

  test('leads to each of them from everywhere', () => {
    const home = readFileSync(join(DIST, 'index.html'), 'utf8');
    for (const name of built()) if (name !== 'index.html') expect(home).toContain(`href="/${name}"`);
  });

  test('links to pages and headings that there are', () => {
    const html = new Map(built().map((name) => [name, readFileSync(join(DIST, name), 'utf8')]));
    const broken: string[] = [];
    let links = 0;
    for (const [name, text] of html) {
      for (const [, href = ''] of text.matchAll(/<a [^>]*?href="([^"]+)"/g)) {
        if (/^\w+:/.test(href)) continue;
        links += 1;
        const [path = '', anchor] = href.split('#');
        const target =
          path === ''
            ? name
            : posix.join(path.startsWith('/') ? '' : dirname(name), path).replace(/^\/+/, '') || 'index.html';
        const there = html.get(target);
        if (there === undefined) broken.push(`${name}: ${href}`);
        else if (anchor && !there.includes(`id="${decodeURIComponent(anchor)}"`)) broken.push(`${name}: ${href}`);
      }
    }
    expect(links).toBeGreaterThan(500);
    expect(broken).toEqual([]);
  });

  const SEEN = ['index', 'getting-started', 'recipes/public-web-client', 'schema', 'configuration', 'rest-to-graphql'];
  test.each(SEEN)('shows %s to everybody, in light and dark', async (name) => {
    await page.goto(`${address}/${name}.html`);
    await page.locator('h1').waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    // The longest page has nothing in the dark that the others have not.
    if (name === 'schema') return;
    await page.evaluate(() => document.documentElement.classList.add('dark'));
    // Colours change over a moment.
    await page.waitForTimeout(500);
    expect(await seriousFaults(page)).toEqual([]);
  });

  test('shows them on a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${address}/recipes/last-ten-conversions.html`);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    expect(await seriousFaults(page)).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test('finds a setting by its name', async () => {
    await page.goto(`${address}/index.html`);
    await page.locator('#local-search button').click();
    await page.locator('.search-input').fill('MAX_DEPTH');
    await page
      .locator('.results a', { hasText: /Limits|ask for/ })
      .first()
      .waitFor();
  });

  test('loads nothing from anywhere else', () => {
    expect(complaints).toEqual([]);
  });
});
