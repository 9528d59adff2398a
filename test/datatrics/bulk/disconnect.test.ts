import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startWithUpstream } from '../../helpers/gateway.ts';

test('a client that goes away stops further calls, and those under way are finished', async () => {
  let begun = 0;
  let finished = 0;
  const gateway = await startWithUpstream(
    async ({ body }, res) => {
      begun += 1;
      await sleep(150);
      if (!res.destroyed) finished += 1;
      const { profiles } = JSON.parse(body);
      return { items: profiles.map(({ profile, ...key }: { profile: object }) => ({ ...key, ...profile })) };
    },
    { BULK_CONCURRENCY: '2' },
    { constants: { bulkLimits: { chunkItems: 5 } } },
  );
  const items = Array.from({ length: 100 }, (_, i) => ({ profileId: `${i}`, source: 's' }));
  const client = new AbortController();
  const answer = fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      query:
        'mutation ($items: [ProfileInput!]!) { bulkUpsertProfiles(input: { items: $items }) { summary { total } } }',
      variables: { items },
    }),
    signal: client.signal,
  });
  await expect.poll(() => begun).toBe(2);
  client.abort();
  await expect(answer).rejects.toThrow();
  await sleep(500);
  expect(begun).toBe(2);
  expect(finished).toBe(2);
});
