import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { createInvalidations } from '../../packages/invalidation/invalidations.ts';
import { MAX_WAITING } from '../../packages/invalidation/outbox.ts';
import { createLogger } from '../../src/lib/log.ts';
import { startWithSandbox, startWithUpstream, type TestGateway } from '../helpers/gateway.ts';
import { asApolloRouter, type Received, startReceiver, tagsOf } from '../helpers/receiver.ts';

const KEY = 'shared-key-of-the-router';
const HOOK_KEY = 'secret-of-the-webhook';
const router = await startReceiver();
const hook = await startReceiver();
const folder = mkdtempSync(join(tmpdir(), 'invalidation-'));
const GATEWAY_CONFIG = join(folder, 'gateway.json');
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await Promise.all([router.stop(), hook.stop()]);
});
beforeEach(() => {
  router.answer = (request) => asApolloRouter(KEY, request);
  hook.answer = () => 202;
  for (const { received } of [router, hook]) received.length = 0;
});

const ROUTER = { kind: 'apollo-router', url: `${router.origin}/invalidation`, secretFrom: 'ROUTER_KEY' };
const HOOK = { kind: 'webhook', url: `${hook.origin}/hooks/datatrics?x=1`, secretFrom: 'HOOK_KEY' };

/** Settings of a gateway that reports its writes to these caches. */
function reporting(...invalidation: object[]): Record<string, string> {
  writeFileSync(GATEWAY_CONFIG, JSON.stringify({ invalidation }));
  return { GATEWAY_CONFIG, SUBGRAPH_DIRECTIVES: 'cacheTag', ROUTER_KEY: KEY, HOOK_KEY };
}

const write = (id: string): string =>
  `mutation { createProfile(input: { profileId: "${id}", source: "Webshop", name: "N" }) { userErrors { message } } }`;

/** The value of a metric with these labels. */
async function metric(gateway: TestGateway, name: string): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')
      .at(-1),
  );
}

test('a router gets the tags of the written records and of their lists, as its endpoint documents them', async () => {
  const gateway = await startWithSandbox(reporting(ROUTER));
  await gateway.query(write('a'));
  await expect.poll(() => tagsOf(router)).toEqual([['datatrics-profile-a', 'datatrics-profiles']]);
  const items = '[{ profileId: "b", source: "Webshop" }, { profileId: "c", source: "Webshop" }]';
  await gateway.subgraph(`mutation { bulkUpsertProfiles(input: { items: ${items} }) { summary { upserted } } }`);
  await gateway.query('mutation { deleteContent(input: { contentId: "x", source: "Webshop-EN" }) { deletedId } }');
  await gateway.query('{ profile(profileId: "1001", source: "Webshop") { name } }');
  await gateway.close();
  // A content that does not exist was not deleted.
  expect(tagsOf(router)).toEqual([
    ['datatrics-profile-a', 'datatrics-profiles'],
    ['datatrics-profile-b', 'datatrics-profile-c', 'datatrics-profiles'],
  ]);
  expect(router.received.every(({ status }) => status === 202)).toBe(true);
});

test('a write that may have taken effect is reported, and one that was refused is not', async () => {
  const gateway = await startWithUpstream(({ method, body }, res) => {
    const { profileid } = method === 'POST' ? JSON.parse(body) : {};
    if (profileid === 'lost') res.destroy();
    else if (profileid === 'refused') res.writeHead(403).end('{}');
    else return { profileid, source: 'Webshop', profile: {} };
    return undefined;
  }, reporting(ROUTER));
  for (const id of ['first', 'lost', 'refused']) await gateway.query(write(id));
  await gateway.close();
  expect(tagsOf(router).flat()).toEqual(
    expect.arrayContaining(['datatrics-profile-first', 'datatrics-profile-lost', 'datatrics-profiles']),
  );
  expect(tagsOf(router).flat()).not.toContain('datatrics-profile-refused');
});

/** Checks a signature as the libraries of Standard Webhooks do. */
function isSigned({ headers, text }: Received, key: string | Buffer): boolean {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`;
  return headers['webhook-signature'] === `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}

test('a webhook gets the records, signed', async () => {
  const gateway = await startWithSandbox(reporting(HOOK));
  await gateway.query(write('a'));
  await gateway.close();
  const [request] = hook.received as [Received];
  expect(hook.received).toHaveLength(1);
  expect(request.path).toBe('POST /hooks/datatrics?x=1');
  const { invalidations } = JSON.parse(request.text);
  const { project } = gateway.sandbox;
  expect(invalidations).toEqual([
    {
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      project,
      type: 'Profile',
      ids: ['a'],
      at: expect.stringMatching(/^\d{4}-.*Z$/),
    },
  ]);
  expect(isSigned(request, HOOK_KEY)).toBe(true);
  expect(request.headers.authorization).toBeUndefined();
});

test('a webhook gets a list again under its id, and a longer list under another id', async () => {
  const gateway = await startWithSandbox(reporting(HOOK));
  hook.answer = () => 503;
  await gateway.query(write('a'));
  await expect.poll(() => hook.received.length).toBeGreaterThan(1);
  await gateway.query(write('b'));
  hook.answer = () => 204;
  await gateway.close();
  const idsOf = new Map<unknown, Set<unknown>>();
  for (const { headers, text } of hook.received) {
    const ids = JSON.parse(text).invalidations.map(({ id }: { id: string }) => id);
    const lists = idsOf.get(headers['webhook-id']) ?? new Set();
    idsOf.set(headers['webhook-id'], lists.add(ids.join()));
  }
  expect([...idsOf.values()].map(({ size }) => size)).toEqual([1, 1]);
});

test('a webhook’s secret may be base64', async () => {
  const secret = Buffer.from('bytes of a secret');
  const gateway = await startWithSandbox({ ...reporting(HOOK), HOOK_KEY: `whsec_${secret.toString('base64')}` });
  await gateway.query(write('a'));
  await gateway.close();
  expect(isSigned(hook.received[0] as Received, secret)).toBe(true);
});

test('while one cache fails, its invalidations wait in order, the other gets its own, and no secret is logged', async () => {
  let lines = '';
  const log = createLogger('info', { write: (line: string) => (lines += line) });
  const gateway = await startWithSandbox(reporting(ROUTER, HOOK), {}, { log });
  router.answer = () => 503;
  for (const id of ['1', '2', '3']) await gateway.query(write(id));
  await expect.poll(() => hook.received.flatMap(({ text }) => JSON.parse(text).invalidations)).toHaveLength(3);
  await expect.poll(() => router.received.length).toBeGreaterThan(1);
  expect(tagsOf(router)).toEqual([]);
  const target = `target="apollo-router ${new URL(router.origin).host}"`;
  expect(await metric(gateway, `gateway_invalidations_waiting{${target}}`)).toBe(3);
  expect(await metric(gateway, `gateway_invalidations_total{${target},outcome="failed"}`)).toBeGreaterThan(1);
  await router.stop();
  await gateway.query(write('4'));
  router.answer = (request) => asApolloRouter(KEY, request);
  await router.start();
  await expect.poll(() => tagsOf(router).flat(), { timeout: 15_000 }).toContain('datatrics-profile-4');
  await expect.poll(() => metric(gateway, `gateway_invalidations_waiting{${target}}`)).toBe(0);
  expect(await metric(gateway, `gateway_invalidations_total{${target},outcome="delivered"}`)).toBe(4);
  expect(await metric(gateway, `gateway_invalidations_total{${target},outcome="dropped"}`)).toBe(0);
  await gateway.close();
  const profiles = tagsOf(router)
    .flat()
    .filter((tag) => tag !== 'datatrics-profiles');
  expect(profiles).toEqual(['1', '2', '3', '4'].map((id) => `datatrics-profile-${id}`));
  const warned = lines.split('\n').filter((line) => line.includes('invalidations'));
  expect(warned.map((line) => JSON.parse(line))).toMatchObject([
    { level: 40, target: `apollo-router ${new URL(router.origin).host}`, status: 503 },
    { level: 30, target: `apollo-router ${new URL(router.origin).host}`, failures: expect.any(Number) },
  ]);
  expect(lines).not.toContain(KEY);
  expect(lines).not.toContain(HOOK_KEY);
});

test('a stop delivers what waits', async () => {
  const gateway = await startWithSandbox(reporting(ROUTER));
  router.answer = () => 500;
  await gateway.query(write('1'));
  await expect.poll(() => router.received.length).toBeGreaterThan(0);
  router.answer = (request) => asApolloRouter(KEY, request);
  await gateway.close();
  expect(tagsOf(router)).toEqual([['datatrics-profile-1', 'datatrics-profiles']]);
});

test('a full outbox drops the oldest entries, logs that once, and counts all', async () => {
  let lines = '';
  const log = createLogger('info', { write: (line: string) => (lines += line) });
  const counts: Record<string, number> = {};
  const count = (_target: string, outcome: string, items: number): void => {
    counts[outcome] = (counts[outcome] ?? 0) + items;
  };
  router.answer = () => 503;
  const target = { kind: 'webhook', url: new URL(router.origin), secret: KEY } as const;
  const invalidations = createInvalidations([target], undefined, { log, count });
  // 100 ids are one invalidation.
  const ids = Array.from({ length: 100 * (MAX_WAITING - 1) }, (_, index) => String(index));
  await invalidations.add({ project: '1', resource: 'profile', ids });
  for (let i = 0; i < 3; i++) await invalidations.add({ project: '1', resource: 'profile', ids: [`last-${i}`] });
  expect(counts.dropped).toBe(2);
  await invalidations.close();
  expect(counts).toMatchObject({ delivered: 0, dropped: 2 + MAX_WAITING });
  const dropped = lines.split('\n').filter((line) => line.includes('dropped'));
  expect(dropped.map((line) => JSON.parse(line).dropped)).toEqual([1, MAX_WAITING]);
});

test('a redirect is not followed, and counts as a failure', async () => {
  const gateway = await startWithSandbox(reporting(HOOK));
  hook.answer = () => 307;
  await gateway.query(write('a'));
  await expect.poll(() => hook.received.length).toBeGreaterThan(1);
  hook.answer = () => 200;
  await gateway.close();
  expect(hook.received.map(({ path }) => path)).toEqual(hook.received.map(() => 'POST /hooks/datatrics?x=1'));
  expect(hook.received.at(-1)?.status).toBe(200);
});
