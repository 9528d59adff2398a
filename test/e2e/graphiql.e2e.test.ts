import type { Page } from 'playwright-core';
import { afterEach, describe, expect, test } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';
import { openExample, readDocumentation, ready, runOpenTab, showPanel, textOf } from '../helpers/graphiql.ts';
import { graphiqlVisitor, kept, linkOf, QUERY, squeeze, TOOL, tabsOf, type } from '../helpers/graphiql-visitor.ts';

const gateway = await startWithSandbox();
const keyed = await startWithSandbox({ AUTH_MODE: 'passthrough' });
const stopped = await startWithSandbox();
const { visit, newPage, clipboard, complaints } = graphiqlVisitor([gateway.url, keyed.url, stopped.url]);

afterEach(() => {
  gateway.sandbox.faults.clear();
  // It asked no other host, broke no policy, and logged no error.
  expect(complaints.splice(0)).toEqual([]);
});

const result = (page: Page): Promise<string> => textOf(page, '.result-window');
const WRITTEN = {
  query: 'query Written($id: ID!) { profile(profileId: $id, source: "Webshop") { firstName } }',
  variables: '{"id": "typed-1"}',
};

describe('GraphiQL in a browser without internet', () => {
  test('opens with three examples in tabs, and adds none by a reload', async () => {
    const page = await visit(gateway.url);
    const opened = ['[Profile]', 'ConversionsWithProfiles', 'CreateProfile'];
    await expect.poll(() => tabsOf(page)).toEqual(opened);
    expect(await page.title()).toContain('GraphiQL');
    await page.reload();
    await ready(page);
    expect(await tabsOf(page)).toEqual(opened);
    expect(await textOf(page, QUERY)).toContain('query Profile {');
  });

  test('runs a query by the keyboard, and a mutation and a query with variables as they are typed', async () => {
    const page = await visit(gateway.url);
    await page.locator(`${QUERY} .view-lines`).click();
    await page.keyboard.press('Control+Enter');
    await expect.poll(() => result(page)).toContain('Ada Example');
    await openExample(page, '11-create-profile');
    await type(page, TOOL, '{"input": {"profileId": "typed-1", "source": "Webshop", "firstName": "By hand"}}');
    await runOpenTab(page, 'By hand');
    expect(await result(page)).toContain('"userErrors": []');
    await openExample(page, '01-profile');
    await type(page, QUERY, WRITTEN.query);
    await type(page, TOOL, WRITTEN.variables);
    await runOpenTab(page, 'By hand');
    await kept(page, 'typed-1');
    await page.reload();
    await ready(page);
    await runOpenTab(page, 'By hand');
  });

  test('has the operation in the address, for a link that another browser opens beside the examples', async () => {
    gateway.sandbox.store.put('profile', { profileid: 'typed-1', source: 'Webshop', firstname: 'By hand' });
    const first = await visit(gateway.url, { path: `/graphql${linkOf(WRITTEN)}` });
    expect(await tabsOf(first)).toHaveLength(4);
    await runOpenTab(first, 'By hand');
    await openExample(first, '02-profiles');
    await first.getByRole('button', { name: 'Copy link' }).click();
    await first.getByText('Link copied').waitFor();
    const link = new URL(await clipboard());
    expect(link.href).toBe(first.url());
    expect([link.search, [...new URLSearchParams(link.hash.slice(1)).keys()]]).toEqual(['', ['query']]);
    const other = await visit(gateway.url, { path: link.pathname + link.hash });
    await expect.poll(() => tabsOf(other)).toContain('[Profiles]');
    await runOpenTab(other, 'totalCount');
    // A link that is pasted into an open page loads it anew.
    await other.goto(`${gateway.url}/graphql${linkOf({ query: 'query Pasted { __typename }' })}`);
    await expect.poll(() => textOf(other, QUERY), { timeout: 10_000 }).toContain('query Pasted');
  });

  test('keeps an operation that is too long for the address in the browser', async () => {
    const page = await visit(gateway.url);
    await page.locator(`${QUERY} .view-lines`).click();
    await page.keyboard.press('Control+Home');
    // Letters that take six characters each in an address: the editor takes many seconds over 20,000 characters.
    await page.keyboard.insertText(`# ${'ü'.repeat(98)}\n`.repeat(16));
    await expect.poll(() => new URL(page.url()).hash.length, { timeout: 10_000 }).toBe(0);
    await kept(page, '# üüü');
    await page.reload();
    await ready(page);
    expect(await tabsOf(page)).toHaveLength(3);
    expect(await textOf(page, QUERY)).toContain('# üüü');
  });

  test('prettifies, builds a query in its explorer, and remembers in its history what ran', async () => {
    const query = 'query Ugly { profile(profileId:"1001" source:"Webshop"){name email} }';
    const page = await visit(gateway.url, { path: `/graphql${linkOf({ query })}` });
    await page.getByRole('button', { name: 'Prettify' }).click();
    await expect
      .poll(() => page.evaluate(() => new URLSearchParams(location.hash.slice(1)).get('query')))
      .toBe('query Ugly {\n  profile(profileId: "1001", source: "Webshop") {\n    name\n    email\n  }\n}\n');
    await showPanel(page, 'GraphiQL Explorer');
    const explorer = page.locator('.docExplorerWrap');
    await explorer.locator('[data-field-name="firstName"]').first().click();
    await expect.poll(() => textOf(page, QUERY)).toContain('firstName');
    const country = explorer.getByRole('checkbox', { name: 'country' }).first();
    expect(await country.getAttribute('aria-checked')).toBe('false');
    await country.press('Space');
    await expect.poll(() => textOf(page, QUERY)).toContain('country');
    expect(await country.getAttribute('aria-checked')).toBe('true');
    await runOpenTab(page, 'Ada Example');
    await showPanel(page, 'History');
    await expect.poll(() => page.locator('.graphiql-history').textContent()).toContain('Ugly');
  });

  test('says that it is loading, and when loading fails', async () => {
    const page = await newPage();
    await page.emulateMedia({ colorScheme: 'dark' });
    const failing = Promise.withResolvers<void>();
    // The page asks for it twice: to preload it, and, if that failed, to run it.
    await page.route('**/graphiql/main-*.js', async (route) => {
      await failing.promise;
      await route.abort();
    });
    await page.goto(`${gateway.url}/graphql`, { waitUntil: 'commit' });
    await page.getByText('Loading GraphiQL').waitFor();
    failing.resolve();
    await page.getByText('GraphiQL could not be loaded').waitFor();
    await page.close();
    // The failure that this test makes.
    for (const complaint of complaints.splice(0)) expect(complaint).toMatch(/ERR_FAILED|main-/);
  });

  test('says in a sentence when the gateway is down', async () => {
    const page = await visit(stopped.url);
    await stopped.close();
    await page.locator('.graphiql-execute-button').click();
    // Long lines are broken and indented.
    const shown = async () => (await result(page)).replaceAll(/\s+/g, ' ');
    await expect.poll(shown).toContain(`The gateway at ${stopped.url} does not answer. Check that it is running`);
    await page.getByRole('button', { name: /^Re-fetch GraphQL schema/ }).click();
    await expect.poll(shown).toContain('does not answer');
    expect(await shown()).not.toMatch(/stack|Failed to fetch/);
    await page.close();
    complaints.length = 0;
  });

  test('starts its documentation with an introduction that links to types and fields', async () => {
    const page = await visit(gateway.url);
    await showPanel(page, 'Docs');
    const introduction = page.getByRole('region', { name: 'Introduction' });
    await introduction.getByRole('button', { name: 'conversions', exact: true }).click();
    const explorer = page.locator('.graphiql-doc-explorer');
    await expect.poll(() => explorer.locator('.graphiql-doc-explorer-title').textContent()).toBe('conversions');
    expect(await introduction.count()).toBe(0);
    await explorer.getByRole('link', { name: 'Go back to Docs' }).click();
    await introduction.getByRole('button', { name: 'Profile', exact: true }).click();
    await expect.poll(() => explorer.textContent()).toContain('A person in one source');
    await explorer.getByRole('link', { name: 'Go back to Docs' }).click();
    await readDocumentation(page);
  });
});

describe('an answer in parts', () => {
  const SLOW = { match: { path: '/profile' }, latencyMs: 1_500 };
  const facts = (page: Page) => page.locator('.answer-facts').textContent();

  test('is shown as it comes, with its time and size, and with its calls after the last part', async () => {
    const page = await visit(gateway.url);
    await showPanel(page, 'Upstream cost');
    await openExample(page, '16-conversions-then-profiles');
    gateway.sandbox.faults.set(SLOW);
    gateway.sandbox.requests.length = 0;
    await page.locator('.graphiql-execute-button').click();
    await expect.poll(() => facts(page), { interval: 20 }).toMatch(/^200 OK · [\d,]+ ms · [\d.]+ k?B so far$/);
    await expect.poll(() => result(page), { interval: 20 }).toContain('"conversionId"');
    expect(await result(page)).not.toContain('"name"');
    expect(await page.locator('.cost').textContent()).toContain('Running');
    await expect.poll(() => result(page)).toContain('"name"');
    await expect
      .poll(() => facts(page))
      .toMatch(/^200 OK · [\d,]+ ms \(\d+ parts, the first after [\d,]+ ms\) · [\d.]+ kB$/);
    await expect.poll(() => page.locator('.cost-bar').count()).toBe(gateway.sandbox.requests.length);
  });

  test('that is stopped stays as far as it came, at a cost that is not known', async () => {
    const page = await visit(gateway.url);
    await showPanel(page, 'Upstream cost');
    await openExample(page, '16-conversions-then-profiles');
    gateway.sandbox.faults.set(SLOW);
    await page.locator('.graphiql-execute-button').click();
    await expect.poll(() => result(page), { timeout: 10_000 }).toContain('"conversionId"');
    await page.locator('.graphiql-execute-button[aria-label^="Stop"]').click();
    await expect.poll(() => page.locator('.cost').textContent()).toContain('The run ended before');
    expect(await result(page)).toContain('"conversionId"');
  });

  test('has all fields of an object that comes in two parts, in the order in which they came', async () => {
    const query = `query Twice {
      conversion(conversionId: "3001") { items { name } ... @defer { items { quantity } profile { email } } }
    }`;
    const page = await visit(gateway.url, { path: `/graphql${linkOf({ query })}` });
    const { conversion } = (await gateway.query(query)).body.data;
    const items = conversion.items.map(({ name, quantity }: Record<string, unknown>) => ({ name, quantity }));
    await runOpenTab(page, '"email"');
    const whole = JSON.stringify({ items, profile: conversion.profile }, null, 2).slice(1, -1);
    await expect.poll(async () => squeeze(await result(page))).toContain(squeeze(whole));
  });
});

test('the key of a caller comes from the headers editor, and stays out of the browser’s storage and address', async () => {
  const page = await visit(keyed.url);
  // Without a key even the schema is refused, and the browser says so.
  await expect.poll(() => complaints.length).toBeGreaterThan(0);
  for (const complaint of complaints.splice(0)) expect(complaint).toContain('401');
  await page.getByRole('button', { name: 'Headers' }).click();
  await expect.poll(() => textOf(page, TOOL)).toContain('"x-apikey": ""');
  await type(page, TOOL, `{"x-apikey": "${keyed.sandbox.apiKey}"}`);
  await runOpenTab(page, 'Ada Example');
  await kept(page, 'query Profile');
  expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain(keyed.sandbox.apiKey);
  expect(page.url()).not.toContain(keyed.sandbox.apiKey);
});
