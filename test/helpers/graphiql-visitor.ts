import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { readExamples } from '../../src/server/graphiql.ts';
import { startBrowser, type TestBrowser } from './browser.ts';
import { noteComplaints, ready, textOf } from './graphiql.ts';

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
export const QUERY = '.graphiql-query-editor';
/** The editor that is open below: of variables, or of headers. */
export const TOOL = '.graphiql-editor-tool .graphiql-editor:not(.hidden)';
const TABS = 'graphiql:tabState';

export interface Operation {
  readonly query: string;
  readonly variables?: string;
}
export const linkOf = (operation: Operation): string => `#${new URLSearchParams({ ...operation })}`;

interface Visit {
  /** Path and hash. Default: GraphiQL as it opens */
  readonly path?: string;
  /** Whether the browser has what it kept from the visit before. Default: a first visit */
  readonly again?: boolean;
  readonly size?: { readonly width: number; readonly height: number };
}

/**
 * A browser for the tests of a file, without internet, in which one page is open at a time.
 * @param allowed where the page may load from: gateways
 */
export function graphiqlVisitor(allowed: readonly string[]) {
  let browser: TestBrowser;
  let page: Page | undefined;
  /** Errors, what the page's policy did not allow, and addresses elsewhere. */
  const complaints: string[] = [];
  beforeAll(async () => {
    browser = await startBrowser(DESKTOP);
    for (const url of allowed) {
      const { origin } = new URL(url);
      await browser.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
    }
    await browser.context.route('**/*', (route) => {
      const address = route.request().url();
      if ([...allowed, 'blob:', 'data:'].some((start) => address.startsWith(start))) return route.continue();
      complaints.push(address);
      return route.abort();
    });
  }, 90_000);
  afterAll(() => browser?.close());

  /** A page in which nothing was opened yet: a first visit, unless the browser is to have what it kept before. */
  async function newPage(again = false): Promise<Page> {
    await page?.close();
    page = await browser.context.newPage();
    noteComplaints(page, complaints);
    page.on('websocket', (socket) => complaints.push(socket.url()));
    // Not again when this tab is reloaded.
    const forget = (): void => {
      if (sessionStorage.getItem('visited') === null) localStorage.clear();
      sessionStorage.setItem('visited', 'yes');
    };
    if (!again) await page.addInitScript(forget);
    return page;
  }

  return {
    complaints,
    newPage,
    clipboard: (): Promise<string> => (page as Page).evaluate(() => navigator.clipboard.readText()),
    /** GraphiQL, ready to be used. */
    async visit(url: string, { path = '/graphql', again = false, size }: Visit = {}): Promise<Page> {
      const opened = await newPage(again);
      if (size) await opened.setViewportSize(size);
      await opened.goto(url + path);
      await ready(opened);
      return opened;
    },
  };
}

/** Text without white space, which editors break and indent. */
export const squeeze = (text: string): string => text.replaceAll(/\s/g, '');

/** Waits until the tabs that are kept for the next visit contain a text. */
export async function kept(page: Page, text: string): Promise<void> {
  await expect.poll(() => page.evaluate((name) => localStorage.getItem(name), TABS)).toContain(text);
}

/** Replaces the text of an editor as a user does; the editor closes quotes and brackets, and steps over them. */
export async function type(page: Page, editor: string, text: string): Promise<void> {
  await page.locator(`${editor} textarea`).first().focus();
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Delete');
  await page.keyboard.type(text);
  await expect.poll(async () => squeeze(await textOf(page, editor))).toBe(squeeze(text));
  if (editor === QUERY) await kept(page, JSON.stringify(text).slice(1, -1));
}

/** Names of all tabs, the open one in brackets. */
export const tabsOf = (page: Page): Promise<string[]> =>
  page
    .getByRole('tab')
    .evaluateAll((all) =>
      all.map((one) => (one.ariaSelected === 'true' ? `[${one.textContent}]` : String(one.textContent))),
    );

export const EXAMPLES = readExamples();
