import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';
import { type Instance, startInstance } from '../helpers/instance.ts';
import { asApolloRouter, type Receiver, startReceiver, tagsOf } from '../helpers/receiver.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';

const KEY = 'shared-key-of-the-router';
const folder = mkdtempSync(join(tmpdir(), 'invalidation-'));
let sandbox: Sandbox;
let redis: TestRedis;
let router: Receiver;
let settings: Record<string, string>;
const instances: Instance[] = [];

beforeAll(async () => {
  [sandbox, redis] = await Promise.all([startSandbox(), startRedis('always')]);
});
beforeEach(async () => {
  // Each test has a stream of its own, since each router has a port of its own.
  router = await startReceiver();
  router.answer = (request) => asApolloRouter(KEY, request);
  const GATEWAY_CONFIG = join(folder, 'gateway.yml');
  const url = `${router.origin}/invalidation`;
  writeFileSync(GATEWAY_CONFIG, `invalidation:\n  - { kind: apollo-router, url: "${url}", secretFrom: ROUTER_KEY }\n`);
  const file = join(folder, 'key');
  writeFileSync(file, KEY);
  settings = {
    GATEWAY_CONFIG,
    DATATRICS_URL: sandbox.url,
    DATATRICS_PROJECT: sandbox.project,
    DATATRICS_API_KEY: sandbox.apiKey,
    AUTH_MODE: 'open',
    SUBGRAPH_DIRECTIVES: 'cacheTag',
    ROUTER_KEY_FILE: file,
    REDIS_URL: redis.url,
  };
});
afterEach(async () => {
  await Promise.all(instances.splice(0).map((instance) => instance.kill()));
  await router.stop();
});
afterAll(async () => {
  await redis?.close();
  await sandbox?.close();
  rmSync(folder, { recursive: true });
});

async function start(more: Record<string, string> = {}): Promise<Instance> {
  const instance = await startInstance({ ...settings, ...more });
  instances.push(instance);
  return instance;
}

async function write(instance: Instance, id: string): Promise<void> {
  const query = `mutation { createProfile(input: { profileId: "${id}", source: "Webshop" }) { userErrors { code } } }`;
  const response = await fetch(`${instance.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  expect(await response.json()).toEqual({ data: { createProfile: { userErrors: [] } } });
}

/** Ids of the records that the router has removed, in the order of their first removal. On a busy machine, some are repeated. */
function removed(): string[] {
  const tags = tagsOf(router).flat();
  const ids = tags.map((tag) => /^datatrics-profile-(.*)$/.exec(tag)?.[1]);
  return [...new Set(ids.filter((id) => id !== undefined))];
}

const LONG = { timeout: 30_000 };

test('kill -9 of the gateway while the router is away loses nothing: a restart delivers in order', async () => {
  await router.stop();
  const first = await start();
  const ids = Array.from({ length: 30 }, (_, i) => `killed-${i}`);
  for (const id of ids) await write(first, id);
  await first.kill();
  await router.start();
  await start();
  await expect.poll(removed, LONG).toHaveLength(ids.length);
  expect(removed()).toEqual(ids);
});

test('the other instance delivers what a killed one left', async () => {
  const [first] = [await start(), await start()];
  router.answer = () => 503;
  await write(first as Instance, 'left');
  await expect.poll(() => router.received.length, LONG).toBeGreaterThan(0);
  await (first as Instance).kill();
  router.answer = (request) => asApolloRouter(KEY, request);
  await expect.poll(removed, LONG).toEqual(['left']);
});

test('two instances deliver all writes, in their order', async () => {
  const both = [await start(), await start()];
  const ids = Array.from({ length: 40 }, (_, i) => `both-${i}`);
  for (const [i, id] of ids.entries()) await write(both[i % 2] as Instance, id);
  await expect.poll(() => removed().length, LONG).toBe(ids.length);
  expect(removed()).toEqual(ids);
});

test('without Redis, writes wait in memory, and are delivered', async () => {
  const instance = await start();
  await redis.kill();
  await write(instance, 'away-1');
  await expect.poll(removed, LONG).toEqual(['away-1']);
  router.answer = () => 503;
  await write(instance, 'away-2');
  await redis.start();
  router.answer = (request) => asApolloRouter(KEY, request);
  await write(instance, 'back');
  await expect.poll(removed, LONG).toEqual(['away-1', 'away-2', 'back']);
});

test('the secret is read again when its file changes', async () => {
  const instance = await start();
  const other = 'another-key-of-the-router';
  router.answer = (request) => asApolloRouter(other, request);
  await write(instance, 'rotated');
  await expect.poll(() => router.received.map(({ status }) => status), LONG).toContain(401);
  writeFileSync(settings.ROUTER_KEY_FILE as string, `${other}\n`);
  await expect.poll(removed, LONG).toEqual(['rotated']);
  expect(instance.output()).not.toContain(KEY);
});
