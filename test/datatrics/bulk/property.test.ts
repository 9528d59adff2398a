import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BulkUpstream, bulkPlans, FAULTS } from '../../helpers/bulk-upstream.ts';
import { startWithUpstream } from '../../helpers/gateway.ts';
import { runs } from '../../helpers/runs.ts';

const api = new BulkUpstream();
const gateway = await startWithUpstream(
  api.answer,
  { UPSTREAM_TIMEOUT_MS: '400', BULK_CONCURRENCY: '2' },
  { constants: { bulkLimits: { chunkItems: 5, extraRequests: 40 } } },
);

const UPSERT = `mutation ($items: [ProfileInput!]!, $token: String) { bulkUpsertProfiles(input: { items: $items, resumeToken: $token }) {
  results { index outcome profile { profileId source name } userErrors { code field } }
  summary { total upserted rejected notAttempted unknown upstreamRequests } resumeToken } }`;

interface Item {
  profileId: string;
  source: string;
  name: string;
}

interface Payload {
  results: { index: number; outcome: string; profile: Item | null; userErrors: { code: string; field: string[] }[] }[];
  summary: Record<'total' | 'upserted' | 'rejected' | 'notAttempted' | 'unknown' | 'upstreamRequests', number>;
  resumeToken: string | null;
}

const keyOf = (item?: Item): string => `${item?.source}/${item?.profileId}`;

/** Sends items, and checks what must hold of every answer, however the API behaves. */
async function upsert(items: Item[], token: string | null): Promise<Payload> {
  api.posts = 0;
  const { body } = await gateway.query(UPSERT, { items, token });
  expect(body.errors).toBeUndefined();
  const { results, summary, resumeToken }: Payload = body.data.bulkUpsertProfiles;
  const later = new Map(items.map((item, index) => [keyOf(item), index]));
  expect(results.map(({ index }) => index)).toEqual(items.map((_, index) => index));
  const count = (outcome: string): number => results.filter((result) => result.outcome === outcome).length;
  expect(summary).toEqual({
    total: items.length,
    upserted: count('UPSERTED'),
    rejected: count('REJECTED'),
    notAttempted: count('NOT_ATTEMPTED'),
    unknown: count('UNKNOWN'),
    upstreamRequests: api.posts,
  });
  expect(summary.upserted + summary.rejected + summary.notAttempted + summary.unknown).toBe(summary.total);
  for (const { index, outcome, profile, userErrors } of results) {
    const item = items[index] as Item;
    const key = keyOf(item);
    const isDuplicate = later.get(key) !== index;
    expect(userErrors.some(({ code }) => code === 'DUPLICATE')).toBe(isDuplicate);
    if (isDuplicate) expect(outcome).toBe('REJECTED');
    else if (outcome === 'UPSERTED') {
      expect(api.store.get(key)).toBe(item.name);
      if (profile) expect(profile).toEqual(item);
    } else if (outcome === 'REJECTED') expect(api.store.has(key)).toBe(false);
    for (const { field } of userErrors) expect(field.slice(0, 2)).toEqual(['items', String(index)]);
  }
  expect(resumeToken === null).toBe(summary.notAttempted + summary.unknown === 0);
  return { results, summary, resumeToken };
}

test('no item is lost or misreported, and resuming ends as one clean run would', async () => {
  await fc.assert(
    fc.asyncProperty(bulkPlans(30, FAULTS), async ({ items, faults, ...plan }) => {
      Object.assign(api, { ...plan, store: new Map(), faults: [...faults] });
      let payload = await upsert(items, null);
      // The API works again: go on until nothing is left.
      api.faults = [];
      for (let tries = 0; payload.resumeToken !== null && tries < 20; tries++) {
        payload = await upsert(items, payload.resumeToken);
      }
      expect(payload.resumeToken).toBeNull();

      const resumed = api.store;
      api.store = new Map();
      await upsert(items, null);
      // An item that a passing refusal met alone is refused; everything else is as if nothing had happened.
      const refused = payload.results.filter(
        ({ outcome, userErrors }) => outcome === 'REJECTED' && userErrors[0]?.code !== 'DUPLICATE',
      );
      const missing = new Set(refused.map(({ index }) => keyOf(items[index])));
      expect([...resumed].sort()).toEqual([...api.store].filter(([key]) => !missing.has(key)).sort());
    }),
    { numRuns: runs(100) },
  );
});
