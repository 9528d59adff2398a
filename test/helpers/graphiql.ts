import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { readExamples } from '../../src/server/graphiql.ts';

/** Waits until GraphiQL can be used. */
export async function ready(page: Page): Promise<void> {
  await page.locator('.graphiql-execute-button').waitFor({ timeout: 60_000 });
  // The editors come later than all around them.
  await page.locator('.graphiql-query-editor .view-line span span').first().waitFor({ timeout: 60_000 });
  await page.locator('.result-window .view-lines').waitFor({ timeout: 60_000 });
  // The tabs are kept for the next visit a moment after they are there.
  await page.waitForFunction(() => 'graphiql:tabState' in localStorage);
}

/** Text of an editor, which shows spaces as no-break ones and only the lines in sight. */
export async function textOf(page: Page, selector: string): Promise<string> {
  const text = await page.locator(`${selector} .view-lines`).first().textContent();
  return (text ?? '').replaceAll('\u00a0', ' ');
}

/** Notes what the browser complains of: errors, and what the page's policy does not allow. */
export function noteComplaints(page: Page, complaints: string[]): void {
  page.on('console', (message) => {
    if (message.type() === 'error' || /Content Security Policy/.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
}

/** Opens the documentation, unless it is open since the last visit, and follows it to a description of ours. */
export async function readDocumentation(page: Page): Promise<void> {
  await showPanel(page, 'Docs');
  const explorer = page.locator('.graphiql-doc-explorer');
  await expect.poll(() => explorer.textContent()).toContain('Query');
  await explorer.getByRole('link', { name: 'Query' }).first().click();
  await expect.poll(() => explorer.textContent()).toContain('One profile by its id in a source');
}

/** Shows a panel of the sidebar, unless it is shown. */
export async function showPanel(page: Page, title: string): Promise<void> {
  const show = page.getByRole('button', { name: `Show ${title}`, exact: true });
  if ((await show.count()) > 0) await show.click();
}

/** Opens an example from the list, and shows the panel that was open before. */
export async function openExample(page: Page, name: string): Promise<void> {
  const operation = /^(?:query|mutation) (\w+)/m.exec(readExamples().get(name) ?? '')?.[1] ?? '';
  const shown = page.locator('.graphiql-sidebar button[aria-label^="Hide "]');
  const before = (await shown.count()) > 0 ? await shown.getAttribute('aria-label') : null;
  await showPanel(page, 'Examples');
  await page.getByRole('button', { name: operation, exact: true }).click();
  await expect
    .poll(() => textOf(page, '.graphiql-query-editor'), { timeout: 10_000 })
    .toMatch(new RegExp(`(query|mutation) ${operation}\\b`));
  if (before === null) await page.getByRole('button', { name: 'Hide Examples' }).click();
  else await showPanel(page, before.slice('Hide '.length));
  // GraphiQL notes the operation's name a moment after the text.
  await page.waitForFunction((name) => {
    const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem('graphiql:tabState') ?? '{"tabs":[]}');
    return tabs[activeTabIndex]?.operationName === name;
  }, operation);
}

/** Runs the open tab. Returns once GraphiQL shows an answer that contains the text. */
export async function runOpenTab(page: Page, shown: string): Promise<void> {
  await page.locator('.graphiql-execute-button[aria-label^="Execute"]').click();
  await expect.poll(() => textOf(page, '.result-window')).toContain(shown);
}
