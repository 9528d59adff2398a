import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.ts';
import { createFolder } from '../helpers/files.ts';
import { startInFrontOf, type TestGateway, takeCalls } from '../helpers/gateway.ts';
import { startRedis } from '../helpers/redis.ts';

const GATEWAY_CONFIG = createFolder().write('gateway.json', {
  freshness: { Profile: { freshFor: 600, staleIfError: 3600 } },
});
const redis = await startRedis();
const sandbox = await startSandbox();
const settings = { GATEWAY_CONFIG, REDIS_URL: redis.url };
const one = await startInFrontOf(sandbox, settings);
const other = await startInFrontOf(sandbox, settings);
const watcher = new Redis(redis.url);
watcher.on('error', () => undefined);
afterAll(async () => {
  watcher.disconnect();
  await sandbox.close();
  await redis.close();
});
beforeEach(() => {
  sandbox.faults.clear();
  takeCalls(sandbox.requests);
});

const read = async (gateway: TestGateway, id: string): Promise<string> => {
  const { body } = await gateway.query(`{ profile(profileId: "${id}", source: "Webshop") { name } }`);
  expect(body.errors).toBeUndefined();
  return body.data.profile?.name;
};
const write = async (gateway: TestGateway, id: string, name: string): Promise<void> => {
  const { body } = await gateway.query(
    `mutation { updateProfile(input: {profileId: "${id}", source: "Webshop", name: "${name}"}) { userErrors { code } } }`,
  );
  expect(body).toEqual({ data: { updateProfile: { userErrors: [] } } });
};
/** Until both use what Redis has. */
const connected = () =>
  expect
    .poll(
      async () => {
        const id = '1009';
        await read(one, id);
        await read(other, id);
        takeCalls(sandbox.requests);
        await read(one, id);
        await read(other, id);
        return takeCalls(sandbox.requests).length;
      },
      { timeout: 10_000 },
    )
    .toBe(0);

describe('two instances with one Redis', () => {
  test('read a record once for both', async () => {
    await connected();
    await read(one, '1001');
    await sleep(20);
    await read(other, '1001');
    expect(takeCalls(sandbox.requests)).toHaveLength(1);
  });

  test('see each other’s writes with the next read, again and again', async () => {
    await connected();
    for (let round = 0; round < 50; round++) {
      const [writer, reader] = round % 2 === 0 ? [one, other] : [other, one];
      await Promise.all([read(one, '1002'), read(other, '1002')]);
      await write(writer, '1002', `Name ${round}`);
      expect(await Promise.all([read(reader, '1002'), read(writer, '1002')])).toEqual([
        `Name ${round}`,
        `Name ${round}`,
      ]);
    }
  });

  test('do not remember what a write through the other overtook, nor join such a read', async () => {
    await connected();
    await write(one, '1003', 'Old');
    sandbox.faults.set({ match: { method: 'GET', path: '/1003' }, times: 1, slowDripMs: 30 });
    const slow = read(other, '1003');
    await sleep(100);
    await write(one, '1003', 'New');
    expect(await read(other, '1003')).toBe('New');
    await slow;
    expect([await read(other, '1003'), await read(one, '1003')]).toEqual(['New', 'New']);
  });

  test('leave no id, and no name of a caller, in the names of what they keep', async () => {
    await connected();
    await read(one, '1004');
    for (const key of await watcher.keys('*')) expect(key).toMatch(/^cache:(epoch|(entry|version):[\w-]{43})$/);
  });

  test('are right about the age of what the other read', async () => {
    await connected();
    await read(one, '1005');
    await sleep(1_200);
    const url = `${other.url}/graphql?query=${encodeURIComponent('{ profile(profileId: "1005", source: "Webshop") { name } }')}`;
    const { headers } = await fetch(url, { headers: { accept: 'application/json' } });
    expect(Number(headers.get('age'))).toBeGreaterThanOrEqual(1);
    expect(takeCalls(sandbox.requests)).toHaveLength(1);
  });

  test('lose nothing but speed when Redis forgets things by itself', async () => {
    await connected();
    await read(one, '1006');
    await read(other, '1006');
    await write(one, '1006', 'Newer');
    for (const key of await watcher.keys('cache:version:*')) await watcher.del(key);
    expect([await read(other, '1006'), await read(one, '1006')]).toEqual(['Newer', 'Newer']);
  });
});

describe('while Redis is away', () => {
  test('every read makes a call, every write is seen, and stale records only replace errors', async () => {
    await connected();
    await Promise.all([read(one, '1007'), read(other, '1007')]);
    await redis.kill();
    for (let round = 0; round < 10; round++) {
      await write(one, '1007', `Away ${round}`);
      expect([await read(other, '1007'), await read(one, '1007')]).toEqual([`Away ${round}`, `Away ${round}`]);
    }
    sandbox.faults.set({ match: { method: 'GET' }, status: 500 });
    const { body } = await other.query('{ profile(profileId: "1007", source: "Webshop") { name } }');
    expect(body.extensions.freshness).toMatchObject([{ reason: 'stale-if-error' }]);
  });

  test('writes made meanwhile are known once it is back', async () => {
    await read(one, '1008').catch(() => undefined);
    await write(one, '1008', 'Written while away');
    await redis.start();
    const until = performance.now() + 3_000;
    while (performance.now() < until) {
      expect([await read(other, '1008'), await read(one, '1008')]).toEqual([
        'Written while away',
        'Written while away',
      ]);
      await sleep(50);
    }
    await connected();
  });
});
