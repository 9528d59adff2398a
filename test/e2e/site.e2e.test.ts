import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, posix } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seriousFaults, startBrowser, type TestBrowser } from '../helpers/browser.ts';
import { serve } from '../helpers/closing.ts';
import { install, npm } from '../helpers/example.ts';
import { docPages } from '../helpers/page.ts';

const DIST = 'site/dist';
const TYPES: Readonly<Record<string, string>> = { html: 'html', js: 'javascript', css: 'css', svg: 'image/svg+xml' };

let address: string;
let browser: TestBrowser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  await install('site');
  const { status, stdout, stderr } = await npm('site', ['run', 'build']);
  expect(status, stdout + stderr).toBe(0);
  ({ url: address } = await serve((req, res) => {
    const path = join(DIST, posix.normalize(decodeURIComponent(new URL(req.url ?? '/', 'http://site').pathname)));
    if (!existsSync(path)) return void res.writeHead(404).end();
    const type = TYPES[extname(path).slice(1)] ?? 'octet-stream';
    res.writeHead(200, { 'content-type': type.includes('/') ? type : `text/${type}` }).end(readFileSync(path));
  }));
  browser = await startBrowser({ width: 1280, height: 800 });
  page = await browser.context.newPage();
  page.on('request', (request) => {
    if (!new RegExp(`^(data:|blob:|${address}/)`).test(request.url())) complaints.push(request.url());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
}, 300_000);

afterAll(() => browser?.close());

const pages = () =>
  new Map(
    readdirSync(DIST, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.html') && name !== '404.html')
      .map((name) => [name, readFileSync(join(DIST, name), 'utf8')]),
  );

describe('the documentation as a site', () => {
  test('has every page, and leads to each of them from everywhere', () => {
    const expected = docPages().map(({ path }) => path.replace(/^docs\/(.*)\.md$/, '$1.html'));
    expect([...pages().keys()].sort()).toEqual(expected.sort());
    const home = pages().get('index.html');
    for (const name of expected) if (name !== 'index.html') expect(home).toContain(`href="/${name}"`);
  });

  test('links to pages and headings that there are', () => {
    const html = pages();
    const broken: string[] = [];
    let links = 0;
    for (const [name, text] of html) {
      for (const [, href = ''] of text.matchAll(/<a [^>]*?href="([^"]+)"/g)) {
        if (/^\w+:/.test(href)) continue;
        links += 1;
        const { pathname, hash } = new URL(href, `http://site/${name}`);
        const there = html.get(pathname.slice(1) || 'index.html');
        const isThere = hash === '' || there?.includes(`id="${decodeURIComponent(hash.slice(1))}"`);
        if (there === undefined || !isThere) broken.push(`${name}: ${href}`);
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
    // The other pages have nothing in the dark that these have not.
    if (!['index', 'recipes/public-web-client', 'configuration'].includes(name)) return;
    await page.evaluate(() => document.documentElement.classList.add('dark'));
    // Colours change over a moment.
    await expect.poll(() => seriousFaults(page)).toEqual([]);
  });

  test('shows a page on a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${address}/recipes/last-ten-conversions.html`);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    expect(await seriousFaults(page)).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test('finds a setting by its name, and loads nothing from anywhere else', async () => {
    await page.goto(`${address}/index.html`);
    await page.locator('#local-search button').click();
    await page.locator('.search-input').fill('MAX_DEPTH');
    const found = page.locator('.results a', { hasText: /Limits|ask for/ });
    await found.first().waitFor();
    expect(complaints).toEqual([]);
  });
});
