import { createHmac } from 'node:crypto';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { createInvalidations } from '../../packages/invalidation/invalidations.ts';
import { MAX_WAITING } from '../../packages/invalidation/outbox.ts';
import { createFolder } from '../helpers/files.ts';
import { startWithSandbox, startWithUpstream, type TestGateway } from '../helpers/gateway.ts';
import { captureLog } from '../helpers/log-lines.ts';
import { asApolloRouter, type Received, startReceiver, tagsOf } from '../helpers/receiver.ts';

const KEY = 'shared-key-of-the-router';
const HOOK_KEY = 'secret-of-the-webhook';
const [router, hook] = [await startReceiver(), await startReceiver()];
afterAll(() => Promise.all([router.stop(), hook.stop()]));
beforeEach(() => {
  router.answer = (request) => asApolloRouter(KEY, request);
  hook.answer = () => 202;
  for (const { received } of [router, hook]) received.length = 0;
});

const ROUTER = { kind: 'apollo-router', url: `${router.origin}/invalidation`, secretFrom: 'ROUTER_KEY' };
const HOOK = { kind: 'webhook', url: `${hook.origin}/hooks/datatrics?x=1`, secretFrom: 'HOOK_KEY' };
const { write: writeFile } = createFolder();

/** Settings of a gateway that reports its writes to these caches. */
function reporting(...invalidation: object[]): Record<string, string> {
  const GATEWAY_CONFIG = writeFile('gateway.json', { invalidation });
  return { GATEWAY_CONFIG, SUBGRAPH_DIRECTIVES: 'cacheTag', ROUTER_KEY: KEY, HOOK_KEY };
}

async function write({ query }: TestGateway, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    const input = `{ profileId: "${id}", source: "Webshop", name: "N" }`;
    await query(`mutation { createProfile(input: ${input}) { userErrors { message } } }`);
  }
}

interface Invalidation {
  readonly id: string;
}
const invalidationsOf = ({ text }: Received): Invalidation[] => JSON.parse(text).invalidations;

test('a router gets the tags of the written records and of their lists, as its endpoint documents them', async () => {
  const gateway = await startWithSandbox(reporting(ROUTER));
  await write(gateway, 'a');
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
  expect(router.received.map(({ status }) => status)).toEqual([202, 202]);
});

test('a write that may have taken effect is reported, and one that was refused is not', async () => {
  const gateway = await startWithUpstream(({ method, body }, res) => {
    const { profileid } = method === 'POST' ? JSON.parse(body) : {};
    if (profileid === 'lost') return void res.destroy();
    if (profileid === 'refused') return void res.writeHead(403).end('{}');
    return { profileid, source: 'Webshop', profile: {} };
  }, reporting(ROUTER));
  await write(gateway, 'first', 'lost', 'refused');
  await gateway.close();
  const tags = ['datatrics-profile-first', 'datatrics-profile-lost', 'datatrics-profiles'];
  expect(new Set(tagsOf(router).flat())).toEqual(new Set(tags));
});

test.each<[string, string, string | Buffer]>([
  ['a text', HOOK_KEY, HOOK_KEY],
  ['base64', `whsec_${Buffer.from('bytes of a secret').toString('base64')}`, Buffer.from('bytes of a secret')],
])(
  'a webhook gets the records, signed as Standard Webhooks have it, by a secret that is %s',
  async (_, secret, key) => {
    const gateway = await startWithSandbox({ ...reporting(HOOK), HOOK_KEY: secret });
    await write(gateway, 'a');
    await gateway.close();
    expect(hook.received).toHaveLength(1);
    const [request] = hook.received as [Received];
    const { headers, path, text } = request;
    expect(path).toBe('POST /hooks/datatrics?x=1');
    expect(invalidationsOf(request)).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        project: gateway.sandbox.project,
        type: 'Profile',
        ids: ['a'],
        at: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    ]);
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`;
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
    expect(headers.authorization).toBeUndefined();
  },
);

test('a webhook gets a list again under its id, and a longer list under another id', async () => {
  const gateway = await startWithSandbox(reporting(HOOK));
  hook.answer = () => 503;
  await write(gateway, 'a');
  await expect.poll(() => hook.received.length).toBeGreaterThan(1);
  await write(gateway, 'b');
  hook.answer = () => 204;
  await gateway.close();
  const lists = Map.groupBy(hook.received, ({ headers }) => headers['webhook-id']);
  const contents = [...lists.values()].map(
    (all) =>
      new Set(
        all.map((one) =>
          invalidationsOf(one)
            .map(({ id }) => id)
            .join(),
        ),
      ),
  );
  expect(contents.map(({ size }) => size)).toEqual([1, 1]);
});

test('while one cache fails, its invalidations wait in order, the other gets its own, and no secret is logged', async () => {
  const { log, text } = captureLog('info');
  const gateway = await startWithSandbox(reporting(ROUTER, HOOK), {}, { log });
  const name = `apollo-router ${new URL(router.origin).host}`;
  const metric = async (kind: string, label = ''): Promise<number> => {
    const all = await (await fetch(`${gateway.url}/metrics`)).text();
    const line = all
      .split('\n')
      .find((one) => one.startsWith(`gateway_invalidations_${kind}{target="${name}"${label}} `));
    return Number(line?.split(' ').at(-1));
  };
  router.answer = () => 503;
  await write(gateway, '1', '2', '3');
  await expect.poll(() => hook.received.flatMap(invalidationsOf)).toHaveLength(3);
  await expect.poll(() => router.received.length).toBeGreaterThan(1);
  expect(tagsOf(router)).toEqual([]);
  expect(await metric('waiting')).toBe(3);
  expect(await metric('total', ',outcome="failed"')).toBeGreaterThan(1);
  await router.stop();
  await write(gateway, '4');
  router.answer = (request) => asApolloRouter(KEY, request);
  await router.start();
  await expect.poll(() => tagsOf(router).flat(), { timeout: 15_000 }).toContain('datatrics-profile-4');
  await expect.poll(() => metric('waiting')).toBe(0);
  expect(await metric('total', ',outcome="delivered"')).toBe(4);
  expect(await metric('total', ',outcome="dropped"')).toBe(0);
  await gateway.close();
  const records = tagsOf(router)
    .flat()
    .filter((tag) => tag !== 'datatrics-profiles');
  expect(records).toEqual(['1', '2', '3', '4'].map((id) => `datatrics-profile-${id}`));
  const warned = text()
    .split('\n')
    .filter((line) => line.includes('invalidations'));
  expect(warned.map((line) => JSON.parse(line))).toMatchObject([
    { level: 40, target: name, status: 503 },
    { level: 30, target: name, failures: expect.any(Number) },
  ]);
  for (const secret of [KEY, HOOK_KEY]) expect(text()).not.toContain(secret);
});

test('a stop delivers what waits', async () => {
  const gateway = await startWithSandbox(reporting(ROUTER));
  router.answer = () => 500;
  await write(gateway, '1');
  await expect.poll(() => router.received.length).toBeGreaterThan(0);
  router.answer = (request) => asApolloRouter(KEY, request);
  await gateway.close();
  expect(tagsOf(router)).toEqual([['datatrics-profile-1', 'datatrics-profiles']]);
});

test('a full outbox drops the oldest entries, logs that once, and counts all', async () => {
  const { log, text } = captureLog('info');
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
  const dropped = text()
    .split('\n')
    .filter((line) => line.includes('dropped'));
  expect(dropped.map((line) => JSON.parse(line).dropped)).toEqual([1, MAX_WAITING]);
});

test('a redirect is not followed, and counts as a failure', async () => {
  const gateway = await startWithSandbox(reporting(HOOK));
  hook.answer = () => 307;
  await write(gateway, 'a');
  await expect.poll(() => hook.received.length).toBeGreaterThan(1);
  hook.answer = () => 200;
  await gateway.close();
  expect(new Set(hook.received.map(({ path }) => path))).toEqual(new Set(['POST /hooks/datatrics?x=1']));
  expect(hook.received.at(-1)?.status).toBe(200);
});
