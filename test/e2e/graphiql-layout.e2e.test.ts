import type { Locator, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { seriousFaults } from '../helpers/browser.ts';
import { closeAtEnd } from '../helpers/closing.ts';
import { startUpstream, startWithSandbox } from '../helpers/gateway.ts';
import { readDocumentation, ready, runOpenTab, showPanel, textOf } from '../helpers/graphiql.ts';
import { DESKTOP, graphiqlVisitor, PHONE, QUERY } from '../helpers/graphiql-visitor.ts';
import { startNginx } from '../helpers/nginx.ts';

const PREFIX = '/tools/gateway/';
const gateway = await startWithSandbox();
// What else the host of nginx serves: it has nothing that GraphiQL needs.
const site = await startUpstream((_call, res) => void res.writeHead(404).end());
const nginx = await startNginx(site.origin, `location ${PREFIX} { proxy_pass ${gateway.url}/; }`);
closeAtEnd(() => nginx.close());
/** GraphiQL behind nginx, which strips a path. */
const root = nginx.origin.replace('localhost', '127.0.0.1') + PREFIX;
const { visit, newPage, clipboard, complaints } = graphiqlVisitor([`${gateway.url}/`, root]);

/** What lies over an element's corners or middle, or how far it is out of the window; empty if nothing. */
const covers = (locator: Locator): Promise<string> =>
  locator.evaluate((element) => {
    const around: [Element, x: number, y: number][] = [];
    for (let at = element.parentElement; at; at = at.parentElement) around.push([at, at.scrollLeft, at.scrollTop]);
    element.scrollIntoView({ block: 'nearest' });
    const { left, right, top, bottom } = element.getBoundingClientRect();
    const points = [
      [(left + right) / 2, (top + bottom) / 2],
      [left + 4, top + 4],
      [right - 4, bottom - 4],
    ] as const;
    const found = points.map(([x, y]) => document.elementFromPoint(x, y));
    for (const [one, x, y] of around) one.scrollTo(x, y);
    if (left < 0 || top < 0 || right > innerWidth || bottom > innerHeight) return `${[left, top, right, bottom]}`;
    const other = found.find((one) => !one || !(element.contains(one) || one.contains(element)));
    return other === undefined ? '' : (other?.outerHTML.slice(0, 300) ?? 'none');
  });

/** Panels wider than their frame, and words in them that are broken into letters. */
const cutText = (page: Page): Promise<string[]> =>
  page.locator('.graphiql-plugin').evaluate((panel) => {
    const faults = panel.scrollWidth > panel.clientWidth ? [`${panel.scrollWidth} > ${panel.clientWidth} px`] : [];
    for (const cell of panel.querySelectorAll('thead th, h2, h3, p, button')) {
      const { height } = cell.getBoundingClientRect();
      const letters = (cell.textContent ?? '').length;
      if (letters > 0 && height / 18 > Math.max(3, letters / 4)) faults.push(`${cell.textContent}: ${height} px`);
    }
    return faults;
  });

/** What of the page is cut, covered, too small, or wider than the window. */
async function layoutFaults(page: Page): Promise<string[]> {
  const elements = {
    buttons: '.graphiql-sidebar > button',
    toolbar: '.graphiql-toolbar button',
    'open tab': '.graphiql-tab-active .graphiql-tab-button',
    'new tab': '.graphiql-tab-add',
    'first line': `${QUERY} .view-line >> nth=0`,
    status: '.answer-facts',
  };
  const faults: string[] = [];
  for (const [name, selector] of Object.entries(elements)) {
    const all = await page.locator(selector).all();
    if (all.length === 0) faults.push(`no ${name}`);
    for (const element of all) {
      const over = await covers(element);
      if (over) faults.push(`${name}: ${over}`);
    }
  }
  for (const pane of [`${QUERY} .graphiql-editor`, '.result-window']) {
    const { width = 0, height = 0 } = (await page.locator(pane).boundingBox()) ?? {};
    if (width < 280 || height < 100) faults.push(`${pane}: ${width} × ${height} px`);
  }
  const width = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  return width > 0 ? [...faults, `${width} px too wide`] : faults;
}

const PANELS = ['', 'Docs', 'Examples', 'GraphiQL Explorer', 'History', 'Upstream cost'];

describe.each([DESKTOP, { width: 800, height: 800 }, { width: 420, height: 860 }, PHONE])('GraphiQL at %o', (size) => {
  const isPhone = size === PHONE;

  test('is readable beside every panel, light and dark, for everybody', { timeout: 120_000 }, async () => {
    const page = await visit(gateway.url, { size });
    await runOpenTab(page, '"data"');
    for (const panel of PANELS) {
      if (panel !== '') {
        await showPanel(page, panel);
        await expect.poll(() => page.locator('.graphiql-plugin').textContent()).toMatch(/\w/);
        await page.locator('.graphiql-plugin .graphiql-spinner').waitFor({ state: 'detached' });
        // The tooltip of the button, which lies over its neighbours while the button has the pointer and the focus.
        await page.mouse.move(size.width - 20, size.height - 20);
        await page.keyboard.press('Escape');
        await page.getByRole('tooltip').waitFor({ state: 'detached' });
        await expect.poll(() => cutText(page), { message: panel }).toEqual([]);
      }
      if (!isPhone) await expect.poll(() => layoutFaults(page), { message: panel }).toEqual([]);
      if (!isPhone && size !== DESKTOP) continue;
      // What is narrow has no colours of its own.
      for (const colorScheme of isPhone ? (['light'] as const) : (['light', 'dark'] as const)) {
        await page.emulateMedia({ colorScheme });
        // Colours change over a moment.
        await expect.poll(() => seriousFaults(page), { message: `${panel}, ${colorScheme}` }).toEqual([]);
      }
    }
  });
});

test('GraphiQL follows a system that is light or dark', async () => {
  const page = await visit(gateway.url);
  const ground = async (): Promise<number> => {
    const color = await page.evaluate(
      () => getComputedStyle(document.querySelector('.graphiql-container') as Element).backgroundColor,
    );
    const parts = (color.match(/\d+/g) ?? []).slice(0, 3).map(Number);
    return parts.reduce((sum, part) => sum + part, 0) / 3;
  };
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(ground).toBeLessThan(100);
  await page.emulateMedia({ colorScheme: 'light' });
  await expect.poll(ground).toBeGreaterThan(200);
});

test('GraphiQL fits a phone: the query, the button, the answer and the documentation are in sight', async () => {
  const page = await visit(gateway.url, { size: PHONE });
  await runOpenTab(page, 'Ada Example');
  const boxOf = async (selector: string) => {
    const box = await page.locator(selector).boundingBox();
    return box ?? { x: -1, y: -1, width: 0, height: 0 };
  };
  for (const selector of [QUERY, '.result-window', '.graphiql-execute-button']) {
    const { x, y, width, height } = await boxOf(selector);
    expect(x, selector).toBeGreaterThanOrEqual(0);
    expect(x + width, selector).toBeLessThanOrEqual(PHONE.width);
    expect(y + height, selector).toBeLessThanOrEqual(PHONE.height);
    if (selector !== '.graphiql-execute-button') expect([width > 300, height > 150], selector).toEqual([true, true]);
  }
  await showPanel(page, 'Docs');
  const docs = async () => {
    const { width, height } = await boxOf('.graphiql-plugin');
    return [width > 300, height > 150];
  };
  await expect.poll(docs).toEqual([true, true]);
});

test('GraphiQL needs at most 900 KB before a query can be typed, and no workers', async () => {
  const page = await newPage();
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
  await page.locator(`${QUERY} .view-line`).first().waitFor();
  await page.locator(`${QUERY} textarea`).first().focus();
  await page.keyboard.press('Control+Home');
  await page.keyboard.insertText('# typed\n');
  await expect.poll(() => textOf(page, QUERY)).toContain('# typed');
  isUsable = true;
  typed.resolve();

  const bytes = loaded.reduce((sum, [, size]) => sum + size, 0);
  expect(loaded.some(([url]) => /\/monaco-editor-.*\.js$/.test(url))).toBe(true);
  expect(bytes, JSON.stringify(loaded, null, 1)).toBeLessThanOrEqual(900_000);
  // What the editor does without: the panels, and what formats code.
  expect(loaded.filter(([url]) => /\/(docs-panel|explorer-panel|babel|estree|standalone)-/.test(url))).toEqual([]);
});

describe('GraphiQL behind nginx, which strips a path', () => {
  test.each([
    ['graphql', 'graphql'],
    ['graphql/', 'graphql/'],
    ['', 'graphql'],
  ])('works at …/%s: files, a query, documentation, a link to share', async (path, opened) => {
    complaints.length = 0;
    const page = await newPage();
    const answers: [number, string][] = [];
    page.on('response', (response) => answers.push([response.status(), response.url()]));
    await page.goto(root + path);
    await ready(page);
    expect(page.url().split('#')[0]).toBe(root + opened);
    await runOpenTab(page, 'Ada Example');
    await readDocumentation(page);
    const files = answers.map(([, url]) => url).filter((url) => url.startsWith(`${root}graphiql/`));
    for (const kind of [/\/boot-.*\.js$/, /\/main-.*\.js$/, /\/monaco-editor-.*\.css$/, /\/codicon-.*\.ttf$/])
      expect(files.some((url) => kind.test(url))).toBe(true);
    const workers = () => page.workers().map((worker) => worker.url());
    const own = expect.stringContaining(`${root}graphiql/graphql.worker-`);
    await expect.poll(workers).toContainEqual(own);
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByText('Link copied').waitFor();
    expect(await clipboard()).toMatch(new RegExp(`^${root}${opened}#query=`));
    expect(answers.filter(([status]) => status >= 400)).toEqual([]);
    // Nothing came from elsewhere, and nothing of the host beside the path.
    expect([complaints, site.calls]).toEqual([[], []]);
  });
});
