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
    expect(payload.summary).toEqual({
      total: 120,
      upserted: 120,
      rejected: 0,
      notAttempted: 0,
      unknown: 0,
      upstreamRequests: 3,
    });
    expect(payload.resumeToken).toBeNull();
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
    [401, 'NOT_ATTEMPTED'],
    [403, 'NOT_ATTEMPTED'],
    [404, 'NOT_ATTEMPTED'],
    [429, 'NOT_ATTEMPTED'],
    [500, 'UNKNOWN'],
    [503, 'UNKNOWN'],
  ])('stops at a %i, whose chunk is %s, and says of the rest that it was not sent', async (status, outcome) => {
    gateway.sandbox.faults.set({ match: { method: 'POST' }, status });
    const result = await upsert(people(120));
    expect(outcomes(result)).toEqual([...Array(50).fill(outcome), ...Array(70).fill('NOT_ATTEMPTED')]);
    expect(posts()).toHaveLength(1);
    expect(result.payload.summary.upstreamRequests).toBe(1);
    expect(result.payload.resumeToken).not.toBeNull();
  });

  test.each([
    ['a reset before the answer', { reset: 'before' }],
    ['a reset in the middle of it', { reset: 'mid-body' }],
    ['an answer cut off', { truncatedBody: true }],
    ['no answer in time', { hang: true }],
    ['HTML', { bodyUnder200: 'html' }],
  ] as const)('does not guess after %s, and sends nothing twice', async (_name, fault) => {
    gateway.sandbox.faults.set({ match: { method: 'POST' }, ...fault });
    const result = await upsert(people(60));
    expect(outcomes(result)).toEqual([...Array(50).fill('UNKNOWN'), ...Array(10).fill('NOT_ATTEMPTED')]);
    expect(posts()).toHaveLength(1);
  });

  test('is unknown, but goes on, where the answer has no body', async () => {
    gateway.sandbox.faults.set({ match: { method: 'POST' }, emptyBody: 204 });
    const result = await upsert(people(60));
    expect(outcomes(result)).toEqual(Array(60).fill('UNKNOWN'));
    expect(posts()).toHaveLength(2);
  });

  test('checks everything and sends nothing as a dry run', async () => {
    const result = await upsert([...people(60), { profileId: '', source: 's' }], { dry: true });
    expect(result.payload.summary).toEqual({
      total: 61,
      upserted: 0,
      rejected: 1,
      notAttempted: 60,
      unknown: 0,
      upstreamRequests: 2,
    });
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

describe('a resume token', () => {
  /** A write whose first chunk goes in and whose second meets a fault. */
  async function broken(items: object[]): Promise<string> {
    gateway.sandbox.faults.set({ match: { method: 'POST' }, latencyMs: 300 });
    const result = upsert(items);
    await expect.poll(() => posts().length).toBe(1);
    // By then the sandbox has read the first call, and is waiting.
    await sleep(50);
    gateway.sandbox.faults.set({ match: { method: 'POST' }, status: 503 });
    const { payload } = await result;
    gateway.sandbox.faults.clear();
    expect(payload.summary.upserted).toBe(50);
    expect(payload.summary.unknown).toBe(50);
    return payload.resumeToken as string;
  }

  test('goes on where an earlier try stopped, and sends nothing again that went in', async () => {
    const items = people(170);
    const token = await broken(items);
    gateway.sandbox.requests.length = 0;
    const { payload } = await upsert(items, { token });
    expect(payload.summary).toMatchObject({ total: 170, upserted: 170, upstreamRequests: 3 });
    expect(payload.results[0]?.profile).toBeNull();
    expect(payload.results[60]?.profile?.name).toBe('Person 60');
    const sent = posts().flatMap(({ body }) =>
      JSON.parse(body ?? '').profiles.map((item: { profileid: string }) => item.profileid),
    );
    expect(sent).toEqual(items.slice(50).map(({ profileId }) => profileId));
    expect(payload.resumeToken).toBeNull();
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
    expect(body.data.sales).toEqual({
      results: [
        {
          outcome: 'UPSERTED',
          conversion: { conversionId: 'b1', source: 'Webshop', total: 1, items: [{ quantity: 2 }] },
        },
        { outcome: 'UPSERTED', conversion: { conversionId: 'b2', source: 'Magento 2', total: 2, items: [] } },
        { outcome: 'UPSERTED', conversion: { conversionId: 'b3', source: 'Webshop', total: null, items: [] } },
      ],
      summary: { upstreamRequests: 2 },
    });
    expect(body.data.contents.results.map((r: { content: object }) => r.content)).toEqual([
      { name: 'Item', type: 'ITEM' },
      { name: 'Category', type: 'CATEGORY' },
    ]);
    expect(body.data.mails.results).toEqual([{ outcome: 'UPSERTED', interaction: { event: 'open' } }]);
    const sent = posts().map(({ path, body: text }) => [path.replace(/^.*\/project\/\d+/, ''), JSON.parse(text ?? '')]);
    expect(sent).toEqual([
      [
        '/sale/bulk',
        {
          source: 'Webshop',
          items: [
            {
              conversionid: 'b1',
              source: 'Webshop',
              conversion: { total: 1, items: [{ itemid: '2001', quantity: 2 }] },
            },
            { conversionid: 'b3', source: 'Webshop', conversion: { created: '2024-05-01 12:00:00' } },
          ],
        },
      ],
      [
        '/sale/bulk',
        { source: 'Magento 2', items: [{ conversionid: 'b2', source: 'Magento 2', conversion: { total: 2 } }] },
      ],
      ['/content/bulk?type=items', { items: [{ itemid: 'c1', source: 'Webshop-EN', item: { name: 'Item' } }] }],
      [
        '/content/bulk?type=categories',
        { items: [{ itemid: 'c1', source: 'Webshop-EN', item: { name: 'Category' } }] },
      ],
      [
        '/interaction/bulk',
        {
          interactions: [
            { interactionid: 'i1', source: 'Mailing', objecttype: 'interaction', interaction: { event: 'open' } },
          ],
        },
      ],
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
        if (profiles.length > 20) {
          res.writeHead(413).end();
          return undefined;
        }
        return {
          totalElements: profiles.length,
          items: profiles.map((item: { profileid: string; source: string }) => ({
            profileid: item.profileid,
            source: item.source,
          })),
        };
      },
      { BULK_CONCURRENCY: '1' },
    );
    const { body } = await small.query(UPSERT, { items: people(100) });
    await small.close();
    expect(body.data.bulkUpsertProfiles.summary).toMatchObject({ upserted: 100, rejected: 0 });
    expect(sizes.filter((size) => size > 20)).toEqual([50, 25]);
    expect(body.data.bulkUpsertProfiles.summary.upstreamRequests).toBe(sizes.length);
  });
});
