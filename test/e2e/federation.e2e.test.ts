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
const text = expect.any(String);
const number = expect.any(Number);

const members = (count: number): string[] => Array.from({ length: count }, (_, index) => `m-${index}`);
const MEMBERS = 'query ($ids: [ID!]!) { members(memberIds: $ids) { points profile { profileId name email } } }';

describe.each(['apollo', 'hive'] as const)('behind a real router: %s', (kind) => {
  let gateway: Awaited<ReturnType<typeof startWithSandbox>>;
  let router: TestRouter;
  beforeAll(async () => {
    gateway = await startWithSandbox(PROOFS[kind]);
    router = await startRouter(kind, gateway.url, PROOFS[kind]);
  }, 60_000);
  afterAll(() => router?.close());
  beforeEach(() => {
    gateway.sandbox.faults.clear();
    gateway.sandbox.requests.length = 0;
    router.takeRequests();
  });

  /** What the last operation made: requests of the router, those for entities among them, and REST calls. */
  function spent() {
    const requests = router.takeRequests();
    const entities = requests.filter(({ query }) => query.includes('_entities'));
    return [requests.length, entities.length, gateway.sandbox.requests.splice(0).length];
  }
  async function dataOf(query: string, variables?: object) {
    const { body } = await router.query(query, variables);
    expect(body.errors).toBeUndefined();
    return body.data;
  }

  test('a hundred members of forty profiles, entering at loyalty, come as one _entities call and forty REST calls', async () => {
    const data = await dataOf(MEMBERS, { ids: members(100) });
    const expected = members(100).map((_, index) => ({
      points: index * 10,
      profile: { profileId: String(1001 + (index % 40)), name: text, email: text },
    }));
    expect(data.members).toEqual(expected);
    expect(spent()).toEqual([1, 1, 40]);
  });

  test('products, entering here, get their reviews there', async () => {
    const { contents } = await dataOf(
      '{ contents(first: 3) { totalCount nodes { name reviews(first: 1) { edges { node { stars text } } pageInfo { hasNextPage } } } } }',
    );
    const edges = [{ node: { stars: number, text: 'As described.' } }];
    const product = { name: text, reviews: { edges, pageInfo: { hasNextPage: true } } };
    expect(contents).toEqual({ totalCount: number, nodes: [product, product, product] });
    expect(spent()).toEqual([1, 0, 1]);
  });

  test('reviews reference content by its global id, also through the other subgraph’s node', async () => {
    const { reviews, node } = await dataOf(
      '{ reviews(first: 4) { edges { node { stars content { name type } } } } node(id: "r-0-b") { id ... on Review { content { contentId } } } }',
    );
    const edge = { node: { stars: number, content: { name: text, type: 'ITEM' } } };
    expect(reviews.edges).toEqual([edge, edge, edge, edge]);
    expect(node).toMatchObject({ id: 'r-0-b', content: { contentId: text } });
    const [, entities, calls] = spent();
    expect([1, 2]).toContain(entities);
    // Two products; the second field’s is one of them, asked for beside or after.
    expect(calls).toBeLessThanOrEqual(3);
  });

  test('variables reach both, and another subgraph may require our fields for its own', async () => {
    const { member } = await dataOf(
      'query ($id: ID!, $n: Int!, $with: Boolean!) { member(memberId: $id) { profile { conversions(first: $n) { nodes { total profile { points } } } email @include(if: $with) } } }',
      { id: 'm-3', n: 2, with: false },
    );
    const conversion = { total: number, profile: { points: 30 } };
    expect(member.profile).toEqual({ conversions: { nodes: expect.arrayContaining([conversion]) } });
    expect(member.profile.conversions.nodes.length).toBeLessThanOrEqual(2);
    expect(spent()[1]).toBe(1);
    const { profile } = (await dataOf('{ member(memberId: "m-1") { profile { country shipsFree } } }')).member;
    expect(profile).toEqual({ country: text, shipsFree: profile.country === 'The Netherlands' });
    expect(spent()).toEqual([1, 1, 1]);
  });

  test('an unknown key is null without an error, and a read that fails keeps its code; both leave their neighbours', async () => {
    const { members: found } = await dataOf(MEMBERS, { ids: ['m-0', 'm-gone', 'nobody'] });
    expect(found).toEqual([
      { points: 0, profile: { profileId: '1001', name: text, email: text } },
      { points: 5, profile: { profileId: 'nobody', name: null, email: null } },
      null,
    ]);
    expect(spent()).toEqual([1, 1, 2]);
    gateway.sandbox.faults.set({ match: { path: '/profile/1002' }, status: 400 });
    const { body } = await router.query(MEMBERS, { ids: members(3) });
    const names = body.data.members.map(({ profile }: { profile: { name: string } }) => profile.name);
    expect(names).toEqual([text, null, text]);
    // Hive says it once for every field below.
    expect(new Set(body.errors?.map(({ extensions }) => extensions.code))).toEqual(new Set(['UPSTREAM_REJECTED']));
    expect(JSON.stringify(body)).not.toContain('127.0.0.1:');
    expect(spent()).toEqual([1, 1, 3]);
  });

  test('another subgraph’s failure leaves what is ours, and a failing list of ours what is theirs', async () => {
    const theirs = await router.query('{ broken profile(profileId: "1001", source: "Webshop") { name points } }');
    expect(theirs.body.data).toEqual({ broken: null, profile: { name: text, points: 0 } });
    expect(theirs.body.errors).toHaveLength(1);
    gateway.sandbox.faults.set({ status: 403 });
    const ours = await router.query('{ profiles(first: 1) { totalCount } member(memberId: "m-1") { points } }');
    expect(ours.body.data).toEqual({ profiles: null, member: { points: 10 } });
    expect(ours.body.errors?.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN']);
  });

  test('a mutation goes through, and what is read after it sees the write', async () => {
    const data = await dataOf(
      'mutation ($input: ProfileInput!) { createProfile(input: $input) { profile { name points } userErrors { code } } }',
      { input: { profileId: `routed-${kind}`, source: 'Webshop', name: 'Routed' } },
    );
    expect(data).toEqual({ createProfile: { profile: { name: 'Routed', points: null }, userErrors: [] } });
  });

  test('forwards a caller’s token, and its own proof, which a caller cannot send', async () => {
    const forwarded = { authorization: 'Bearer of the test', 'x-request-id': 'r-1' };
    const headers = { ...forwarded, 'x-datatrics-project': '999' };
    await router.query('{ member(memberId: "m-1") { profile { name } } }', undefined, headers);
    const [request] = router.takeRequests();
    expect(request?.headers).toMatchObject(forwarded);
    expect(request?.headers).not.toHaveProperty('x-datatrics-project');
    const forged = { ...forwarded, 'x-router-secret': 'guessed' };
    expect((await gateway.subgraph(request?.query ?? '', request?.variables, forged)).status).toBe(401);
  });

  test('questions at the same time share what they read', async () => {
    gateway.sandbox.faults.set({ latencyMs: 200 });
    const ask = () => dataOf(MEMBERS, { ids: members(5) });
    await Promise.all([ask(), ask(), ask()]);
    // Hive itself sends equal requests once.
    const requests = { apollo: 3, hive: 1 }[kind];
    expect(spent()).toEqual([requests, requests, 5]);
  });
});

test.each(['apollo', 'hive'] as const)(
  'the example starts from a copy with one command and ends in order: %s',
  async (kind) => {
    const gateway = await startWithSandbox();
    const example = await startExample(kind, gateway.url);
    const { body } = await example.query(
      '{ members(memberIds: ["m-1"]) { points profile { name } } contents(first: 1) { nodes { reviews(first: 1) { edges { node { stars } } } } } }',
    );
    const reviews = { edges: [{ node: { stars: number } }] };
    expect(body).toEqual({
      data: { members: [{ points: 10, profile: { name: text } }], contents: { nodes: [{ reviews }] } },
    });
    expect(await example.close()).toBe(0);
  },
);

test('the example is sound TypeScript', () => {
  const tsc = ['node_modules/typescript/bin/tsc', '-p', 'examples/federation'];
  execFileSync(process.execPath, tsc, { stdio: 'inherit' });
});

test('with batch reads, a hundred members take one REST call', async () => {
  const gateway = await startWithSandbox({ DATATRICS_BATCH_READS: 'on' });
  const router = await startRouter('apollo', gateway.url);
  gateway.sandbox.requests.length = 0;
  const { body } = await router.query(MEMBERS, { ids: members(100) });
  await router.close();
  expect(body.errors).toBeUndefined();
  expect([router.takeRequests().length, gateway.sandbox.requests.length]).toEqual([1, 1]);
});

test.each(['authenticated', 'requiresScopes'])(
  'Apollo Gateway refuses a supergraph with @%s, which is why it is off by default',
  async (SUBGRAPH_DIRECTIVES) => {
    const gateway = await startWithSandbox({ SUBGRAPH_DIRECTIVES });
    await expect(startRouter('apollo', gateway.url, {}, 'ignore')).rejects.toThrow('did not start');
  },
);
