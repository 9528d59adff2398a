import type { Page } from 'playwright-core';
import { expect } from 'vitest';

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
  const show = page.getByRole('button', { name: 'Show Documentation Explorer' });
  if ((await show.count()) > 0) await show.click();
  const explorer = page.locator('.graphiql-doc-explorer');
  await expect.poll(() => explorer.textContent()).toContain('Query');
  await explorer.getByRole('link', { name: 'Query' }).first().click();
  await expect.poll(() => explorer.textContent()).toContain('One profile by its id in a source');
}
