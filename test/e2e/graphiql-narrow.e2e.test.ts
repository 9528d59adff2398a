import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBrowser, type TestBrowser } from '../helpers/browser.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { ready, runOpenTab, showPanel } from '../helpers/graphiql.ts';

const gateway = await startWithSandbox();
let browser: TestBrowser;

beforeAll(async () => {
  browser = await startBrowser({ width: 1280, height: 800 });
}, 90_000);

afterAll(async () => {
  await browser?.close();
  await gateway.close();
});

/** What lies over an element's corners or middle, or how far it is out of the window; empty if nothing. */
const covers = (locator: Locator): Promise<string> =>
  locator.evaluate((element) => {
    element.scrollIntoView({ block: 'nearest' });
    const { left, right, top, bottom } = element.getBoundingClientRect();
    if (left < 0 || top < 0 || right > innerWidth || bottom > innerHeight) return `${[left, top, right, bottom]}`;
    for (const [x, y] of [
      [(left + right) / 2, (top + bottom) / 2],
      [left + 4, top + 4],
      [right - 4, bottom - 4],
    ] as const) {
      const found = document.elementFromPoint(x, y);
      if (!found || !(element.contains(found) || found.contains(element)))
        return found?.outerHTML.slice(0, 300) ?? 'none';
    }
    return '';
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

describe.each([
  [1280, 800],
  [800, 800],
  [420, 860],
])('at %i px', (width, height) => {
  test.each([null, 'Docs', 'Examples', 'GraphiQL Explorer', 'History', 'Upstream cost'])(
    'nothing is cut or covered beside the panel %s',
    async (panel) => {
      const page = await browser.context.newPage();
      await page.setViewportSize({ width, height });
      await page.goto(`${gateway.url}/graphql`);
      await ready(page);
      await runOpenTab(page, '"data"');
      if (panel) {
        await showPanel(page, panel);
        await expect.poll(() => page.locator('.graphiql-plugin').textContent()).toMatch(/\w/);
        await page.locator('.graphiql-plugin .graphiql-spinner').waitFor({ state: 'detached' });
        // The tooltip of the button, which lies over its neighbours while the button has the pointer and the focus.
        await page.mouse.move(width - 20, height - 20);
        await page.keyboard.press('Escape');
        await page.getByRole('tooltip').waitFor({ state: 'detached' });
        await expect.poll(() => cutText(page)).toEqual([]);
      }
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      const firstLine = page.locator('.graphiql-query-editor .view-line').first();
      const elements = {
        buttons: await page.locator('.graphiql-sidebar > button').all(),
        toolbar: await page.locator('.graphiql-toolbar button').all(),
        'open tab': [page.locator('.graphiql-tab-active .graphiql-tab-button')],
        'new tab': [page.locator('.graphiql-tab-add')],
        'first line': [firstLine],
        status: [page.locator('.answer-facts')],
      };
      for (const [name, all] of Object.entries(elements)) {
        expect(all.length, name).toBeGreaterThan(0);
        for (const element of all) await expect.poll(() => covers(element), { message: name }).toBe('');
      }
      for (const pane of ['.graphiql-query-editor .graphiql-editor', '.result-window']) {
        const box = await page.locator(pane).boundingBox();
        expect(box?.width, pane).toBeGreaterThan(280);
        expect(box?.height, pane).toBeGreaterThan(100);
      }
      await page.evaluate(() => localStorage.clear());
      await page.close();
    },
  );
});
