import { describe, expect, test } from 'vitest';
import { type ReceivedCall, type Settings, startWithUpstream, type TestGateway } from '../../helpers/gateway.ts';
import { createTokenFile } from '../../helpers/token-file.ts';

type Headers = Record<string, string>;

/** Calls that are still answered; the API fails after that. */
let healthyCalls = 0;

/** A bulk endpoint that stores what it is sent, one item per call. */
function serve({ body }: ReceivedCall, res: { writeHead(status: number): { end(): void } }): unknown {
  healthyCalls -= 1;
  if (healthyCalls < 0) return void res.writeHead(503).end();
  const { profiles, items, interactions } = JSON.parse(body);
  return { items: profiles ?? items ?? interactions };
}

const start = (settings: Settings = {}) =>
  startWithUpstream(serve, { BULK_CONCURRENCY: '1', ...settings }, { constants: { bulkLimits: { chunkItems: 1 } } });

type Names = 'Profiles' | 'Contents' | 'Conversions' | 'Interactions';

async function send(gateway: TestGateway, names: Names, items: object[], token: string | null, headers: Headers = {}) {
  const query = `mutation ($input: BulkUpsert${names}Input!) {
    payload: bulkUpsert${names}(input: $input) { results { outcome } resumeToken }
  }`;
  const { body } = await gateway.query(query, { input: { items, resumeToken: token } }, headers);
  return {
    codes: (body.errors ?? []).map(({ extensions }) => extensions.code),
    outcomes: body.data?.payload?.results.map(({ outcome }: { outcome: string }) => outcome) as string[] | undefined,
    token: body.data?.payload?.resumeToken as string | null | undefined,
  };
}

type Gateway = Awaited<ReturnType<typeof start>>;

/** Sends items to an API that fails after the first; gives the token. */
async function interrupt(gateway: Gateway, names: Names, items: object[], headers?: Headers): Promise<string> {
  healthyCalls = 1;
  const { outcomes, token } = await send(gateway, names, items, null, headers);
  expect(outcomes?.slice(0, 2)).toEqual(['UPSERTED', 'UNKNOWN']);
  healthyCalls = Number.POSITIVE_INFINITY;
  gateway.upstream.calls.length = 0;
  return token as string;
}

async function expectRefused(
  gateway: Gateway,
  names: Names,
  items: object[],
  token: string,
  headers?: Headers,
): Promise<void> {
  gateway.upstream.calls.length = 0;
  expect(await send(gateway, names, items, token, headers)).toMatchObject({ codes: ['BAD_USER_INPUT'] });
  expect(gateway.upstream.calls).toEqual([]);
}

const PRODUCTS = ['a', 'b', 'c'].map((contentId) => ({ contentId, source: 's', name: contentId }));
const categories = PRODUCTS.map((item) => ({ ...item, type: 'CATEGORY' }));
const SALES = ['a', 'b'].map((conversionId) => ({
  conversionId,
  source: 's',
  attributes: { x: 1, y: { p: 1, q: 2 } },
}));

describe('a resume token', async () => {
  const gateway = await start();

  test('of items is no token of categories with the same ids', async () => {
    const token = await interrupt(gateway, 'Contents', PRODUCTS);
    await expectRefused(gateway, 'Contents', categories, token);
    const one = PRODUCTS.map((item, at) => (at === 0 ? { ...item, type: 'CATEGORY' } : item));
    await expectRefused(gateway, 'Contents', one, token);
    const resumed = await send(gateway, 'Contents', PRODUCTS, token);
    expect(resumed).toEqual({ codes: [], outcomes: ['UPSERTED', 'UPSERTED', 'UPSERTED'], token: null });
    expect(gateway.upstream.calls).toHaveLength(2);
  });

  test('is good for the type that is the default, given or left out', async () => {
    const token = await interrupt(gateway, 'Contents', PRODUCTS);
    const items = PRODUCTS.map((item) => ({ ...item, type: 'ITEM' }));
    expect((await send(gateway, 'Contents', items, token)).outcomes).toEqual(Array(3).fill('UPSERTED'));
  });

  test('of one mutation is no token of another', async () => {
    const people = [1, 2].map((id) => ({ profileId: `${id}`, source: 's' }));
    const events = [1, 2].map((id) => ({ interactionId: `${id}`, source: 's' }));
    await expectRefused(gateway, 'Interactions', events, await interrupt(gateway, 'Profiles', people));
  });

  test.each([
    ['another source', SALES.map((sale) => ({ ...sale, source: 't' }))],
    ['another value deep inside', SALES.map((sale) => ({ ...sale, attributes: { x: 1, y: { p: 1, q: 3 } } }))],
    ['a null in place of nothing', SALES.map((sale) => ({ ...sale, email: null }))],
    ['one more item', [...SALES, { conversionId: 'c', source: 's' }]],
    ['eight more items', [...SALES, ...Array.from({ length: 8 }, (_, at) => ({ conversionId: `${at}`, source: 's' }))]],
    ['a missing item', SALES.slice(1)],
    ['another order', [...SALES].reverse()],
    ['no items', []],
  ])('is refused with %s', async (_name, items) => {
    await expectRefused(gateway, 'Conversions', items, await interrupt(gateway, 'Conversions', SALES));
  });

  test('covers items that are never sent: refused ones, and the earlier of two with one key', async () => {
    const items = [...SALES, { conversionId: '', source: 's', total: 1 }, { conversionId: 'a', source: 's' }];
    // The last item replaces the first, so that it is sent second, and is not done.
    healthyCalls = 1;
    const { token, outcomes } = await send(gateway, 'Conversions', items, null);
    expect(outcomes).toEqual(['REJECTED', 'UPSERTED', 'REJECTED', 'UNKNOWN']);
    for (const at of [0, 2]) {
      const changed = items.map((item, index) => (index === at ? { ...item, total: 2 } : item));
      await expectRefused(gateway, 'Conversions', changed, token as string);
    }
  });

  test('is good for the same items with the members of their objects in another order', async () => {
    const token = await interrupt(gateway, 'Conversions', SALES);
    const reordered = SALES.map(({ conversionId, source }) => ({
      attributes: { y: { q: 2, p: 1 }, x: 1 },
      source,
      conversionId,
    }));
    expect((await send(gateway, 'Conversions', reordered, token)).outcomes).toEqual(['UPSERTED', 'UPSERTED']);
    expect(gateway.upstream.calls).toHaveLength(1);
  });

  test('is refused when a bit, a character or its length differs', async () => {
    const token = await interrupt(gateway, 'Contents', PRODUCTS);
    const bytes = Buffer.from(token, 'base64url');
    for (let at = 0; at < bytes.length; at++) {
      const forged = Buffer.from(bytes);
      forged[at] = (forged[at] as number) ^ 2;
      await expectRefused(gateway, 'Contents', PRODUCTS, forged.toString('base64url'));
    }
    // The last character has bits that are not part of the bytes.
    const loose = `${token.slice(0, -1)}${token.endsWith('B') ? 'C' : 'B'}`;
    for (const wrong of ['', loose, `${token}=`, ` ${token}`, 'A'.repeat(token.length), 'é'.repeat(token.length)]) {
      await expectRefused(gateway, 'Contents', PRODUCTS, wrong);
    }
    await expectRefused(gateway, 'Contents', PRODUCTS, 'A'.repeat(500_000));
  });

  test('is refused in a dry run of another input as well', async () => {
    const token = await interrupt(gateway, 'Contents', PRODUCTS);
    const query = `mutation ($input: BulkUpsertContentsInput!) { bulkUpsertContents(input: $input) { resumeToken } }`;
    const ask = (items: object[]) => gateway.query(query, { input: { items, resumeToken: token, dryRun: true } });
    expect((await ask(categories)).body.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    expect((await ask(PRODUCTS)).body).toEqual({ data: { bulkUpsertContents: { resumeToken: null } } });
    expect(gateway.upstream.calls).toEqual([]);
  });

  test('is refused by a gateway in front of another API', async () => {
    const token = await interrupt(gateway, 'Contents', PRODUCTS);
    await expectRefused(await start(), 'Contents', PRODUCTS, token);
  });
});

describe('a resume token is good for its caller only', () => {
  test('with the callers’ own keys and projects', async () => {
    const gateway = await start({ AUTH_MODE: 'passthrough' });
    const mine = { 'x-apikey': 'mine', 'x-datatrics-project': 'A' };
    const token = await interrupt(gateway, 'Contents', PRODUCTS, mine);
    await expectRefused(gateway, 'Contents', PRODUCTS, token, { ...mine, 'x-apikey': 'yours' });
    await expectRefused(gateway, 'Contents', PRODUCTS, token, { ...mine, 'x-datatrics-project': 'B' });
    expect((await send(gateway, 'Contents', PRODUCTS, token, mine)).codes).toEqual([]);
  });

  test('with tokens of a gateway that holds the key, whatever their rights', async () => {
    const tokens = createTokenFile();
    const [mine, yours] = [tokens.add('mine'), tokens.add('yours')];
    const gateway = await start(tokens.settings);
    const token = await interrupt(gateway, 'Contents', PRODUCTS, mine);
    await expectRefused(gateway, 'Contents', PRODUCTS, token, yours);
    expect((await send(gateway, 'Contents', PRODUCTS, token, mine)).codes).toEqual([]);
  });
});
