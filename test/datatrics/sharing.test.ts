import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeGlobalId } from '../../src/datatrics/keys.ts';
import { type ReceivedCall, startWithUpstream, takeCalls } from '../helpers/gateway.ts';

/** What the upstream answers, once `gate` opens. */
let answer: (call: ReceivedCall) => unknown;
let gate: Promise<void>;
let open: () => void;

function shut(): void {
  ({ promise: gate, resolve: open } = Promise.withResolvers<void>());
}

/** Calls whose connection was closed before they had their answer. */
const abandoned: string[] = [];

async function serve(call: ReceivedCall, res: { writableEnded: boolean }, req: IncomingMessage): Promise<unknown> {
  const onClose = (): void => void (res.writableEnded || abandoned.push(call.path));
  req.socket.once('close', onClose);
  await gate;
  req.socket.off('close', onClose);
  return answer(call);
}

function record({ path }: ReceivedCall): unknown {
  const id = decodeURIComponent(/\/(?:profile|sale)\/([^?]+)/.exec(path)?.[1] ?? '');
  return path.includes('/sale/')
    ? { conversionid: id, source: 'shop', profileid: '7' }
    : { profileid: id, name: `Name ${id}` };
}

const warnings: Error[] = [];
const onWarning = (warning: Error): void => {
  // undici says that its decompression is experimental.
  if (warning.name !== 'ExperimentalWarning') warnings.push(warning);
};
process.on('warning', onWarning);
afterAll(() => process.off('warning', onWarning));

const gateway = await startWithUpstream(serve, { AUTH_MODE: 'passthrough' });
beforeEach(() => {
  gateway.upstream.calls.length = 0;
  abandoned.length = 0;
  answer = record;
  shut();
  open();
});
afterEach(() => {
  open();
  expect(warnings).toEqual([]);
});

const calls = (): string[] => takeCalls(gateway.upstream.calls);
const PROFILE = '{ profile(profileId: "7", source: "shop") { profileId name } }';
const SEVEN = { data: { profile: { profileId: '7', name: 'Name 7' } } };

const ask = (query: string, key = 'a', project = '1', variables?: object) =>
  gateway.query(query, variables, { 'x-apikey': key, 'x-datatrics-project': project });

/** An operation whose client goes away when the test says so; by GET or by POST. */
function abandonable(query: string, { url = gateway.url, variables = {}, method = 'POST' } = {}) {
  const controller = new AbortController();
  const byGet = method === 'GET';
  const done = fetch(`${url}/graphql${byGet ? `?query=${encodeURIComponent(query)}` : ''}`, {
    method,
    headers: { 'content-type': 'application/json', accept: 'application/json', 'x-apikey': 'a' },
    ...(!byGet && { body: JSON.stringify({ query, variables }) }),
    signal: controller.signal,
  }).then(
    () => 'answered',
    () => 'gone',
  );
  return { done, leave: () => controller.abort() };
}

/** Waits for calls at the upstream. */
const untilCalls = (count: number) => vi.waitFor(() => expect(gateway.upstream.calls).toHaveLength(count));
/** Time in which what must not happen would have happened. */
const aWhile = () => sleep(150);

describe('equal reads of one operation', () => {
  it('are one call, under whatever names and by whatever paths', async () => {
    const id = encodeGlobalId('1', { resource: 'profile', id: '7', source: 'shop' });
    const query = `query ($id: ID!) {
      a: profile(profileId: "7", source: "shop") { name }
      b: profile(profileId: 7, source: "shop") { profileId }
      c: node(id: $id) { ... on Profile { name } }
      d: nodes(ids: [$id, $id]) { id }
      e: conversion(conversionId: "1", source: "shop") { profile { name } other: profile(source: "shop") { name } }
      f: conversion(conversionId: "2", source: "shop") { profile { name } }
    }`;
    for (const _run of ['interpreted', 'compiled', 'compiled']) {
      const { body } = await ask(query, 'a', '1', { id });
      const [named, byId] = [{ name: 'Name 7' }, { id }];
      const links = { e: { profile: named, other: named }, f: { profile: named } };
      expect(body).toEqual({ data: { a: named, b: { profileId: '7' }, c: named, d: [byId, byId], ...links } });
      expect(calls().sort()).toEqual(['/profile/7?source=shop', '/sale/1?source=shop', '/sale/2?source=shop']);
    }
  });

  it('are one call for equal lists, and for what failed', async () => {
    answer = ({ path }) => (path.includes('?limit') ? { items: [], total_items: 0 } : { status: 400, message: 'no' });
    const { body } = await ask(`{
      a: conversions { totalCount } b: conversions(first: 20) { nodes { id } } c: conversions { pageInfo { hasNextPage } }
      d: profile(profileId: "7", source: "shop") { id } e: profile(profileId: "7", source: "shop") { id }
    }`);
    expect(body.errors?.map(({ path }) => path)).toEqual([['d'], ['e']]);
    expect(calls().sort()).toEqual(['/profile/7?source=shop', '/sale?limit=20&page=1']);
  });

  it('of another source, type or id are calls of their own', async () => {
    await ask(`{
      a: profile(profileId: "7", source: "shop") { id } b: profile(profileId: "7", source: "Shop") { id }
      c: content(contentId: "7", source: "shop") { id } d: content(contentId: "7", source: "shop", type: CATEGORY) { id }
    }`);
    expect(calls()).toHaveLength(4);
  });
});

describe('equal reads of concurrent operations', () => {
  it('by one principal share one call', async () => {
    shut();
    const queries = [PROFILE, PROFILE, PROFILE, '{ profile(source: "shop", profileId: 7) { name } other: __typename }'];
    const answers = queries.map((query) => ask(query));
    await untilCalls(1);
    await aWhile();
    open();
    for (const { body } of await Promise.all(answers)) expect(body.data.profile.name).toBe('Name 7');
    expect(calls()).toEqual(['/profile/7?source=shop']);
  });

  it.each([
    ['two keys', ['a', '1'], ['b', '1']],
    ['one key in two projects', ['a', '1'], ['a', '2']],
    ['a key and a project that look like another’s together', ['a', '1-b'], ['b-a', '1']],
  ] as const)('by %s share nothing', async (_name, one, other) => {
    shut();
    answer = ({ path, headers }) => ({ profileid: '7', name: `${headers['x-apikey']} ${path.split('/')[3]}` });
    const callers = [one, other, one, other];
    const answers = callers.map(([key, project]) => ask(PROFILE, key, project));
    await untilCalls(2);
    await aWhile();
    open();
    const bodies = (await Promise.all(answers)).map(({ body }) => body);
    expect(bodies).toEqual(
      callers.map(([key, project]) => ({ data: { profile: { profileId: '7', name: `${key} ${project}` } } })),
    );
    expect(gateway.upstream.calls).toHaveLength(2);
  });

  it('share a failure, which is then forgotten', async () => {
    shut();
    answer = () => ({ status: 400, message: 'no' });
    const answers = [1, 2, 3].map(() => ask(PROFILE));
    await untilCalls(1);
    await aWhile();
    open();
    for (const { body } of await Promise.all(answers)) {
      expect(body).toMatchObject({ data: { profile: null }, errors: [{ extensions: { code: 'UPSTREAM_REJECTED' } }] });
    }
    expect(calls()).toHaveLength(1);
    answer = record;
    expect((await ask(PROFILE)).body).toEqual(SEVEN);
    expect(calls()).toHaveLength(1);
  });
});

describe('an operation whose client has gone', () => {
  it.each(['POST', 'GET'])('has its calls cancelled (%s)', async (method) => {
    // The first GET loads what the others need.
    await fetch(`${gateway.url}/graphql?query={__typename}`, { headers: { 'x-apikey': 'a' } });
    shut();
    const client = abandonable(
      '{ a: profile(profileId: "1", source: "s") { id } b: profile(profileId: "2", source: "s") { id } }',
      { method },
    );
    await untilCalls(2);
    client.leave();
    expect(await client.done).toBe('gone');
    await vi.waitFor(() => expect(abandoned).toHaveLength(2));
  });

  it('makes no further calls', async () => {
    shut();
    answer = () => ({ total_items: 1, items: [{ conversionid: '1', source: 'shop', profileid: '7' }] });
    const client = abandonable('{ conversions { nodes { profile { id } } } }');
    await untilCalls(1);
    client.leave();
    await vi.waitFor(() => expect(abandoned).toHaveLength(1));
    open();
    await aWhile();
    expect(calls()).toHaveLength(1);
  });

  it.each([
    ['first', 0],
    ['second', 1],
  ])('leaves a shared call to the others, though it was the %s to ask', async (_name, which) => {
    shut();
    const clients: ReturnType<typeof abandonable>[] = [];
    let other: ReturnType<typeof ask> | undefined;
    for (const turn of [0, 1]) {
      if (turn === which) clients.push(abandonable(PROFILE));
      else other = ask(PROFILE);
      await untilCalls(1);
      await sleep(50);
    }
    clients[0]?.leave();
    await clients[0]?.done;
    await aWhile();
    expect(abandoned).toEqual([]);
    open();
    expect((await other)?.body).toEqual(SEVEN);
    expect(calls()).toHaveLength(1);
  });

  it('and was the last to wait, ends the call, and the next operation makes its own', async () => {
    shut();
    const clients = [abandonable(PROFILE), abandonable(PROFILE)];
    await untilCalls(1);
    await aWhile();
    for (const client of clients) client.leave();
    await vi.waitFor(() => expect(abandoned).toHaveLength(1));
    open();
    expect((await ask(PROFILE)).body).toEqual(SEVEN);
    expect(calls()).toHaveLength(2);
  });
});

it('reads that wait for a connection are not made once nobody wants them', async () => {
  const own = await startWithUpstream(serve, { UPSTREAM_CONNECTIONS: '2' });
  const NODES = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }';
  const ids = Array.from({ length: 500 }, (_, i) =>
    encodeGlobalId('1', { resource: 'profile', id: `${i}`, source: 'shop' }),
  );
  shut();
  const client = abandonable(NODES, { url: own.url, variables: { ids } });
  await vi.waitFor(() => expect(own.upstream.calls).toHaveLength(2));
  client.leave();
  expect(await client.done).toBe('gone');
  await vi.waitFor(() => expect(abandoned).toHaveLength(2));
  open();
  await aWhile();
  expect(own.upstream.calls).toHaveLength(2);
  // The connections are free again.
  const few = ids.slice(0, 10);
  expect((await own.query(NODES, { ids: few })).body.data.nodes).toEqual(few.map((id) => ({ id })));
});
