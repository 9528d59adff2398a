import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SCOPES } from '../../src/auth/scopes.ts';
import { createFolder } from '../helpers/files.ts';
import { type ReceivedCall, type Settings, startWithUpstream } from '../helpers/gateway.ts';
import { createTokenFile } from '../helpers/token-file.ts';

const PROFILE = 'query Q($id: ID!) { profile(profileId: $id, source: "S") { profileId } }';
const WRITE =
  'mutation W($id: ID!) { updateProfile(input: { profileId: $id, source: "S" }) { profile { profileId } } }';

/** Ways in which calls fail, by the ids that are asked for: `reset-1` is reset. */
const MISBEHAVIOURS: Readonly<Record<string, (res: ServerResponse) => void>> = {
  limited: (res) => void res.writeHead(429, { 'retry-after': '45' }).end('{}'),
  reset: (res) => void res.destroy(),
  failed: (res) => void res.writeHead(500).end('{}'),
  refused: (res) => void res.writeHead(401).end('{}'),
  silent: () => undefined,
};

/** An API that knows the keys `victim` and `known…`, and refuses all others but where the id says otherwise. */
function answer({ method, path, headers, body }: ReceivedCall, res: ServerResponse): unknown {
  const id = /\/profile\/([^?/]+)/.exec(path)?.[1] ?? JSON.parse(body || '{}').profileid ?? '';
  const misbehave = MISBEHAVIOURS[id.split('-')[0]];
  if (misbehave) return misbehave(res);
  if (!/^(victim|known)/.test(String(headers['x-apikey']))) return void res.writeHead(403).end('{}');
  if (path.includes('filter-probe')) return { items: [], total_items: 0 };
  if (method === 'GET' && id === '') {
    return { items: [{ profileid: '1', source: 'S', email: 'a@b.example' }], total_items: 1, total_pages: 1 };
  }
  return { profileid: id, source: 'S' };
}

/** @param atEnd that of the test's context where tests run at once */
async function start(
  settings: Settings = {},
  upstream: Parameters<typeof startWithUpstream>[0] = answer,
  atEnd = onTestFinished,
  parts: Parameters<typeof startWithUpstream>[2] = {},
) {
  const gateway = await startWithUpstream(upstream, { AUTH_MODE: 'passthrough', ...settings }, parts);
  atEnd(() => gateway.close());
  return {
    ...gateway,
    /** One read, or write, by a key. */
    async ask(key: string, id: string, { project = '1', query = PROFILE } = {}) {
      const headers = { 'x-apikey': key, 'x-datatrics-project': project };
      const { status, body } = await gateway.query(query, { id }, headers);
      return body.errors ? `${status} ${body.errors[0]?.extensions.code}` : 'ok';
    },
    async ready() {
      return (await fetch(`${gateway.url}/ready`)).status;
    },
    callsBy: (key: string) => gateway.upstream.calls.filter(({ headers }) => headers['x-apikey'] === key).length,
  };
}

type Running = Awaited<ReturnType<typeof start>>;

/** Calls that misbehave, for the three seconds that open breakers, slow callers down and fill queues. */
async function misbehave(gateway: Running, keyOf: (n: number) => string, how: string): Promise<void> {
  const asked: Promise<unknown>[] = [];
  let n = 0;
  for (let round = 0; round < 15; round++) {
    for (let i = 0; i < 7; i++, n++) asked.push(gateway.ask(keyOf(n), `${how}-${n}`));
    await sleep(200);
  }
  await Promise.allSettled(asked);
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
}

const TIMES = { UPSTREAM_TIMEOUT_MS: '2000', OPERATION_TIMEOUT_MS: '3000' };

// They wait more than they work, each for a gateway of its own.
describe.concurrent.each([
  ['a caller whose key the API knows', () => 'known', Object.keys(MISBEHAVIOURS)],
  // What is kept of a call's failure is the same for them; it is kept in another place.
  ['made-up keys', (n: number) => `stranger-${n % 100 < 50 ? 0 : n}`, ['limited', 'silent']],
])('beside %s whose calls are', (_name, keyOf, hows) => {
  test.for(hows)('%s, another caller of the project goes on as before', async (how, { onTestFinished }) => {
    const settings = { ...TIMES, UPSTREAM_CONNECTIONS: '8' };
    const gateway = await start(settings, answer, onTestFinished, { constants: { upstreamQueue: 40 } });
    expect(await gateway.ask('victim', '1')).toBe('ok');
    if (keyOf(0) === 'known') expect(await gateway.ask('known', '1')).toBe('ok');
    const end = misbehave(gateway, keyOf, how);
    const took: number[] = [];
    for (let i = 0; i < 50; i++) {
      const begin = performance.now();
      expect(await gateway.ask('victim', `${i}`)).toBe('ok');
      took.push(performance.now() - begin);
      await sleep(50);
      if (i % 10 === 0) expect(await gateway.ready()).toBe(200);
    }
    // Behind the other's calls each would take two seconds; a busy machine makes single ones late as well.
    expect(median(took)).toBeLessThan(1_000);
    expect(await gateway.ask('victim', '1', { query: WRITE })).toBe('ok');
    await end;
    expect(await gateway.ready()).toBe(200);
  });
});

test('keys that the API has not accepted share a quarter of the connections, until it accepts one', async () => {
  let underWay = 0;
  let most = 0;
  const gateway = await start({ UPSTREAM_CONNECTIONS: '8', SHARE_IN_FLIGHT: 'off' }, async (call, res) => {
    underWay += 1;
    most = Math.max(most, underWay);
    await sleep(150);
    underWay -= 1;
    return answer(call, res);
  });
  await Promise.all(Array.from({ length: 12 }, (_, n) => gateway.ask(`stranger-${n}`, `${n}`)));
  expect(most).toBe(2);
  expect(await gateway.ask('victim', '1')).toBe('ok');
  most = 0;
  await Promise.all(Array.from({ length: 30 }, (_, n) => gateway.ask('victim', `${n}`)));
  // Three quarters of the seven that one type's reads may take.
  expect(most).toBe(5);
});

test('one caller’s failures leave another its retries', async () => {
  const gateway = await start();
  // A breaker takes two seconds to open; the retries saved up are used before.
  await Promise.all(Array.from({ length: 60 }, (_, n) => gateway.ask('known', `failed-${n}`)));
  gateway.upstream.calls.length = 0;
  expect(await gateway.ask('victim', 'failed-1')).toBe('200 UPSTREAM_UNAVAILABLE');
  expect(gateway.callsBy('victim')).toBe(3);
});

test('made-up keys and projects evict no state of a caller', async () => {
  const gateway = await start({ RATE_LIMIT: '40r' });
  const filter = (email: string) =>
    gateway.query(
      'query F($email: String!) { profiles(first: 1, filter: { email: $email }) { nodes { profileId } } }',
      { email },
      { 'x-apikey': 'victim' },
    );
  expect((await filter('a@b.example')).body.errors).toBeUndefined();
  // The API asks the victim to wait, and the victim has used all of its requests but three.
  await Promise.all(Array.from({ length: 36 }, (_, n) => gateway.ask('victim', `limited-${n}`)));
  for (let n = 0; n < 1_200; n += 100) {
    const flood = Array.from({ length: 100 }, (_, i) =>
      gateway.ask(`stranger-${n + i}`, '1', { project: `p${n + i}` }),
    );
    expect(new Set(await Promise.all(flood))).toEqual(new Set(['200 FORBIDDEN']));
  }
  gateway.upstream.calls.length = 0;
  expect(await gateway.ask('victim', '1')).toBe('200 UPSTREAM_UNAVAILABLE');
  expect(gateway.upstream.calls).toEqual([]);
  // What was learned of the project stays as well: no probe.
  await filter('b@b.example');
  expect(gateway.upstream.calls.filter(({ path }) => path.includes('filter-probe'))).toEqual([]);
  expect(await gateway.ask('victim', '1')).toBe('200 UPSTREAM_UNAVAILABLE');
  expect(await gateway.ask('victim', '1')).toBe('429 RATE_LIMITED');
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics.split('\n').length).toBeLessThan(600);
  expect(metrics).not.toMatch(/stranger|"p\d/);
}, 30_000);

test('RATE_LIMIT counts a key across the projects that it names', async () => {
  const gateway = await start({ RATE_LIMIT: '3r' });
  const statuses: string[] = [];
  for (let n = 0; n < 5; n++) statuses.push(await gateway.ask('known', '1', { project: `p${n}` }));
  expect(statuses).toEqual(['ok', 'ok', 'ok', '429 RATE_LIMITED', '429 RATE_LIMITED']);
  expect(await gateway.ask('victim', '1')).toBe('ok');
});

test('one caller does not take every request of MAX_REQUESTS', async () => {
  const gateway = await start({ MAX_REQUESTS: '16', UPSTREAM_TIMEOUT_MS: '2500' });
  expect([await gateway.ask('victim', '1'), await gateway.ask('known', '1')]).toEqual(['ok', 'ok']);
  for (const key of ['known', 'stranger']) {
    const flood = Array.from({ length: 40 }, (_, n) => gateway.ask(key, `silent-${n}`));
    await sleep(300);
    for (let i = 0; i < 5; i++) {
      expect(await Promise.all([gateway.ask('victim', '1'), gateway.ask('victim', '2')])).toEqual(['ok', 'ok']);
    }
    expect(await Promise.all(flood)).toContain('503 UPSTREAM_UNAVAILABLE');
  }
});

test('a key that the API refuses invalidates nothing that others have cached', async () => {
  const { write } = createFolder();
  const file = write('gateway.json', { freshness: { Profile: { freshFor: 60 } } });
  const gateway = await start({ GATEWAY_CONFIG: file });
  expect(await gateway.ask('victim', '1')).toBe('ok');
  expect(await gateway.ask('stranger', '1', { query: WRITE })).toBe('200 FORBIDDEN');
  // Whether this one was carried out is not known; but the key has never been accepted.
  for (const id of ['reset-1', 'failed-1']) await gateway.ask('stranger', id, { query: WRITE });
  gateway.upstream.calls.length = 0;
  expect(await gateway.ask('victim', '1')).toBe('ok');
  expect(gateway.upstream.calls).toEqual([]);
  // A failed write counts once the API accepts its key, and at once after that.
  const listCalls = async (): Promise<number> => {
    gateway.upstream.calls.length = 0;
    await gateway.query('{ profiles(first: 1) { nodes { profileId } } }', {}, { 'x-apikey': 'victim' });
    return gateway.callsBy('victim');
  };
  await listCalls();
  await gateway.ask('known', 'failed-1', { query: WRITE });
  expect(await listCalls()).toBe(0);
  await gateway.ask('known', '2');
  expect(await listCalls()).toBe(1);
  await gateway.ask('known', 'reset-1', { query: WRITE });
  expect(await listCalls()).toBe(1);
});

describe('readiness', () => {
  const fail = async (gateway: Running, key: string, how: string) => {
    await Promise.all(Array.from({ length: 10 }, (_, n) => gateway.ask(key, `${how}-${n}`)));
  };

  test('is lost when calls of two callers fail, and not by one alone', async () => {
    const gateway = await start();
    await gateway.ask('victim', '1');
    await gateway.ask('known', '1');
    await fail(gateway, 'known', 'failed');
    for (let n = 0; n < 10; n++) await fail(gateway, `stranger-${n}`, 'reset');
    expect(await gateway.ready()).toBe(200);
    await gateway.ask('victim', 'failed-1');
    expect(await gateway.ready()).toBe(503);
    expect(await gateway.ask('victim', '1')).toBe('ok');
    expect(await gateway.ready()).toBe(200);
  });

  test('is lost by one caller’s calls where none reaches the API', async () => {
    const gateway = await start();
    await gateway.upstream.close();
    await fail(gateway, 'known', '1');
    expect(await gateway.ready()).toBe(503);
  });
});

describe('in managed mode', () => {
  test('a caller whose calls hang leaves another connections, requests and turns', async () => {
    const tokens = createTokenFile();
    const hog = tokens.add('hog', SCOPES);
    const victim = tokens.add('victim', SCOPES);
    const gateway = await startWithUpstream(
      async ({ path }) => {
        if (path.includes('silent')) await sleep(3_000);
        return { profileid: /\/profile\/([^?/]+)/.exec(path)?.[1], source: 'S' };
      },
      { ...tokens.settings, ...TIMES, UPSTREAM_CONNECTIONS: '8', MAX_REQUESTS: '40' },
      { constants: { upstreamQueue: 40 } },
    );
    const many = `query Many { ${Array.from({ length: 12 }, (_, n) => `p${n}: profile(profileId: "silent-${n}", source: "S") { profileId }`).join(' ')} }`;
    const flood = Array.from({ length: 80 }, () => gateway.query(many, {}, hog));
    await sleep(300);
    const took: number[] = [];
    for (let i = 0; i < 20; i++) {
      const begin = performance.now();
      const { status, body } = await gateway.query(PROFILE, { id: `${i}` }, victim);
      expect([status, body]).toEqual([200, { data: { profile: { profileId: `${i}` } } }]);
      took.push(performance.now() - begin);
    }
    expect(median(took)).toBeLessThan(1_000);
    await Promise.all(flood);
  });
});
