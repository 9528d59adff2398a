import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startWithSandbox, startWithUpstream } from '../../helpers/gateway.ts';

const gateway = await startWithSandbox({ UPSTREAM_TIMEOUT_MS: '1000', BULK_CONCURRENCY: '1' });
beforeEach(() => {
  gateway.sandbox.reset();
  gateway.sandbox.requests.length = 0;
});
afterEach(() => gateway.sandbox.faults.clear());

interface Result {
  index: number;
  outcome: string;
  profile: { profileId: string; name: string } | null;
  userErrors: { code: string; message: string; field: string[] | null }[];
}

const UPSERT = `mutation ($items: [ProfileInput!]!, $token: String, $dry: Boolean! = false) {
  bulkUpsertProfiles(input: { items: $items, resumeToken: $token, dryRun: $dry }) {
    results { index outcome profile { profileId name } userErrors { code message field } }
    summary { total upserted rejected notAttempted unknown upstreamRequests }
    resumeToken
  }
}`;

const people = (count: number, prefix = 'bulk'): { profileId: string; source: string; name: string }[] =>
  Array.from({ length: count }, (_, i) => ({ profileId: `${prefix}-${i}`, source: 'Webshop', name: `Person ${i}` }));

async function upsert(items: object[], more: { token?: string | null; dry?: boolean } = {}) {
  const { body } = await gateway.query(UPSERT, { items, ...more });
  const payload = body.data?.bulkUpsertProfiles as {
    results: Result[];
    summary: Record<string, number>;
    resumeToken: string | null;
  } | null;
  return { errors: body.errors, payload: payload as NonNullable<typeof payload> };
}

const outcomes = ({ payload }: Awaited<ReturnType<typeof upsert>>): string[] =>
  payload.results.map(({ outcome }) => outcome);
const count = (list: string[], outcome: string): number => list.filter((entry) => entry === outcome).length;
const stored = (id: string): unknown => gateway.sandbox.store.get('profile', 'Webshop', id);
const posts = (): { method: string; path: string; body?: string }[] =>
  gateway.sandbox.requests.filter(({ method }) => method === 'POST') as never;

describe('a bulk write', () => {
  test('goes out in chunks of 50 and comes back with the records, in order', async () => {
    const { payload } = await upsert(people(120));
    expect(payload.summary).toMatchObject({ total: 120, upserted: 120, upstreamRequests: 3 });
    expect(payload.results.map(({ index, profile }) => [index, profile?.name])).toEqual(
      people(120).map(({ name }, i) => [i, name]),
    );
    expect(posts().map(({ body }) => JSON.parse(body ?? '').profiles.length)).toEqual([50, 50, 20]);
    expect(posts()[0]?.path).toBe(`/2.0/project/${gateway.sandbox.project}/profile/bulk`);
  });

  test.each([400, 424] as const)('parts the items that the API refuses with %i from the rest', async (poisonStatus) => {
    const poison = ['bulk-7', 'bulk-61', 'bulk-62'];
    gateway.sandbox.faults.set({ poisonIds: poison, poisonStatus });
    const result = await upsert(people(100));
    const rejected = result.payload.results
      .filter(({ outcome }) => outcome === 'REJECTED')
      .map(({ index }) => `bulk-${index}`);
    expect(rejected).toEqual(poison);
    expect(count(outcomes(result), 'UPSERTED')).toBe(97);
    expect(result.payload.results[7]?.userErrors[0]?.message).not.toBe('');
    expect(result.payload.summary.upstreamRequests).toBe(posts().length);
    for (let i = 0; i < 100; i++) expect(stored(`bulk-${i}`) !== undefined).toBe(!poison.includes(`bulk-${i}`));
  });

  test('does not send invalid items, nor the earlier of two items with one key', async () => {
    const [a, b] = people(2) as [object, object];
    const result = await upsert([
      a,
      { profileId: '..', source: 'Webshop' },
      b,
      { ...a, name: 'Later' },
      { profileId: 'x', source: '', attributes: { email: 1 } },
    ]);
    expect(outcomes(result)).toEqual(['REJECTED', 'REJECTED', 'UPSERTED', 'UPSERTED', 'REJECTED']);
    const { results } = result.payload;
    expect(results[0]?.userErrors).toEqual([
      { code: 'DUPLICATE', message: expect.stringContaining('items.3'), field: ['items', '0'] },
    ]);
    expect(results[1]?.userErrors[0]).toMatchObject({ code: 'INVALID', field: ['items', '1', 'profileId'] });
    expect(results[4]?.userErrors.map(({ field }) => field)).toEqual([
      ['items', '4', 'source'],
      ['items', '4', 'attributes', 'email'],
    ]);
    expect(stored('bulk-0')).toMatchObject({ name: 'Later' });
    expect(posts()).toHaveLength(1);
  });

  test.each([
    ...[401, 403, 404, 429].map((status) => ['NOT_ATTEMPTED', { status }] as const),
    ...[500, 503].map((status) => ['UNKNOWN', { status }] as const),
    ...(['before', 'mid-body'] as const).map((reset) => ['UNKNOWN', { reset }] as const),
    ['UNKNOWN', { truncatedBody: true }],
    ['UNKNOWN', { hang: true }],
    ['UNKNOWN', { bodyUnder200: 'html' }],
  ] as const)('is %s, and stops, after %j', async (outcome, fault) => {
    gateway.sandbox.faults.set({ match: { method: 'POST' }, ...fault });
    const result = await upsert(people(120));
    expect(outcomes(result)).toEqual([...Array(50).fill(outcome), ...Array(70).fill('NOT_ATTEMPTED')]);
    expect(posts()).toHaveLength(1);
    expect(result.payload.summary.upstreamRequests).toBe(1);
    expect(result.payload.resumeToken).not.toBeNull();
  });

  test('is unknown, but goes on, where the answer has no body', async () => {
    gateway.sandbox.faults.set({ match: { method: 'POST' }, emptyBody: 204 });
    const result = await upsert(people(60));
    expect(outcomes(result)).toEqual(Array(60).fill('UNKNOWN'));
    expect(posts()).toHaveLength(2);
  });

  test('checks everything and sends nothing as a dry run', async () => {
    const result = await upsert([...people(60), { profileId: '', source: 's' }], { dry: true });
    expect(result.payload.summary).toMatchObject({ total: 61, rejected: 1, notAttempted: 60, upstreamRequests: 2 });
    expect(result.payload.resumeToken).toBeNull();
    expect(gateway.sandbox.requests).toHaveLength(0);
  });

  test('is seen by the next read, in this request and in another', async () => {
    const { body } = await gateway.query(
      `mutation { a: updateProfile(input: { profileId: "1001", source: "Webshop", name: "Before" }) { profile { name } }
        b: bulkUpsertProfiles(input: { items: [{ profileId: "1001", source: "Webshop", name: "After" }] }) { results { profile { name } } } }`,
    );
    expect(body.data.b.results[0].profile.name).toBe('After');
    expect(
      (await gateway.query('{ profile(profileId: "1001", source: "Webshop") { name } }')).body.data.profile.name,
    ).toBe('After');
  });

  test('is refused as a whole beyond MAX_BULK_ITEMS', async () => {
    const { errors } = await upsert(people(1_001));
    expect(errors?.[0]).toMatchObject({
      message: expect.stringContaining('MAX_BULK_ITEMS'),
      extensions: { code: 'BAD_USER_INPUT' },
    });
    expect(gateway.sandbox.requests).toHaveLength(0);
  });
});

describe('the other bulk writes', () => {
  test('send one source per call for conversions, and one type per call for content', async () => {
    const { body } = await gateway.query(`mutation {
      sales: bulkUpsertConversions(input: { items: [
        { conversionId: "b1", source: "Webshop", total: 1, items: [{ itemId: "2001", quantity: 2 }] }
        { conversionId: "b2", source: "Magento 2", total: 2 } { conversionId: "b3", source: "Webshop", createdAt: "2024-05-01T12:00:00Z" } ] }) {
        results { outcome conversion { conversionId source total items { quantity } } } summary { upstreamRequests } }
      contents: bulkUpsertContents(input: { items: [
        { contentId: "c1", source: "Webshop-EN", name: "Item" } { contentId: "c1", source: "Webshop-EN", type: CATEGORY, name: "Category" } ] }) {
        results { outcome content { name type } } summary { upstreamRequests } }
      mails: bulkUpsertInteractions(input: { items: [{ interactionId: "i1", source: "Mailing", objectType: "interaction", event: "open" }] }) {
        results { outcome interaction { event } } }
    }`);
    expect(body.errors).toBeUndefined();
    const sold = (conversionId: string, source: string, total: number | null, items: object[]) => ({
      outcome: 'UPSERTED',
      conversion: { conversionId, source, total, items },
    });
    expect(body.data.sales).toEqual({
      results: [
        sold('b1', 'Webshop', 1, [{ quantity: 2 }]),
        sold('b2', 'Magento 2', 2, []),
        sold('b3', 'Webshop', null, []),
      ],
      summary: { upstreamRequests: 2 },
    });
    expect(body.data.contents.results.map((r: { content: object }) => r.content)).toEqual([
      { name: 'Item', type: 'ITEM' },
      { name: 'Category', type: 'CATEGORY' },
    ]);
    expect(body.data.mails.results).toEqual([{ outcome: 'UPSERTED', interaction: { event: 'open' } }]);
    const sent = posts().map(({ path, body: text }) => [path.replace(/^.*\/project\/\d+/, ''), JSON.parse(text ?? '')]);
    const webshop = {
      conversionid: 'b1',
      source: 'Webshop',
      conversion: { total: 1, items: [{ itemid: '2001', quantity: 2 }] },
    };
    const later = { conversionid: 'b3', source: 'Webshop', conversion: { created: '2024-05-01 12:00:00' } };
    const magento = { conversionid: 'b2', source: 'Magento 2', conversion: { total: 2 } };
    const content = (name: string) => ({ items: [{ itemid: 'c1', source: 'Webshop-EN', item: { name } }] });
    const mail = { interactionid: 'i1', source: 'Mailing', objecttype: 'interaction', interaction: { event: 'open' } };
    expect(sent).toEqual([
      ['/sale/bulk', { source: 'Webshop', items: [webshop, later] }],
      ['/sale/bulk', { source: 'Magento 2', items: [magento] }],
      ['/content/bulk?type=items', content('Item')],
      ['/content/bulk?type=categories', content('Category')],
      ['/interaction/bulk', { interactions: [mail] }],
    ]);
  });

  test('count the requests that were sent, and not the one that MAX_UPSTREAM_CALLS forbids', async () => {
    const tight = await startWithSandbox({ MAX_UPSTREAM_CALLS: '1', BULK_CONCURRENCY: '1' });
    const { body } = await tight.query(UPSERT, { items: people(120) });
    expect(body.data.bulkUpsertProfiles.summary).toMatchObject({ upserted: 50, unknown: 0, upstreamRequests: 1 });
  });

  test('halve their chunks for good after a 413', async () => {
    const sizes: number[] = [];
    const small = await startWithUpstream(
      ({ body }, res) => {
        const { profiles } = JSON.parse(body);
        sizes.push(profiles.length);
        return profiles.length > 20 ? void res.writeHead(413).end() : { items: profiles };
      },
      { BULK_CONCURRENCY: '1' },
    );
    const { body } = await small.query(UPSERT, { items: people(100) });
    expect(sizes.filter((size) => size > 20)).toEqual([50, 25]);
    expect(body.data.bulkUpsertProfiles.summary).toMatchObject({ upserted: 100, upstreamRequests: sizes.length });
  });
});

test('a client that goes away stops further calls, and those under way are finished', async () => {
  let begun = 0;
  let finished = 0;
  const slow = await startWithUpstream(
    async ({ body }, res) => {
      begun += 1;
      await sleep(150);
      if (!res.destroyed) finished += 1;
      return { items: JSON.parse(body).profiles };
    },
    { BULK_CONCURRENCY: '2' },
    { constants: { bulkLimits: { chunkItems: 5 } } },
  );
  const client = new AbortController();
  const answer = fetch(`${slow.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: UPSERT, variables: { items: people(100) } }),
    signal: client.signal,
  });
  await expect.poll(() => begun).toBe(2);
  client.abort();
  await expect(answer).rejects.toThrow();
  await sleep(500);
  expect([begun, finished]).toEqual([2, 2]);
});
