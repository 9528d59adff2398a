import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { encodeGlobalId } from '../../src/datatrics/keys.ts';
import { type ReceivedCall, startWithUpstream } from '../helpers/gateway.ts';

/** Profiles only, each after a moment; counts how many operations have calls under way at once. */
async function start(settings: Record<string, string>, delayMs = 10, constants = {}) {
  let most = 0;
  const open = new Map<string, number>();
  const answer = async ({ path }: ReceivedCall) => {
    const [, id = ''] = /\/profile\/([^?]+)/.exec(path) ?? [];
    const operation = id.split('-')[0] as string;
    open.set(operation, (open.get(operation) ?? 0) + 1);
    most = Math.max(most, open.size);
    await sleep(delayMs);
    const left = (open.get(operation) as number) - 1;
    if (left === 0) open.delete(operation);
    else open.set(operation, left);
    return { profileid: id, source: 'S' };
  };
  const gateway = await startWithUpstream(answer, settings, { constants });
  return { gateway, most: () => most };
}

const QUERY = `query Q($a: ID!, $b: ID!, $c: ID!) {
  a: profile(profileId: $a, source: "S") { profileId }
  b: profile(profileId: $b, source: "S") { profileId }
  c: profile(profileId: $c, source: "S") { profileId }
}`;
const ids = (n: number) => ({ a: `${n}-a`, b: `${n}-b`, c: `${n}-c` });

test('operations that wait for the API anyway begin one after another, and all are answered', async () => {
  const { gateway, most } = await start({ UPSTREAM_CONNECTIONS: '1' });
  // What it costs is learned from the first runs.
  for (let n = 0; n < 10; n++) await gateway.query(QUERY, ids(n));
  const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => gateway.query(QUERY, ids(100 + n))));
  for (const [n, { body }] of answers.entries()) {
    expect(body).toEqual({
      data: { a: { profileId: `${100 + n}-a` }, b: { profileId: `${100 + n}-b` }, c: { profileId: `${100 + n}-c` } },
    });
  }
  expect(most()).toBe(1);
});

test('waiting counts against the operation’s time', async () => {
  const { gateway } = await start({ UPSTREAM_CONNECTIONS: '1', OPERATION_TIMEOUT_MS: '600' }, 60);
  for (let n = 0; n < 10; n++) await gateway.query(QUERY, ids(n));
  const begin = performance.now();
  const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => gateway.query(QUERY, ids(100 + n))));
  expect(performance.now() - begin).toBeLessThan(1_800);
  expect(answers.some(({ body }) => body.errors === undefined)).toBe(true);
  const late = answers.filter(({ body }) => body.errors);
  expect(late.length).toBeGreaterThan(0);
  for (const { status, body } of late) {
    expect(status).toBe(200);
    expect(new Set(body.errors?.map(({ extensions }) => extensions.code))).toEqual(new Set(['UPSTREAM_TIMEOUT']));
  }
});

test('an operation counts by its variables, whatever it called with others before', async () => {
  // More calls than this can't wait at once: if every operation counted as one call, most of them would be refused.
  const { gateway } = await start({ UPSTREAM_CONNECTIONS: '4' }, 10, { upstreamQueue: 40 });
  const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }';
  const idsOf = (n: number, count: number): string[] =>
    Array.from({ length: count }, (_, i) => encodeGlobalId('1', { resource: 'profile', source: 'S', id: `${n}-${i}` }));
  for (let n = 0; n < 10; n++) await gateway.query(query, { ids: idsOf(n, 1) });
  const answers = await Promise.all(
    Array.from({ length: 24 }, (_, n) => gateway.query(query, { ids: idsOf(100 + n, 8) })),
  );
  expect(answers.flatMap(({ body }) => body.errors ?? [])).toEqual([]);
});

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
