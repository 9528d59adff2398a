import { Redis } from 'ioredis';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.ts';
import { sha256 } from '../../src/server/persisted-queries.ts';
import { closeAtEnd } from '../helpers/closing.ts';
import { createFolder } from '../helpers/files.ts';
import {
  postJson,
  startInFrontOf,
  startWithSandbox,
  startWithUpstream,
  type TestGateway,
  takeCalls,
} from '../helpers/gateway.ts';
import { startIssuer } from '../helpers/issuer.ts';
import { startRedis } from '../helpers/redis.ts';

const redis = await startRedis();
const sandbox = await startSandbox();
const watcher = new Redis(redis.url);
watcher.on('error', () => undefined);
afterAll(async () => {
  watcher.disconnect();
  await sandbox.close();
  await redis.close();
});

describe('rate limits of two instances with one Redis', async () => {
  const settings = { RATE_LIMIT: '4r', REDIS_URL: redis.url, AUTH_MODE: 'passthrough' };
  const [one, other] = [await startInFrontOf(sandbox, settings), await startInFrontOf(sandbox, settings)];

  /** Callers are told apart by a digest that two processes must agree on. */
  const ask = async (gateway: TestGateway, key: string): Promise<number> =>
    (await gateway.query('{ __typename }', {}, { 'x-apikey': key })).status;

  test('leave no address of a caller in the names of what they count', async () => {
    const issuer = await startIssuer();
    closeAtEnd(issuer.close);
    const hashed = { AUTH_MODE: 'managed', PII_KEY: 'a-key-of-hashes-', ...issuer.settings };
    const managed = await startWithSandbox({ ...settings, ...hashed });
    await watcher.flushall();
    const claims = { sub: 'ada@mail.example', scope: 'profiles:read', projects: [managed.sandbox.project] };
    const headers = { authorization: `Bearer ${await issuer.sign(claims)}` };
    await expect.poll(async () => (await managed.query('{ __typename }', {}, headers)).status).toBe(200);
    const name = expect.stringMatching(/^rate:jwt:#[0-9a-f]{16}$/);
    await expect.poll(() => watcher.keys('*')).toEqual([name]);
  });

  test('give made-up keys a bounded number of places, and count what such a key did once it is accepted', async () => {
    const gateway = await startWithUpstream(({ headers }, res) => {
      if (headers['x-apikey'] === 'good') return { profileid: '1', source: 'S' };
      return void res.writeHead(403).end('{}');
    }, settings);
    await watcher.flushall();
    const read = async (key: string) =>
      (await gateway.query('{ profile(profileId: "1", source: "S") { profileId } }', {}, { 'x-apikey': key })).status;
    await expect.poll(() => read('warm-up')).toBe(200);
    for (let n = 0; n < 1_200; n += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, i) => read(`made-up-${n + i}`)));
    }
    expect((await watcher.keys('rate:*')).length).toBe(1_000);
    expect([await read('good'), await read('good'), await read('good')]).toEqual([200, 200, 200]);
    expect((await watcher.keys('rate:*')).length).toBe(1_001);
    expect([await ask(other, 'good'), await ask(other, 'good')]).toEqual([200, 429]);
  });

  test('are counted by each instance for itself while Redis is away', async () => {
    await redis.kill();
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push(await ask(one, 'c'));
    expect(statuses).toEqual([200, 200, 200, 200, 429, 429]);
    expect(await ask(other, 'c')).toBe(200);
    await redis.start();
  });
});

describe('a cache of two instances with one Redis', async () => {
  const freshness = { Profile: { freshFor: 600, staleIfError: 3600 } };
  const GATEWAY_CONFIG = createFolder().write('gateway.json', { freshness });
  const settings = { GATEWAY_CONFIG, REDIS_URL: redis.url };
  const [one, other] = [await startInFrontOf(sandbox, settings), await startInFrontOf(sandbox, settings)];
  const both = [one, other];
  beforeEach(async () => {
    sandbox.faults.clear();
    takeCalls(sandbox.requests);
  });

  const PROFILE = (id: string): string => `{ profile(profileId: "${id}", source: "Webshop") { name } }`;
  async function read(gateway: TestGateway, id: string): Promise<string> {
    const { body } = await gateway.query(PROFILE(id));
    expect(body.errors).toBeUndefined();
    return body.data.profile?.name;
  }
  const readAll = (id: string): Promise<string[]> => Promise.all(both.map((gateway) => read(gateway, id)));
  async function write(gateway: TestGateway, id: string, name: string): Promise<void> {
    const input = `{ profileId: "${id}", source: "Webshop", name: "${name}" }`;
    const { body } = await gateway.query(`mutation { updateProfile(input: ${input}) { userErrors { code } } }`);
    expect(body).toEqual({ data: { updateProfile: { userErrors: [] } } });
  }
  /** Reads by one until the other has it of Redis; gives the calls of the last look. */
  async function readOnce(id: string): Promise<void> {
    const calls = async () => {
      await readAll(id);
      takeCalls(sandbox.requests);
      await readAll(id);
      return takeCalls(sandbox.requests);
    };
    await expect.poll(calls).toEqual([]);
  }

  test('reads a record once for both, and leaves no id and no caller in the names of what it keeps', async () => {
    await readOnce('1009');
    await read(one, '1001');
    const name = expect.stringMatching(/^cache:(epoch|(entry|version):[\w-]{43})$/);
    const cached = async (): Promise<string[]> => (await watcher.keys('*')).filter((key) => !key.startsWith('rate:'));
    await expect.poll(async () => (await cached()).filter((key) => key.includes('entry')).length).toBeGreaterThan(1);
    for (const key of await cached()) expect(key).toEqual(name);
    await read(other, '1001');
    expect(takeCalls(sandbox.requests)).toHaveLength(1);
    // The age of an answer is that of what the other instance read.
    const headers = { accept: 'application/json' };
    const age = async (): Promise<number> => {
      const response = await fetch(`${other.url}/graphql?query=${encodeURIComponent(PROFILE('1001'))}`, { headers });
      return Number(response.headers.get('age'));
    };
    await expect.poll(age).toBeGreaterThanOrEqual(1);
    expect(takeCalls(sandbox.requests)).toEqual([]);
  });

  test('has each write with the next read of the other, again and again', async () => {
    for (let round = 0; round < 50; round++) {
      await readAll('1002');
      await write(both[round % 2] as TestGateway, '1002', `Name ${round}`);
      expect(await readAll('1002')).toEqual([`Name ${round}`, `Name ${round}`]);
    }
  });

  test('does not keep what a write through the other overtook, nor join such a read', async () => {
    await write(one, '1003', 'Old');
    takeCalls(sandbox.requests);
    sandbox.faults.set({ match: { method: 'GET', path: '/1003' }, times: 1, slowDripMs: 30 });
    const slow = read(other, '1003');
    await expect.poll(() => sandbox.requests.length).toBe(1);
    await write(one, '1003', 'New');
    expect(await read(other, '1003')).toBe('New');
    await slow;
    expect(await readAll('1003')).toEqual(['New', 'New']);
  });

  test('loses nothing but speed when Redis forgets things by itself', async () => {
    await readAll('1006');
    await write(one, '1006', 'Newer');
    for (const key of await watcher.keys('cache:version:*')) await watcher.del(key);
    expect(await readAll('1006')).toEqual(['Newer', 'Newer']);
  });

  test('while Redis is away, makes a call for every read, and gives stale records only in place of errors', async () => {
    await readAll('1007');
    await redis.kill();
    for (let round = 0; round < 10; round++) {
      await write(one, '1007', `Away ${round}`);
      expect(await readAll('1007')).toEqual([`Away ${round}`, `Away ${round}`]);
    }
    sandbox.faults.set({ match: { method: 'GET' }, status: 500 });
    const { body } = await other.query(PROFILE('1007'));
    expect(body.extensions.freshness).toMatchObject([{ reason: 'stale-if-error' }]);
    sandbox.faults.clear();
    await redis.start();
    // What was written meanwhile is known at any time while it comes back.
    const seen = new Set<string>();
    const calls = async (): Promise<number> => {
      for (const name of await readAll('1007')) seen.add(name);
      return takeCalls(sandbox.requests).length;
    };
    await expect.poll(calls).toBe(0);
    expect([...seen]).toEqual(['Away 9']);
  });
});

test('a query that one instance registered is known to the other by its hash, and a text that Redis has under another hash is not', async () => {
  const [one, other] = [
    await startInFrontOf(sandbox, { REDIS_URL: redis.url }),
    await startInFrontOf(sandbox, { REDIS_URL: redis.url }),
  ];
  const query = '{ profiles(first: 1) { totalCount } }';
  const byHash = (hash: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: hash } } });
  const ask = async (gateway: TestGateway, body: object) =>
    (await postJson(`${gateway.url}/graphql`, JSON.stringify(body))).json();
  const hash = sha256(query);
  const expected = await ask(one, { query, ...byHash(hash) });
  await expect.poll(() => watcher.ttl(`apq:${hash}`)).toBeGreaterThan(0);
  expect(await ask(other, byHash(hash))).toEqual(expected);
  const foreign = sha256('another text');
  await watcher.set(`apq:${foreign}`, query);
  expect(await ask(other, byHash(foreign))).toMatchObject({
    errors: [{ message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
  });
});
