import { writeFileSync } from 'node:fs';
import { afterAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.ts';
import { settingsOf } from '../helpers/config.ts';
import { createFolder } from '../helpers/files.ts';
import { postJson } from '../helpers/gateway.ts';
import { type Instance, startInstance } from '../helpers/instance.ts';
import { asApolloRouter, type Receiver, startReceiver, tagsOf } from '../helpers/receiver.ts';
import { startRedis } from '../helpers/redis.ts';

const KEY = 'shared-key-of-the-router';
const files = createFolder();
const [sandbox, redis] = [await startSandbox(), await startRedis('always')];
afterAll(() => Promise.all([sandbox.close(), redis.close()]));

let router: Receiver;
let keyFile: string;
const answer = (key = KEY): void => {
  router.answer = (request) => asApolloRouter(key, request);
};
beforeEach(async () => {
  // Each test has a stream of its own, since each router has a port of its own.
  router = await startReceiver();
  answer();
  keyFile = files.write('key', KEY);
  return () => router.stop();
});

async function start(): Promise<Instance> {
  const url = `${router.origin}/invalidation`;
  const instance = await startInstance({
    GATEWAY_CONFIG: files.write('gateway.json', {
      invalidation: [{ kind: 'apollo-router', url, secretFrom: 'ROUTER_KEY' }],
    }),
    ...settingsOf(sandbox.url, sandbox.project, sandbox.apiKey),
    SUBGRAPH_DIRECTIVES: 'cacheTag',
    ROUTER_KEY_FILE: keyFile,
    REDIS_URL: redis.url,
  });
  onTestFinished(() => instance.kill());
  return instance;
}

async function write({ url }: Instance, id: string): Promise<void> {
  const query = `mutation { createProfile(input: { profileId: "${id}", source: "Webshop" }) { userErrors { code } } }`;
  const response = await postJson(`${url}/graphql`, { query });
  expect(await response.json()).toEqual({ data: { createProfile: { userErrors: [] } } });
}

/** Ids of the records that the router has removed, in the order of their first removal. On a busy machine, some are repeated. */
function removed(): string[] {
  const ids = tagsOf(router)
    .flat()
    .flatMap((tag) => /^datatrics-profile-(.*)$/.exec(tag)?.[1] ?? []);
  return [...new Set(ids)];
}
const delivered = (ids: readonly string[]): Promise<void> => expect.poll(removed, { timeout: 30_000 }).toEqual(ids);

test('kill -9 of the gateway while the router is away loses nothing: a restart delivers in order', async () => {
  await router.stop();
  const first = await start();
  const ids = Array.from({ length: 30 }, (_, i) => `killed-${i}`);
  for (const id of ids) await write(first, id);
  await first.kill();
  await router.start();
  await start();
  await delivered(ids);
});

test('two instances deliver all writes in their order, also what one leaves that is killed', async () => {
  const both = [await start(), await start()] as const;
  const ids = Array.from({ length: 40 }, (_, i) => `both-${i}`);
  for (const [i, id] of ids.entries()) await write(both[i % 2 === 0 ? 0 : 1], id);
  await delivered(ids);
  router.answer = () => 503;
  await write(both[0], 'left');
  await expect.poll(() => router.received.at(-1)?.status).toBe(503);
  await both[0].kill();
  answer();
  await delivered([...ids, 'left']);
});

test('without Redis, writes wait in memory, and are delivered', async () => {
  const instance = await start();
  await redis.kill();
  await write(instance, 'away-1');
  await delivered(['away-1']);
  router.answer = () => 503;
  await write(instance, 'away-2');
  await redis.start();
  answer();
  await write(instance, 'back');
  await delivered(['away-1', 'away-2', 'back']);
});

test('the secret is read again when its file changes', async () => {
  const instance = await start();
  const other = 'another-key-of-the-router';
  answer(other);
  await write(instance, 'rotated');
  await expect.poll(() => router.received.map(({ status }) => status)).toContain(401);
  writeFileSync(keyFile, `${other}\n`);
  await delivered(['rotated']);
  expect(instance.output()).not.toContain(KEY);
});
