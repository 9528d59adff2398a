import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';
import { installRouters, startExample, startRouter, type TestRouter } from '../helpers/router.ts';

beforeAll(installRouters, 600_000);

/** How each router proves that it is one. */
const PROOFS = {
  apollo: { ROUTER_SECRET: 'the-header-of-the-tests' },
  hive: { ROUTER_HMAC_SECRET: 'the-signature-of-the-tests' },
} as const;

describe.each(['apollo', 'hive'] as const)('behind a real router: %s', (kind) => {
  let gateway: Awaited<ReturnType<typeof startWithSandbox>>;
  let router: TestRouter;

  beforeAll(async () => {
    gateway = await startWithSandbox(PROOFS[kind]);
    router = await startRouter(kind, gateway.url, PROOFS[kind]);
  }, 60_000);
  afterAll(async () => {
    await router?.close();
    await gateway?.close();
  });
  beforeEach(() => {
    gateway.sandbox.faults.clear();
    gateway.sandbox.requests.length = 0;
    router.takeRequests();
  });

  /** What the last operation made: requests of the router, those for entities among them, and REST calls. */
  function spent() {
    const requests = router.takeRequests();
    const entities = requests.filter(({ query }) => query.includes('_entities'));
    return { requests: requests.length, entities: entities.length, calls: gateway.sandbox.requests.splice(0).length };
  }

  const members = (count: number): string[] => Array.from({ length: count }, (_, index) => `m-${index}`);
  const MEMBERS = 'query ($ids: [ID!]!) { members(memberIds: $ids) { points profile { profileId name email } } }';

  test('a hundred members of forty profiles, entering at loyalty, come as one _entities call and forty REST calls', async () => {
    const { body } = await router.query(MEMBERS, { ids: members(100) });
    expect(body.errors).toBeUndefined();
    expect(body.data.members).toHaveLength(100);
    body.data.members.forEach(({ points, profile }: never, index: number) => {
      expect([points, profile]).toEqual([
        index * 10,
        { profileId: String(1001 + (index % 40)), name: expect.any(String), email: expect.any(String) },
      ]);
    });
    expect(spent()).toEqual({ requests: 1, entities: 1, calls: 40 });
  });

  test('products, entering here, get their reviews there', async () => {
    const { body } = await router.query(
      '{ contents(first: 3) { totalCount nodes { name reviews(first: 1) { edges { node { stars text } } pageInfo { hasNextPage } } } } }',
    );
    expect(body.errors).toBeUndefined();
    expect(body.data.contents.nodes).toHaveLength(3);
    for (const { name, reviews } of body.data.contents.nodes) {
      expect(name).toEqual(expect.any(String));
      expect(reviews).toEqual({
        edges: [{ node: { stars: expect.any(Number), text: 'As described.' } }],
        pageInfo: { hasNextPage: true },
      });
    }
    expect(spent()).toEqual({ requests: 1, entities: 0, calls: 1 });
  });

  test('reviews reference content by its global id, also through the other subgraph’s node', async () => {
    const { body } = await router.query(
      '{ reviews(first: 4) { edges { node { stars content { name type } } } } node(id: "r-0-b") { id ... on Review { content { contentId } } } }',
    );
    expect(body.errors).toBeUndefined();
    for (const { node } of body.data.reviews.edges) {
      expect(node.content).toEqual({ name: expect.any(String), type: 'ITEM' });
    }
    expect(body.data.node).toMatchObject({ id: 'r-0-b', content: { contentId: expect.any(String) } });
    const { entities, calls } = spent();
    expect(entities).toBeGreaterThanOrEqual(1);
    expect(entities).toBeLessThanOrEqual(2);
    // Two products; the second field’s is one of them, asked for beside or after.
    expect(calls).toBeLessThanOrEqual(3);
  });

  test('variables reach both', async () => {
    const { body } = await router.query(
      'query ($id: ID!, $n: Int!, $with: Boolean!) { member(memberId: $id) { profile { conversions(first: $n) { nodes { total profile { points } } totalCount } email @include(if: $with) } } }',
      { id: 'm-3', n: 2, with: false },
    );
    expect(body.errors).toBeUndefined();
    const { profile } = body.data.member;
    expect(profile).not.toHaveProperty('email');
    expect(profile.conversions.nodes.length).toBeLessThanOrEqual(2);
    expect(profile.conversions.nodes.length).toBeGreaterThan(0);
    for (const { total, profile: buyer } of profile.conversions.nodes) {
      expect([total, buyer]).toEqual([expect.any(Number), { points: 30 }]);
    }
    expect(spent().entities).toBe(1);
  });

  test('another subgraph may require our fields for its own', async () => {
    const { body } = await router.query('{ member(memberId: "m-1") { profile { country shipsFree } } }');
    expect(body.errors).toBeUndefined();
    const { country, shipsFree } = body.data.member.profile;
    expect(country).toEqual(expect.any(String));
    expect(shipsFree).toBe(country === 'The Netherlands');
    expect(spent()).toEqual({ requests: 1, entities: 1, calls: 1 });
  });

  test('an unknown key is null without an error, and leaves its neighbours', async () => {
    const { body } = await router.query(MEMBERS, { ids: ['m-0', 'm-gone', 'nobody'] });
    expect(body.errors).toBeUndefined();
    expect(body.data.members).toEqual([
      { points: 0, profile: { profileId: '1001', name: expect.any(String), email: expect.any(String) } },
      { points: 5, profile: { profileId: 'nobody', name: null, email: null } },
      null,
    ]);
    expect(spent()).toEqual({ requests: 1, entities: 1, calls: 2 });
  });

  test('a read that fails leaves the rest, and keeps its code', async () => {
    gateway.sandbox.faults.set({ match: { path: '/profile/1002' }, status: 400 });
    const { body } = await router.query(MEMBERS, { ids: members(3) });
    expect(body.data.members.map(({ profile }: never) => (profile as { name: string | null }).name !== null)).toEqual([
      true,
      false,
      true,
    ]);
    // Hive says it once for every field below.
    expect(new Set(body.errors?.map(({ extensions }) => extensions.code))).toEqual(new Set(['UPSTREAM_REJECTED']));
    expect(JSON.stringify(body)).not.toContain('127.0.0.1:');
    expect(spent()).toEqual({ requests: 1, entities: 1, calls: 3 });
  });

  test('another subgraph’s failure leaves what is ours, and a failing list of ours what is theirs', async () => {
    const theirs = await router.query('{ broken profile(profileId: "1001", source: "Webshop") { name points } }');
    expect(theirs.body.data).toEqual({ broken: null, profile: { name: expect.any(String), points: 0 } });
    expect(theirs.body.errors).toHaveLength(1);
    gateway.sandbox.faults.set({ status: 403 });
    const ours = await router.query('{ profiles(first: 1) { totalCount } member(memberId: "m-1") { points } }');
    expect(ours.body.data).toEqual({ profiles: null, member: { points: 10 } });
    expect(ours.body.errors?.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN']);
  });

  test('a mutation goes through, and what is read after it sees the write', async () => {
    const { body } = await router.query(
      `mutation ($input: ProfileInput!) { createProfile(input: $input) { profile { name points } userErrors { code } } }`,
      { input: { profileId: `routed-${kind}`, source: 'Webshop', name: 'Routed' } },
    );
    expect(body).toEqual({
      data: { createProfile: { profile: { name: 'Routed', points: null }, userErrors: [] } },
    });
  });

  test('forwards a caller’s token, and its own proof, which a caller cannot send', async () => {
    await router.query('{ member(memberId: "m-1") { profile { name } } }', undefined, {
      authorization: 'Bearer of the test',
      'x-request-id': 'r-1',
      'x-datatrics-project': '999',
    });
    const [request] = router.takeRequests();
    expect(request?.headers).toMatchObject({ authorization: 'Bearer of the test', 'x-request-id': 'r-1' });
    expect(request?.headers).not.toHaveProperty('x-datatrics-project');
    const forged = await gateway.subgraph(request?.query ?? '', request?.variables, {
      'x-router-secret': 'guessed',
      authorization: 'Bearer of the test',
    });
    expect(forged.status).toBe(401);
  });

  test('questions at the same time share what they read', async () => {
    gateway.sandbox.faults.set({ latencyMs: 200 });
    const ask = () => router.query(MEMBERS, { ids: members(5) });
    await Promise.all([ask(), ask(), ask()]);
    const { entities, calls } = spent();
    // Hive itself sends equal requests once.
    expect(entities).toBe({ apollo: 3, hive: 1 }[kind]);
    expect(calls).toBe(5);
  });
});

describe('the example', () => {
  test.each(['apollo', 'hive'] as const)('starts from a copy with one command and ends in order: %s', async (kind) => {
    const gateway = await startWithSandbox();
    const example = await startExample(kind, gateway.url);
    const { body } = await example.query(
      '{ members(memberIds: ["m-1"]) { points profile { name } } contents(first: 1) { nodes { name reviews(first: 1) { edges { node { stars } } } } } }',
    );
    expect(body).toEqual({
      data: {
        members: [{ points: 10, profile: { name: expect.any(String) } }],
        contents: {
          nodes: [{ name: expect.any(String), reviews: { edges: [{ node: { stars: expect.any(Number) } }] } }],
        },
      },
    });
    expect(await example.close()).toBe(0);
    await gateway.close();
  });

  test('is sound TypeScript', () => {
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'examples/federation'], {
      stdio: 'inherit',
    });
  });
});

test('with batch reads, a hundred members take one REST call', async () => {
  const gateway = await startWithSandbox({ DATATRICS_BATCH_READS: 'on' });
  const router = await startRouter('apollo', gateway.url);
  gateway.sandbox.requests.length = 0;
  const ids = Array.from({ length: 100 }, (_, index) => `m-${index}`);
  const { body } = await router.query('query ($ids: [ID!]!) { members(memberIds: $ids) { profile { name } } }', {
    ids,
  });
  expect(body.errors).toBeUndefined();
  expect(router.takeRequests()).toHaveLength(1);
  expect(gateway.sandbox.requests).toHaveLength(1);
  await router.close();
});

test.each([['authenticated'], ['requiresScopes']])(
  'Apollo Gateway refuses a supergraph with @%s, which is why it is off by default',
  async (directive) => {
    const gateway = await startWithSandbox({ SUBGRAPH_DIRECTIVES: directive });
    await expect(startRouter('apollo', gateway.url, {}, 'ignore')).rejects.toThrow('did not start');
  },
);
