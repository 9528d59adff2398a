import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readExamples } from '../../src/server/graphiql.ts';
import type { TraceEntry } from '../../src/upstream/call-trace.ts';
import { seriousFaults, startBrowser, type TestBrowser } from '../helpers/browser.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { noteComplaints, openExample, readDocumentation, ready, textOf } from '../helpers/graphiql.ts';
import { assemble, readParts } from '../helpers/parts.ts';

const gateway = await startWithSandbox();
const keyed = await startWithSandbox({ AUTH_MODE: 'passthrough' });
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

let started: TestBrowser;
let browser: BrowserContext;
let page: Page;
/** Addresses outside the gateways that a page tried. */
const strange: string[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  started = await startBrowser(DESKTOP);
  browser = started.context;
  await browser.route('**/*', (route) => {
    const address = route.request().url();
    const own = [gateway, keyed].some(({ url }) => address.startsWith(`${url}/`));
    if (own || /^(blob|data):/.test(address)) return route.continue();
    strange.push(address);
    return route.abort();
  });
  page = await openPage(gateway.url);
}, 90_000);

afterAll(async () => {
  await started?.close();
  await gateway.close();
  await keyed.close();
});

/** GraphiQL in a browser tab of its own, ready to be used. */
async function openPage(url: string, path = '/graphql'): Promise<Page> {
  const opened = await browser.newPage();
  noteComplaints(opened, complaints);
  opened.on('websocket', (socket) => strange.push(socket.url()));
  await opened.addInitScript(keepParts);
  await opened.goto(url + path);
  await ready(opened);
  return opened;
}

declare global {
  interface Window {
    /** The last answer in parts. */
    inParts?: Promise<string>;
  }
}

/** Runs in the page: has it keep what came in parts, which Chromium's debugger does not give out. */
function keepParts(): void {
  const send = window.fetch;
  window.fetch = async (...request) => {
    const response = await send(...request);
    if (response.headers.get('content-type')?.startsWith('multipart/')) {
      // Without an end where the user stops it.
      window.inParts = response.clone().text().catch(String);
    }
    return response;
  };
}

/** All that the page left in the browser. */
const stored = (page: Page): Promise<string> => page.evaluate(() => JSON.stringify(localStorage));

/** What the last answer said of its cost. */
let receipt: { calls: number; budget: number; trace: TraceEntry[] };

/** Runs the open tab and gives the answer as it was sent, once GraphiQL shows it. */
async function run(
  page: Page,
  start: () => Promise<unknown> = () => page.locator('.graphiql-execute-button[aria-label^="Execute"]').click(),
): Promise<{ data?: Record<string, unknown>; errors?: unknown }> {
  const answered = page.waitForResponse((response) => response.request().headers()['x-upstream-receipt'] === 'trace');
  await page.evaluate(() => delete window.inParts);
  await start();
  const response = await answered;
  const isInParts = response.headers()['content-type']?.startsWith('multipart/') ?? false;
  if (isInParts) await page.waitForFunction(() => window.inParts);
  const text = isInParts ? await page.evaluate(() => window.inParts) : await response.text();
  const parts = await readParts(new Response(text ?? null, { headers: response.headers() }));
  // The receipt is shown beside the answer, not in it.
  receipt = parts.at(-1)?.extensions?.upstream as typeof receipt;
  const { data, errors } = assemble(parts);
  const answer = { ...(errors.length > 0 && { errors }), data: data as Record<string, unknown> };
  const shown = JSON.stringify(answer, null, 2).replaceAll('\n', '').slice(0, 60);
  await expect.poll(async () => squeeze(await textOf(page, '.result-window'))).toContain(squeeze(shown));
  return answer;
}
const squeeze = (text: string): string => text.replaceAll(/\s/g, '');

/** Replaces the text of an editor as a user does; the editor closes quotes and brackets, and steps over them. */
async function write(page: Page, selector: string, text: string): Promise<void> {
  await page.locator(`${selector} textarea`).first().focus();
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Delete');
  await page.keyboard.type(text);
  await expect.poll(async () => squeeze(await textOf(page, selector))).toBe(squeeze(text));
  await page.waitForTimeout(500);
}

/** Closes the tab of an operation. */
async function closeTab(page: Page, operation: string): Promise<void> {
  const tabs = await page.getByRole('tab').count();
  await page.locator('.graphiql-tab', { hasText: operation }).locator('.graphiql-tab-close').click();
  await expect.poll(() => page.getByRole('tab').count()).toBe(tabs - 1);
  // The tabs are kept for the next visit a moment later.
  await page.waitForTimeout(1_000);
}

/** An example that follows links, so that it makes several calls. */
const WITH_LINKS = '06-conversions-to-profiles';
/** One whose answer comes in parts. */
const IN_PARTS = '16-conversions-then-profiles';

/** Opens the cost panel, unless it is open. */
async function showCost(): Promise<void> {
  const show = page.getByRole('button', { name: 'Show Upstream cost' });
  if ((await show.count()) > 0) await show.click();
}

const SHOWN_TOOL = '.graphiql-editor-tool .graphiql-editor:not(.hidden)';

describe('GraphiQL in a browser without internet', () => {
  test('renders, with three examples in tabs', async () => {
    await expect
      .poll(() => page.getByRole('tab').allTextContents())
      .toEqual(['Profile', 'ConversionsWithProfiles', 'CreateProfile']);
    expect(await page.title()).toContain('GraphiQL');
    expect(await textOf(page, '.graphiql-query-editor')).toContain('query Profile {');
  });

  test('adds no tab by a reload', async () => {
    await page.reload();
    await ready(page);
    expect(await page.getByRole('tab').count()).toBe(3);
    expect(await textOf(page, '.graphiql-query-editor')).toContain('query Profile {');
  });

  test('runs every example as it stands', async () => {
    for (const name of readExamples().keys()) {
      await openExample(page, name);
      const { data, errors } = await run(page);
      expect(errors, name).toBeUndefined();
      for (const value of Object.values(data ?? {})) expect(value, name).not.toBeNull();
    }
  });

  test('runs by the keyboard', async () => {
    await openExample(page, '01-profile');
    await page.locator('.graphiql-query-editor .view-lines').click();
    const { data } = await run(page, () => page.keyboard.press('Control+Enter'));
    expect(data).toMatchObject({ profile: { name: 'Ada Example' } });
  });

  test('shows in a query with variables what a mutation wrote', async () => {
    await openExample(page, '11-create-profile');
    await write(
      page,
      SHOWN_TOOL,
      '{"input": {"profileId": "typed-1", "source": "Webshop", "firstName": "Typed by hand"}}',
    );
    expect((await run(page)).data).toMatchObject({
      createProfile: { profile: { firstName: 'Typed by hand' }, userErrors: [] },
    });
    await openExample(page, '01-profile');
    await write(
      page,
      '.graphiql-query-editor',
      'query Written($id: ID!) { profile(profileId: $id, source: "Webshop") { firstName } }',
    );
    await write(page, SHOWN_TOOL, '{"id": "typed-1"}');
    expect(await run(page)).toEqual({ data: { profile: { firstName: 'Typed by hand' } } });
  });

  test('is as it was after a reload', async () => {
    await page.reload();
    await ready(page);
    expect(await page.getByRole('tab').count()).toBe(readExamples().size);
    expect(await run(page)).toEqual({ data: { profile: { firstName: 'Typed by hand' } } });
  });

  test('keeps the operation in the address’s hash, as long as it fits there', async () => {
    const { pathname, search, hash } = new URL(page.url());
    expect(search).toBe('');
    const held = new URLSearchParams(hash.slice(1));
    expect([...held.keys()]).toEqual(['query', 'variables']);
    expect(held.get('query')).toContain('query Written');
    const other = await openPage(gateway.url, pathname + hash);
    expect(await textOf(other, '.graphiql-query-editor')).toContain('query Written');
    expect(await textOf(other, SHOWN_TOOL)).toContain('typed-1');
    expect(await run(other)).toEqual({ data: { profile: { firstName: 'Typed by hand' } } });
    // A link that is pasted into an open page.
    const link = new URLSearchParams({
      query: 'query Pasted { profile(profileId: "1002", source: "Webshop") { id } }',
    });
    await other.goto(`${gateway.url}${pathname}#${link}`);
    // The page loads anew.
    await expect.poll(() => textOf(other, '.graphiql-query-editor'), { timeout: 10_000 }).toContain('query Pasted');
    await closeTab(other, 'Pasted');
    await other.close();

    await page.locator('.graphiql-query-editor .view-lines').click();
    await page.keyboard.press('Control+Home');
    // Letters that take six characters each in an address: the editor takes many seconds over 20,000 characters.
    await page.keyboard.insertText(`# ${'ü'.repeat(98)}\n`.repeat(16));
    await expect.poll(() => new URL(page.url()).hash.length, { timeout: 10_000 }).toBe(0);
    // The tabs are kept a moment after the address.
    const tabs = () =>
      page.evaluate(() => Object.entries(localStorage).find(([key]) => key.endsWith('tabState'))?.[1] ?? '');
    await expect.poll(tabs, { timeout: 10_000 }).toContain('# üüü');
    await page.reload();
    await ready(page);
    expect(await page.getByRole('tab').count()).toBe(readExamples().size);
    expect(await textOf(page, '.graphiql-query-editor')).toContain('# üüü');
  });

  test('opens a link on a first visit, beside the examples', async () => {
    const context = await browser.browser()?.newContext({ viewport: DESKTOP });
    const first = context ? await context.newPage() : await browser.newPage();
    await first.addInitScript(() => {
      if (!sessionStorage.getItem('visited')) localStorage.clear();
      sessionStorage.setItem('visited', 'yes');
    });
    const link = new URLSearchParams({
      query: 'query Linked($id: ID!) { profile(profileId: $id, source: "Webshop") { name } }',
      variables: '{"id": "1001"}',
    });
    await first.goto(`${gateway.url}/graphql#${link}`);
    await ready(first);
    expect(await first.getByRole('tab').count()).toBe(4);
    expect((await run(first)).data).toEqual({ profile: { name: 'Ada Example' } });
    await closeTab(first, 'Linked');
    await first.close();
    await context?.close();
  });

  test('copies a link to the operation', async () => {
    await browser.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: gateway.url });
    await openExample(page, '02-profiles');
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByText('Link copied').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(page.url());
    expect(page.url()).toContain('#query=');
  });

  test('prettifies', async () => {
    await page.locator('.graphiql-tab-button').first().dispatchEvent('click');
    await expect.poll(() => textOf(page, '.graphiql-query-editor')).toContain('# ü');
    await write(
      page,
      '.graphiql-query-editor',
      'query Ugly { profile(profileId:"1001" source:"Webshop"){name email} }',
    );
    await page.getByRole('button', { name: 'Prettify' }).click();
    await expect
      .poll(() => page.evaluate(() => new URLSearchParams(location.hash.slice(1)).get('query')))
      .toBe('query Ugly {\n  profile(profileId: "1001", source: "Webshop") {\n    name\n    email\n  }\n}\n');
  });

  test('builds a query in its explorer', async () => {
    await page.getByRole('button', { name: 'Show GraphiQL Explorer' }).click();
    const explorer = page.locator('.docExplorerWrap');
    await explorer.locator('[data-field-name="firstName"]').first().click();
    await expect.poll(() => textOf(page, '.graphiql-query-editor')).toContain('firstName');
    const country = explorer.getByRole('checkbox', { name: 'country' }).first();
    expect(await country.getAttribute('aria-checked')).toBe('false');
    await country.press('Space');
    await expect.poll(() => textOf(page, '.graphiql-query-editor')).toContain('country');
    expect(await country.getAttribute('aria-checked')).toBe('true');
    await page.getByRole('button', { name: 'Hide GraphiQL Explorer' }).click();
  });

  test('remembers what was run in its history', async () => {
    await page.getByRole('button', { name: 'Show History' }).click();
    const history = page.locator('.graphiql-history');
    await expect.poll(() => history.textContent()).toContain('Written');
    await page.getByRole('button', { name: 'Hide History' }).click();
  });

  test('shows before the run what it may cost, and after it each REST call', async () => {
    await openExample(page, WITH_LINKS);
    await page.getByRole('button', { name: 'Show Upstream cost' }).click();
    const plan = page.getByRole('region', { name: 'Planned REST calls' });
    await plan.waitFor();
    await expect.poll(() => plan.getByRole('row').last().textContent()).toMatch(/^Total\d/);
    gateway.sandbox.requests.length = 0;
    await run(page);
    expect(receipt.calls).toBeGreaterThan(3);
    expect(gateway.sandbox.requests).toHaveLength(receipt.calls);
    await expect.poll(() => page.locator('.cost-bar').count()).toBe(receipt.trace.length);
    const panel = page.locator('.cost');
    expect(await panel.textContent()).toContain(`${receipt.calls} of 1,000 REST calls`);
    expect(await page.locator('.graphiql-footer').textContent()).toContain(`${receipt.calls} of 1,000 REST calls`);
    const bars = await page.locator('.cost-bar').allTextContents();
    expect(bars[0]).toMatch(/^GET \/project\/\{project\}\/\w+[\d.,]+ ms$|^GET .* ms$/);

    await page.getByText('As a table').press('Enter');
    const table = page.getByRole('region', { name: 'REST calls as a table' });
    expect(await table.getByRole('row').count()).toBe(receipt.trace.length + 1);
    for (const [index, { endpoint }] of receipt.trace.entries()) {
      expect(
        await table
          .getByRole('row')
          .nth(index + 1)
          .textContent(),
      ).toContain(endpoint);
    }
  });

  test('distinguishes shared, repeated and refused calls', async () => {
    gateway.sandbox.faults.set([
      { match: { path: '/profile/1003' }, status: 503, times: 1 },
      { match: { path: '/profile/1002' }, status: 404 },
    ]);
    const one = (name: string, id: string): string =>
      `${name}: profile(profileId: "${id}", source: "Webshop") { name }`;
    const query = `query Mixed { ${one('a', '1001')} ${one('b', '1001')} ${one('c', '1002')} ${one('d', '1003')} }`;
    const opened = await openPage(gateway.url, `/graphql#${new URLSearchParams({ query })}`);
    await run(opened);
    gateway.sandbox.faults.clear();
    await expect.poll(() => opened.locator('.cost-bar').count()).toBe(4);
    const bars = (await opened.locator('.cost-bar').allTextContents()).join('\n');
    for (const words of ['shared', 'refused', 'ok, retried (2 attempts)']) expect(bars).toContain(words);
    expect(await opened.locator('.graphiql-footer').textContent()).toContain('1 retried · 1 shared');
    await opened.emulateMedia({ colorScheme: 'dark' });
    await closeTab(opened, 'Mixed');
    await opened.close();
  });

  test('shows the parts of an answer as they come, and what they cost after the last', async () => {
    await showCost();
    await openExample(page, IN_PARTS);
    gateway.sandbox.faults.set({ match: { path: '/profile' }, latencyMs: 2_000 });
    const running = run(page);
    const shown = async (): Promise<boolean[]> => {
      const text = await textOf(page, '.result-window');
      return [text.includes('"conversionId"'), text.includes('"name"')];
    };
    await expect.poll(shown, { interval: 20, timeout: 10_000 }).toEqual([true, false]);
    expect(await page.locator('.cost').textContent()).toContain('Running');
    const { data, errors } = await running;
    gateway.sandbox.faults.clear();
    expect(errors).toBeUndefined();
    expect((data as { conversions: { nodes: unknown[] } }).conversions.nodes).toHaveLength(10);
    await expect.poll(shown).toEqual([true, true]);
    expect(receipt.trace.length).toBeGreaterThan(5);
    await expect.poll(() => page.locator('.cost-bar').count()).toBe(receipt.trace.length);
  });

  test('shows all fields of an object that comes in two parts', async () => {
    const query = `query Twice {
      conversion(conversionId: "3001") { items { name } ... @defer { items { quantity } profile { email } } }
    }`;
    const opened = await openPage(gateway.url, `/graphql#${new URLSearchParams({ query })}`);
    await run(opened);
    const { body } = await gateway.query(query);
    // In the order in which the fields came.
    const whole = body.data.conversion.items.map(({ name, quantity }: Record<string, unknown>) => ({ name, quantity }));
    await expect
      .poll(async () => squeeze(await textOf(opened, '.result-window')))
      .toContain(
        squeeze(JSON.stringify({ items: whole, profile: body.data.conversion.profile }, null, 2).slice(1, -1)),
      );
    await closeTab(opened, 'Twice');
    await opened.close();
  });

  test('stops between two parts, and says that the cost is not known', async () => {
    await showCost();
    await openExample(page, IN_PARTS);
    gateway.sandbox.faults.set({ match: { path: '/profile' }, latencyMs: 5_000 });
    await page.locator('.graphiql-execute-button').click();
    await expect.poll(() => textOf(page, '.result-window'), { timeout: 10_000 }).toContain('"conversionId"');
    await page.locator('.graphiql-execute-button[aria-label^="Stop"]').click();
    await expect.poll(() => page.locator('.cost').textContent()).toContain('The run ended before');
    gateway.sandbox.faults.clear();
    expect(await textOf(page, '.result-window')).toContain('"conversionId"');
  });

  test('says when an operation will be refused, and why there is no plan', async () => {
    const problem = page.locator('.cost-problem');
    await page.locator('.graphiql-tab-button').first().dispatchEvent('click');
    await write(
      page,
      '.graphiql-query-editor',
      '{ conversions(first: 500) { nodes { profile { conversions(first: 10) { nodes { profile { name } } } } } } }',
    );
    await expect
      .poll(() => problem.textContent())
      .toMatch(/^The gateway rejects this operation before its first call, .* above 5,000 calls/);
    await write(page, '.graphiql-query-editor', '{ nothing }');
    await expect.poll(() => problem.textContent()).toContain('Cannot query field "nothing"');
  });

  test.each([
    ['desktop', DESKTOP, 'light'],
    ['phone', PHONE, 'light'],
    ['desktop', DESKTOP, 'dark'],
    ['phone', PHONE, 'dark'],
  ] as const)('has no serious fault of accessibility on a %s, %o, %s', async (_name, size, colorScheme) => {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme });
    await openExample(page, WITH_LINKS);
    await run(page);
    for (const plugin of ['Docs', 'Examples', 'History', 'GraphiQL Explorer', 'Upstream cost']) {
      const show = page.getByRole('button', { name: `Show ${plugin}` });
      if ((await show.count()) > 0) await show.click();
      await page.waitForTimeout(1_000);
      expect(await seriousFaults(page), plugin).toEqual([]);
    }
    await page.setViewportSize(DESKTOP);
    await page.emulateMedia({ colorScheme: 'light' });
  });

  test('can be used by the keyboard alone: to the panel, into its tables', async () => {
    await page.getByRole('button', { name: 'Hide Upstream cost' }).focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('.cost').count()).toBe(0);
    await page.keyboard.press('Enter');
    await page.getByRole('region', { name: 'Planned REST calls' }).waitFor();
    const reached = new Set<string>();
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab');
      reached.add(
        await page.evaluate(
          () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '',
        ),
      );
    }
    expect([...reached]).toEqual(expect.arrayContaining(['Planned REST calls', 'As a table']));
    await page.getByRole('button', { name: 'Hide Upstream cost' }).click();
  });

  test('shows our descriptions in its documentation', async () => {
    await readDocumentation(page);
    await page.getByRole('button', { name: /Docs$/ }).click();
  });

  test.each(['light', 'dark'] as const)('follows a system that is %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await openExample(page, '02-profiles');
    await run(page);
    const ground = await page.evaluate(
      () => getComputedStyle(document.querySelector('.graphiql-container') as Element).backgroundColor,
    );
    const [red = 0, green = 0, blue = 0] = (ground.match(/\d+/g) ?? []).map(Number);
    if (colorScheme === 'dark') expect(Math.max(red, green, blue)).toBeLessThan(100);
    else expect(Math.min(red, green, blue)).toBeGreaterThan(200);
  });

  test('fits a phone: the query, the button and the answer are in sight', async () => {
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(PHONE);
    await openExample(page, '03-content');
    await run(page);
    for (const selector of ['.graphiql-query-editor', '.result-window', '.graphiql-execute-button']) {
      const box = await page.locator(selector).boundingBox();
      expect(box, selector).not.toBeNull();
      const { x, y, width, height } = box as NonNullable<typeof box>;
      expect(x, selector).toBeGreaterThanOrEqual(0);
      expect(x + width, selector).toBeLessThanOrEqual(PHONE.width);
      expect(y + height, selector).toBeLessThanOrEqual(PHONE.height);
      if (selector !== '.graphiql-execute-button') {
        expect(width, selector).toBeGreaterThan(300);
        expect(height, selector).toBeGreaterThan(150);
      }
    }
    await page.getByRole('button', { name: /Docs$/ }).click();
    await page.waitForTimeout(500);
    const docs = await page.locator('.graphiql-plugin').boundingBox();
    expect(docs?.width).toBeGreaterThan(300);
    expect(docs?.height).toBeGreaterThan(150);
    await page.getByRole('button', { name: /Docs$/ }).click();
    await page.setViewportSize(DESKTOP);
  });

  test('says that it is loading, and when loading fails', async () => {
    const waiting = await browser.newPage();
    await waiting.emulateMedia({ colorScheme: 'dark' });
    const failing = Promise.withResolvers<void>();
    // The page asks for it twice: to preload it, and, if that failed, to run it.
    await waiting.route('**/graphiql/main-*.js', async (route) => {
      await failing.promise;
      await route.abort();
    });
    await waiting.goto(`${gateway.url}/graphql`, { waitUntil: 'commit' });
    await waiting.getByText('Loading GraphiQL').waitFor();
    failing.resolve();
    await waiting.getByText('GraphiQL could not be loaded').waitFor();
    await waiting.close();
  });

  test('asked no other host, broke no policy, and logged no error', () => {
    expect(strange).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

describe('GraphiQL where callers bring their own key', () => {
  test('takes the key from the headers editor, and keeps it out of the browser’s storage', async () => {
    const opened = await openPage(keyed.url);
    // Without a key even the schema is refused, and the browser says so.
    await expect.poll(() => complaints.length).toBeGreaterThan(0);
    for (const complaint of complaints.splice(0)) expect(complaint).toContain('401');

    await opened.getByRole('button', { name: 'Headers' }).click();
    await expect.poll(() => textOf(opened, SHOWN_TOOL)).toContain('"x-apikey": ""');
    await write(opened, SHOWN_TOOL, `{"x-apikey": "${keyed.sandbox.apiKey}"}`);
    expect((await run(opened)).data).toMatchObject({ profile: { name: 'Ada Example' } });
    expect(await stored(opened)).not.toContain(keyed.sandbox.apiKey);
    expect(opened.url()).not.toContain(keyed.sandbox.apiKey);
    expect(strange).toEqual([]);
    await opened.close();
  });
});
