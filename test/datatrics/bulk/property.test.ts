import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BulkUpstream, FAULTS, type Fault } from '../../helpers/bulk-upstream.ts';
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

interface Payload {
  results: {
    index: number;
    outcome: string;
    profile: { profileId: string; source: string; name: string } | null;
    userErrors: { code: string; field: string[] }[];
  }[];
  summary: {
    total: number;
    upserted: number;
    rejected: number;
    notAttempted: number;
    unknown: number;
    upstreamRequests: number;
  };
  resumeToken: string | null;
}

interface Item {
  profileId: string;
  source: string;
  name: string;
}

async function upsert(items: Item[], token: string | null): Promise<Payload> {
  api.posts = 0;
  const { body } = await gateway.query(UPSERT, { items, token });
  expect(body.errors).toBeUndefined();
  return body.data.bulkUpsertProfiles;
}

/** What must hold of every answer, however the API behaved. */
function check(items: Item[], { results, summary, resumeToken }: Payload): void {
  const later = new Map(items.map((item, index) => [`${item.source}/${item.profileId}`, index]));
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
    const key = `${item.source}/${item.profileId}`;
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
}

const run = fc.record({
  items: fc.array(
    fc.record({
      profileId: fc.integer({ min: 0, max: 30 }).map((n) => `p${n}`),
      source: fc.constantFrom('a', 'b'),
      name: fc.string({ minLength: 1, maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 30 },
  ),
  faults: fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant<Fault>('none') },
      { weight: 2, arbitrary: fc.constantFrom(...FAULTS) },
    ),
    { maxLength: 6 },
  ),
  poison: fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 2 }),
  dropped: fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 2 }),
  reversed: fc.boolean(),
});

test('no item is lost or misreported, and resuming ends as one clean run would', async () => {
  await fc.assert(
    fc.asyncProperty(run, async (plan) => {
      api.store = new Map();
      api.faults = [...plan.faults];
      api.poison = new Set(plan.poison.map((n) => `p${n}`));
      api.dropped = new Set(plan.dropped.map((n) => `p${n}`));
      api.reversed = plan.reversed;
      let payload = await upsert(plan.items, null);
      check(plan.items, payload);

      // The API has come to its senses: going on until nothing is left.
      api.faults = [];
      for (let tries = 0; payload.resumeToken !== null && tries < 20; tries++) {
        payload = await upsert(plan.items, payload.resumeToken);
        check(plan.items, payload);
      }
      expect(payload.resumeToken).toBeNull();

      const resumed = api.store;
      api.store = new Map();
      check(plan.items, await upsert(plan.items, null));
      // An item that a passing refusal met alone was told to be refused; everything else is as if nothing had happened.
      const refused = payload.results.filter(
        ({ outcome, userErrors }) => outcome === 'REJECTED' && userErrors[0]?.code !== 'DUPLICATE',
      );
      const missing = new Set(
        refused.map(({ index }) => `${plan.items[index]?.source}/${plan.items[index]?.profileId}`),
      );
      expect([...resumed].sort()).toEqual([...api.store].filter(([key]) => !missing.has(key)).sort());
    }),
    { numRuns: runs(100) },
  );
});
