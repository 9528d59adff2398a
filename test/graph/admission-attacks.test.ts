import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startWithUpstream } from '../helpers/gateway.ts';

const ONE = '{ profile(profileId: "1", source: "S") { profileId } }';

test('a large bulk write does not block other callers', async () => {
  let slowMs = 0;
  const gateway = await startWithUpstream(
    async ({ method, body }) => {
      if (method === 'GET') return { profileid: '1', source: 'S' };
      await sleep(slowMs);
      const { profiles } = JSON.parse(body);
      return { items: profiles, total_items: profiles.length };
    },
    { UPSTREAM_CONNECTIONS: '8', BULK_CONCURRENCY: '2' },
    { constants: { bulkLimits: { chunkItems: 1 } } },
  );
  const query = `mutation Write($items: [ProfileInput!]!) {
    bulkUpsertProfiles(input: { items: $items }) { summary { upserted } }
  }`;
  const items = Array.from({ length: 60 }, (_, i) => ({ profileId: `p${i}`, source: 'S' }));
  // What it costs is learned from its first runs.
  for (let i = 0; i < 6; i++) await gateway.query(query, { items });
  slowMs = 50;
  let isWritten = false;
  const write = gateway.query(query, { items }).then(({ body }) => {
    isWritten = true;
    return body;
  });
  await sleep(100);
  const { body } = await gateway.query(ONE);
  expect(body).toEqual({ data: { profile: { profileId: '1' } } });
  expect(isWritten).toBe(false);
  expect((await write).data.bulkUpsertProfiles.summary.upserted).toBe(60);
});

test('one large operation after another does not make small ones wait for its end', async () => {
  let slowMs = 0;
  const gateway = await startWithUpstream(
    async ({ path }) => {
      if (path.includes('/profile/slow')) await sleep(slowMs);
      return { profileid: /profile\/([^?]+)/.exec(path)?.[1], source: 'S' };
    },
    { UPSTREAM_CONNECTIONS: '4' },
  );
  const many = `query Many($id: ID!) { slow: profile(profileId: $id, source: "S") { profileId } ${Array.from(
    { length: 40 },
    (_, i) => `p${i}: profile(profileId: "${i}", source: "S") { profileId }`,
  ).join(' ')} }`;
  for (let i = 0; i < 6; i++) await gateway.query(many, { id: 'slow' });
  slowMs = 500;
  const large = gateway.query(many, { id: 'slow' });
  await sleep(100);
  const begin = performance.now();
  expect((await gateway.query(ONE)).body.errors).toBeUndefined();
  expect(performance.now() - begin).toBeLessThan(300);
  await large;
});
