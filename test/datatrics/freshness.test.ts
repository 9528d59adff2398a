import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.ts';
import { createFolder } from '../helpers/files.ts';
import { startInFrontOf, takeCalls } from '../helpers/gateway.ts';

const { write } = createFolder();
const sandbox = await startSandbox();
afterAll(() => sandbox.close());
afterEach(async () => {
  sandbox.faults.clear();
  sandbox.requests.length = 0;
});

let files = 0;
async function gateway(freshness: object, settings: Record<string, string> = {}) {
  const path = write(`${files++}.json`, { freshness });
  const started = await startInFrontOf(sandbox, { GATEWAY_CONFIG: path, DATATRICS_FILTERS: 'on', ...settings });
  return { ...started, sandbox };
}

const PROFILE = '{ profile(profileId: "1001", source: "Webshop") { name } }';
const RECEIPT = { 'x-upstream-receipt': '1' };

describe('within freshFor', () => {
  test('a record is read once, and the receipt says whether the cache answered, and how', async () => {
    const one = await gateway({ Profile: { freshFor: 2, staleWhileRevalidate: 60 } });
    const read = async (): Promise<unknown[]> => {
      const { body } = await one.query(PROFILE, {}, { 'x-upstream-receipt': 'trace' });
      expect(body.data.profile.name).toEqual(expect.any(String));
      const { trace, calls, cached, stale } = body.extensions.upstream;
      return [trace[0].outcome, trace[0].attempts, calls, cached, stale];
    };
    expect(await read()).toEqual(['ok', 1, 1, 0, 0]);
    expect(await read()).toEqual(['cached', 0, 0, 1, 0]);
    await sleep(2_050);
    expect(await read()).toEqual(['stale', 0, 0, 1, 1]);
  });

  test('types without a lifetime are asked for each time, and have no freshness', async () => {
    const one = await gateway({ Profile: { freshFor: 60 }, Conversion: { freshFor: 0 } });
    for (let i = 0; i < 2; i++) {
      expect((await one.query('{ conversion(conversionId: "3001") { total } }')).body.extensions).toBeUndefined();
    }
    expect(takeCalls(one.sandbox.requests).filter((path) => path.startsWith('/sale'))).toHaveLength(2);
  });

  test('absence is remembered too, until the record is made', async () => {
    const one = await gateway({ Profile: { freshFor: 60 } });
    const query = '{ profile(profileId: "new", source: "Webshop") { name } }';
    for (let i = 0; i < 2; i++) expect((await one.query(query)).body.data.profile).toBeNull();
    expect(one.sandbox.requests).toHaveLength(1);
    await one.query(
      'mutation { createProfile(input: {profileId: "new", source: "Webshop", name: "Ada"}) { userErrors { code } } }',
    );
    expect((await one.query(query)).body.data.profile).toEqual({ name: 'Ada' });
  });

  test('errors are not remembered', async () => {
    const one = await gateway({ Profile: { freshFor: 60, staleIfError: 60 } });
    one.sandbox.faults.set({ status: 400 });
    expect((await one.query(PROFILE)).body.errors).toHaveLength(1);
    one.sandbox.faults.set({ bodyUnder200: 'html' });
    expect((await one.query(PROFILE)).body.errors).toHaveLength(1);
    one.sandbox.faults.clear();
    expect((await one.query(PROFILE)).body.errors).toBeUndefined();
  });

  test('no caller gets what another one read', async () => {
    const one = await gateway({ Profile: { freshFor: 60, staleIfError: 60 } }, { AUTH_MODE: 'passthrough' });
    const right = { 'x-apikey': one.sandbox.apiKey };
    expect((await one.query(PROFILE, {}, right)).body.errors).toBeUndefined();
    expect((await one.query(PROFILE, {}, { 'x-apikey': 'wrong' })).body.errors).toMatchObject([
      { extensions: { code: 'FORBIDDEN' } },
    ]);
    one.sandbox.faults.set({ status: 500 });
    expect((await one.query(PROFILE, {}, { 'x-apikey': 'other' })).body.data.profile).toBeNull();
  });
});

describe('a write', () => {
  afterEach(() => sandbox.reset());

  const WRITES = {
    create: 'createProfile(input: {profileId: "1001", source: "Webshop", name: "New"}) { userErrors { code } }',
    update: 'updateProfile(input: {profileId: "1001", source: "Webshop", name: "New"}) { userErrors { code } }',
    bulk: 'bulkUpsertProfiles(input: {items: [{profileId: "1001", source: "Webshop", name: "New"}]}) { summary { upserted } }',
  };

  test.each(Object.entries(WRITES))('by %s is seen by the next read, by id and in lists', async (_name, write) => {
    const one = await gateway({ Profile: { freshFor: 60, staleWhileRevalidate: 60, staleIfError: 60 } });
    const list = '{ profiles(first: 100, source: "Webshop") { nodes { profileId name } } }';
    const other = PROFILE.replace('1001', '1002');
    for (const query of [PROFILE, list, other]) await one.query(query);
    const written = await one.query(`mutation { ${write} }`);
    expect(written.body.errors).toBeUndefined();
    expect((await one.query(PROFILE)).body.data.profile.name).toBe('New');
    expect((await one.query(list)).body.data.profiles.nodes).toContainEqual({ profileId: '1001', name: 'New' });
    takeCalls(one.sandbox.requests);
    await one.query(other);
    expect(one.sandbox.requests).toHaveLength(0);
  });

  test('that a read under way may have missed keeps that read from being remembered', async () => {
    const one = await gateway({ Profile: { freshFor: 60 } });
    one.sandbox.faults.set({ match: { method: 'GET' }, slowDripMs: 30 });
    const reading = one.query(PROFILE);
    await sleep(100);
    await one.query(`mutation { ${WRITES.update} }`);
    await reading;
    expect((await one.query(PROFILE)).body.data.profile.name).toBe('New');
  });

  test('that failed may have been executed, so it invalidates', async () => {
    const one = await gateway({ Profile: { freshFor: 60 } });
    await one.query(PROFILE);
    one.sandbox.faults.set({ match: { method: 'PUT' }, reset: 'after-headers' });
    const { errors } = (await one.query(`mutation { ${WRITES.update} }`)).body;
    expect(errors).toMatchObject([{ extensions: { code: 'UPSTREAM_UNAVAILABLE' } }]);
    expect((await one.query(PROFILE)).body.data.profile.name).toBe('New');
  });
});

describe('a stale answer', () => {
  test('says so at its path, while the API is asked again once', async () => {
    const one = await gateway({ Profile: { freshFor: 0.05, staleWhileRevalidate: 60 } });
    const query =
      '{ a: profile(profileId: "1001", source: "Webshop") { name } b: conversions(first: 2) { totalCount } }';
    await one.query(query);
    await sleep(80);
    one.sandbox.store.put('profile', { profileid: '1001', source: 'Webshop', name: 'New' });
    takeCalls(one.sandbox.requests);
    one.sandbox.faults.set({ latencyMs: 50 });
    const answers = await Promise.all([1, 2, 3].map(() => one.query(query, {}, RECEIPT)));
    for (const { body } of answers) {
      expect(body.data.a.name).not.toBe('New');
      expect(body.extensions.freshness).toEqual([
        { path: ['a'], ageMs: expect.any(Number), reason: 'stale-while-revalidate' },
      ]);
      expect(body.extensions.freshness[0].ageMs).toBeGreaterThanOrEqual(50);
      expect(body.extensions.upstream).toMatchObject({ cached: 1, stale: 1 });
    }
    await expect.poll(async () => (await one.query(query)).body.data.a.name).toBe('New');
    const calls = takeCalls(one.sandbox.requests).filter((path) => path.includes('/profile/'));
    expect(calls.length).toBeLessThanOrEqual(3);
    sandbox.reset();
  });

  test.each(['interpreted', 'compiled'])('is told by the paths of links and lists, %s', async (engine) => {
    const one = await gateway({
      Profile: { staleIfError: 60 },
      Conversion: { staleIfError: 60 },
      Content: { staleIfError: 60 },
    });
    const query =
      '{ conversions(first: 2) { nodes { conversionId profile { name } other: profile(source: "nowhere") { name } } } node(id: "x") { id } nodes(ids: ["UHJvZmlsZToxMjM0NTY6V2Vic2hvcDoxMDAx"]) { id } }';
    for (let i = 0; i < (engine === 'compiled' ? 3 : 1); i++) await one.query(query);
    const before = await one.query(query);
    one.sandbox.faults.set({ status: 503 });
    const { body } = await one.query(query);
    expect(body.errors).toBeUndefined();
    expect(body.data).toEqual(before.body.data);
    const paths = body.extensions.freshness.map(({ path }: { path: unknown[] }) => path.join('.')).sort();
    const links = [0, 1].flatMap((i) => [`conversions.nodes.${i}.other`, `conversions.nodes.${i}.profile`]);
    expect(paths).toEqual(['conversions', ...links, 'nodes']);
    for (const { reason } of body.extensions.freshness) expect(reason).toBe('stale-if-error');
  });

  test.each([
    ['500', { status: 500 }],
    ['a reset', { reset: 'before' }],
    ['JSON that is cut off', { truncatedBody: true }],
    ['silence', { hang: true }],
  ] as const)('stands in for %s, within staleIfError only', async (_name, fault) => {
    const one = await gateway({ Profile: { staleIfError: 1 } }, { UPSTREAM_TIMEOUT_MS: '150' });
    const { data } = (await one.query(PROFILE)).body;
    one.sandbox.faults.set(fault);
    const { body } = await one.query(PROFILE);
    expect(body).toMatchObject({ data, extensions: { freshness: [{ path: ['profile'], reason: 'stale-if-error' }] } });
    await sleep(1000);
    expect((await one.query(PROFILE)).body.data.profile).toBeNull();
  });

  test.each([403, 400])('does not stand in for %i', async (status) => {
    const one = await gateway({ Profile: { staleIfError: 60 } });
    await one.query(PROFILE);
    one.sandbox.faults.set({ status });
    expect((await one.query(PROFILE)).body.errors).toHaveLength(1);
  });

  test('stands in when the operation’s own time is up', async () => {
    const one = await gateway({ Profile: { staleIfError: 60 } }, { OPERATION_TIMEOUT_MS: '200' });
    await one.query(PROFILE);
    one.sandbox.faults.set({ hang: true });
    const { body } = await one.query(PROFILE);
    expect(body.errors).toBeUndefined();
    expect(body.extensions.freshness).toHaveLength(1);
  });
});

describe('a request’s cache-control', () => {
  const freshness = { Profile: { freshFor: 0.3, staleWhileRevalidate: 60, staleIfError: 60 } };

  test.each(['no-cache', 'no-store', 'max-age=0', 'NO-CACHE , x'])('%s asks the API', async (header) => {
    const one = await gateway(freshness);
    await one.query(PROFILE);
    const { body } = await one.query(PROFILE, {}, { ...RECEIPT, 'cache-control': header });
    expect(body.extensions.upstream).toMatchObject({ calls: 1, cached: 0 });
  });

  test('no-cache gets an error instead of a stale answer', async () => {
    const one = await gateway(freshness);
    await one.query(PROFILE);
    one.sandbox.faults.set({ status: 500 });
    expect((await one.query(PROFILE, {}, { 'cache-control': 'no-cache' })).body.errors).toHaveLength(1);
    expect((await one.query(PROFILE, {}, { 'cache-control': 'max-age=60' })).body.errors).toBeUndefined();
  });

  test('max-stale limits how stale an answer may be, and allows it', async () => {
    const one = await gateway({ Profile: { freshFor: 0.05, staleIfError: 60 } });
    await one.query(PROFILE);
    await sleep(100);
    const allowed = await one.query(PROFILE, {}, { ...RECEIPT, 'cache-control': 'max-stale=60' });
    expect(allowed.body.extensions).toMatchObject({
      upstream: { calls: 0, stale: 1 },
      freshness: [{ path: ['profile'], reason: 'max-stale' }],
    });
    one.sandbox.faults.set({ status: 500 });
    expect((await one.query(PROFILE, {}, { 'cache-control': 'max-stale=0' })).body.errors).toHaveLength(1);
    expect((await one.query(PROFILE, {}, { 'cache-control': 'max-stale=nonsense' })).body.errors).toBeUndefined();
  });
});
