import { afterAll, beforeEach, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { createFolder } from '../helpers/files.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { asApolloRouter, startReceiver, tagsOf } from '../helpers/receiver.ts';
import { createClient } from '../sandbox/client.ts';

const KEY = 'shared-key-of-the-router';
const router = await startReceiver();
router.answer = (request) => asApolloRouter(KEY, request);
const { write } = createFolder();
afterAll(() => router.stop());
beforeEach(() => {
  router.received.length = 0;
});

const target = { kind: 'apollo-router', url: `${router.origin}/invalidation`, secretFrom: 'ROUTER_KEY' };

function polling(types: string[], more: object = {}): Record<string, string> {
  const GATEWAY_CONFIG = write('gateway.json', { invalidation: [target], poll: { everySeconds: 1, types }, ...more });
  return { GATEWAY_CONFIG, SUBGRAPH_DIRECTIVES: 'cacheTag', ROUTER_KEY: KEY };
}

/** How often the gateway has looked for changed profiles. */
const looksOf =
  ({ sandbox }: Awaited<ReturnType<typeof startWithSandbox>>) =>
  (): number =>
    sandbox.requests.filter(({ method, path }) => method === 'GET' && /\/profile\?.*sort=updated/.test(path)).length;

test('a poll reports changes by other programs, and removes them from the gateway’s own cache', async () => {
  const gateway = await startWithSandbox(polling(['Profile'], { freshness: { Profile: { freshFor: 3_600 } } }));
  const api = createClient(gateway.sandbox);
  const looks = looksOf(gateway);
  const name = async (): Promise<string> =>
    (await gateway.query('{ profile(profileId: "1001", source: "Webshop") { name } }')).body.data.profile.name;
  const before = await name();
  await expect.poll(looks).toBeGreaterThan(1);
  expect(tagsOf(router)).toEqual([]);
  await api.put('/profile/1001', { profileid: '1001', source: 'Webshop', profile: { name: 'Changed elsewhere' } });
  await api.post('/profile', { profileid: 'new', source: 'Webshop', profile: { name: 'New' } });
  await expect
    .poll(() => new Set(tagsOf(router).flat()))
    .toEqual(new Set(['datatrics-profile-1001', 'datatrics-profile-new', 'datatrics-profiles']));
  expect(before).not.toBe('Changed elsewhere');
  expect(await name()).toBe('Changed elsewhere');
  const seen = looks();
  await expect.poll(looks).toBeGreaterThan(seen + 1);
  const tags = tagsOf(router).flat();
  expect(tags.filter((tag) => tag === 'datatrics-profile-1001')).toHaveLength(1);
  await gateway.close();
});

test('a poll reports the whole type when more records have changed than it sees, and goes on after failures', async () => {
  const gateway = await startWithSandbox(polling(['Profile', 'Content']));
  const api = createClient(gateway.sandbox);
  const looks = looksOf(gateway);
  // The second look begins after the first has its answer.
  await expect.poll(looks).toBeGreaterThan(1);
  gateway.sandbox.faults.set({ match: { method: 'GET' }, status: 500 });
  for (let part = 0; part < 3; part++) {
    const ids = Array.from({ length: 50 }, (_, i) => `${part}-${i}`);
    const profiles = ids.map((profileid) => ({ profileid, source: 'Webshop', profile: {} }));
    expect(await api.post('/profile/bulk', { profiles })).toMatchObject({ status: 200 });
  }
  const failed = looks();
  await expect.poll(looks).toBeGreaterThan(failed);
  gateway.sandbox.faults.clear();
  await expect.poll(() => tagsOf(router).flat(), { timeout: 15_000 }).toContain('datatrics-profile');
  await gateway.close();
});

test('a poll needs an interval, known types, and a key', () => {
  const DATATRICS_URL = 'https://api.example/2.0';
  const read = (poll: object) => () =>
    readConfig({ GATEWAY_CONFIG: write('gateway.json', { poll }), AUTH_MODE: 'passthrough', DATATRICS_URL });
  expect(read({ everySeconds: 0, types: ['Person'] })).toThrow(/poll\.everySeconds: .*\n.*poll\.types\.0: /);
  expect(read({ everySeconds: 60, types: [] })).toThrow('GATEWAY_CONFIG: poll.types: ');
  expect(read({ everySeconds: 60, types: ['Profile'] })).toThrow(
    'GATEWAY_CONFIG: poll: needs projects, or DATATRICS_PROJECT and DATATRICS_API_KEY',
  );
});
