import { Redis } from 'ioredis';
import { afterAll, describe, expect, test } from 'vitest';
import { startWithSandbox, startWithUpstream } from '../helpers/gateway.ts';
import { startIssuer } from '../helpers/issuer.ts';
import { startRedis } from '../helpers/redis.ts';

const redis = await startRedis();
const settings = { RATE_LIMIT: '4r', REDIS_URL: redis.url, AUTH_MODE: 'passthrough' };
const one = await startWithSandbox(settings);
const other = await startWithSandbox(settings);
afterAll(() => redis.close());

/** Callers are told apart by a digest that two processes must agree on. */
const ask = async (gateway: typeof one, key: string): Promise<number> =>
  (await gateway.query('{ __typename }', {}, { 'x-apikey': key })).status;

describe('two instances with one Redis', () => {
  test('leave no address of a caller in the names of what they count', async () => {
    const issuer = await startIssuer();
    const managed = await startWithSandbox({
      RATE_LIMIT: '4r',
      REDIS_URL: redis.url,
      AUTH_MODE: 'managed',
      PII_KEY: 'a-key-of-hashes-',
      ...issuer.settings,
    });
    const watcher = new Redis(redis.url);
    await watcher.flushall();
    const claims = { sub: 'ada@mail.example', scope: 'profiles:read', projects: [managed.sandbox.project] };
    const headers = { authorization: `Bearer ${await issuer.sign(claims)}` };
    await expect.poll(async () => (await managed.query('{ __typename }', {}, headers)).status).toBe(200);
    await expect.poll(() => watcher.keys('*')).toHaveLength(1);
    expect(await watcher.keys('*')).toEqual([expect.stringMatching(/^rate:jwt:#[0-9a-f]{16}$/)]);
    watcher.disconnect();
    await managed.close();
  });

  test('give made-up keys a bounded number of places, and count what such a key did once it is accepted', async () => {
    const gateway = await startWithUpstream(({ headers }, res) => {
      if (headers['x-apikey'] === 'good') return { profileid: '1', source: 'S' };
      return void res.writeHead(403).end('{}');
    }, settings);
    const watcher = new Redis(redis.url);
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
    watcher.disconnect();
  });

  test('each count by themselves while Redis is away, and answer all the same', async () => {
    await redis.kill();
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push(await ask(one, 'c'));
    expect(statuses).toEqual([200, 200, 200, 200, 429, 429]);
    expect(await ask(other, 'c')).toBe(200);
    await redis.start();
  });
});
