import { expect, test } from 'vitest';
import { SCOPES } from '../../src/auth/scopes.ts';
import { createFolder } from '../helpers/files.ts';
import { startWithUpstream } from '../helpers/gateway.ts';
import { smallApi } from '../helpers/small-api.ts';
import { createTokenFile, scopesWithout } from '../helpers/token-file.ts';

const { write } = createFolder();
const GATEWAY_CONFIG = write(
  'gateway.yaml',
  `DATATRICS_URL: https://api.example/2.0 # the gateway calls the upstream of the test
projects:
  - id: nl
    apiKeyFrom: KEY_NL
    profileSources: [Webshop NL]
    maxUpstreamCalls: 2
  - id: de
    apiKeyFrom: KEY_DE
    profileSources: [Webshop DE]
    timeZone: Europe/Berlin
`,
);
const tokens = createTokenFile();
const ada = tokens.add('ada', SCOPES, ['nl']);
const bob = tokens.add('bob', scopesWithout('pii:read'), ['nl', 'de']);
const eve = tokens.add('eve', SCOPES, ['de', 'unknown']);
const gateway = await startWithUpstream(
  async (call, res, req) => {
    // Long enough for equal reads to meet in every map of what is under way.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    return smallApi(call, res, req);
  },
  { ...tokens.settings, GATEWAY_CONFIG, KEY_NL: 'key-nl', KEY_DE: 'key-de', COLLAPSE_OPERATIONS: 'on' },
);

const QUERY = `query Q($id: ID!) {
  profile(profileId: $id) { id source email createdAt attributes }
  conversions { nodes { total attributes } }
}`;

test('each project has its own key, sources, time zone and limits', async () => {
  const { upstream } = gateway;
  upstream.calls.length = 0;
  const nl = await gateway.query(QUERY, { id: '1001' }, ada);
  const de = await gateway.query(QUERY, { id: '1001' }, eve);
  expect(nl.body.data.profile).toMatchObject({ source: 'Webshop', createdAt: '2024-05-01T12:00:00.000Z' });
  expect(de.body.data.profile).toMatchObject({ createdAt: '2024-05-01T10:00:00.000Z' });
  expect(upstream.calls.map(({ path, headers }) => [path.split('?')[0], headers['x-apikey']]).sort()).toEqual([
    ['/2.0/project/de/profile/1001', 'key-de'],
    ['/2.0/project/de/sale', 'key-de'],
    ['/2.0/project/nl/profile/1001', 'key-nl'],
    ['/2.0/project/nl/sale', 'key-nl'],
  ]);
  expect(upstream.calls.find(({ path }) => path.includes('/nl/profile/'))?.path).toContain('Webshop%20NL');

  const three =
    '{ a: profile(profileId: "1") { id } b: profile(profileId: "2") { id } c: profile(profileId: "3") { id } }';
  const codes = async (headers: Record<string, string>) =>
    (await gateway.query(three, {}, headers)).body.errors?.map(({ extensions }) => extensions.code);
  expect(await codes(ada)).toEqual(['UPSTREAM_BUDGET_EXCEEDED']);
  expect(await codes(eve)).toBeUndefined();
});

test('an id of one project finds nothing in another', async () => {
  const { body } = await gateway.query(QUERY, { id: '7' }, ada);
  const { id } = body.data.profile;
  gateway.upstream.calls.length = 0;
  const again = await gateway.query('query N($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }', { id }, eve);
  expect(again.body).toEqual({ data: { node: null, nodes: [null] } });
  const entity = 'query R($r: [_Any!]!) { _entities(representations: $r) { __typename } }';
  const { body: routed } = await gateway.subgraph(entity, { r: [{ __typename: 'Profile', id }] }, eve);
  expect(routed).toEqual({ data: { _entities: [null] } });
  expect(gateway.upstream.calls).toEqual([]);
});

test('hashes differ between projects', async () => {
  const emailIn = async (project: string): Promise<string> => {
    const { body } = await gateway.query(QUERY, { id: '7' }, { ...bob, 'x-datatrics-project': project });
    return body.data.profile.email;
  };
  const [nl, de] = [await emailIn('nl'), await emailIn('de')];
  for (const hash of [nl, de]) expect(hash).toMatch(/^hash:/);
  expect(nl).not.toBe(de);
  expect(await emailIn('nl')).toBe(nl);
});

test('a caller with several projects has to name one, and gets no other', async () => {
  const unnamed = await gateway.query(QUERY, { id: '7' }, bob);
  expect(unnamed.body.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  expect((await gateway.query(QUERY, { id: '7' }, { ...ada, 'x-datatrics-project': 'de' })).status).toBe(403);
  expect((await gateway.query(QUERY, { id: '7' }, { ...eve, 'x-datatrics-project': 'unknown' })).status).toBe(403);
});

test('equal concurrent operations of two projects share nothing', async () => {
  const callers = [
    { headers: ada, project: 'nl', clear: true },
    { headers: { ...bob, 'x-datatrics-project': 'nl' }, project: 'nl', clear: false },
    { headers: { ...bob, 'x-datatrics-project': 'de' }, project: 'de', clear: false },
    { headers: eve, project: 'de', clear: true },
  ];
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(
      callers.flatMap((caller) =>
        Array.from({ length: 8 }, async (_, i) => ({
          caller,
          write:
            i === 4 &&
            (await gateway.query(
              'mutation { createProfile(input: { profileId: "7", source: "S" }) { profile { id } } }',
              {},
              caller.headers,
            )),
          answer: await gateway.query(QUERY, { id: String(round % 3) }, caller.headers),
        })),
      ),
    );
    for (const { caller, answer } of answers) {
      const { profile, conversions } = answer.body.data;
      expect(profile.attributes.project).toBe(caller.project);
      expect(conversions.nodes[0].attributes.project).toBe(caller.project);
      expect(profile.email === 'Ada@Mail.example').toBe(caller.clear);
      expect(answer.body.extensions === undefined).toBe(caller.clear);
    }
  }
  for (const { path, headers } of gateway.upstream.calls) {
    expect(headers['x-apikey']).toBe(path.startsWith('/2.0/project/nl/') ? 'key-nl' : 'key-de');
  }
});

test('answers of several projects are not cacheable by a router for all callers', async () => {
  const secret = { 'x-router-secret': 'a-secret-of-routers' };
  const routed = await startWithUpstream(smallApi, {
    ...tokens.settings,
    GATEWAY_CONFIG,
    KEY_NL: 'key-nl',
    KEY_DE: 'key-de',
    ROUTER_SECRET: secret['x-router-secret'],
    SUBGRAPH_MAX_AGE: 'Profile=5',
  });
  const query = '{ profile(profileId: "7", source: "Webshop") { email } }';
  for (const headers of [secret, { ...secret, 'x-datatrics-project': 'de' }]) {
    const answer = await routed.subgraph(query, {}, headers);
    expect(answer.body.errors).toBeUndefined();
    expect(answer.headers.get('cache-control')).toBe('private, max-age=5');
  }
});

test('a request for another host name is refused (DNS rebinding)', async () => {
  // The check is for a real API only: the sandbox has nobody's data.
  const api = { DATATRICS_URL: 'https://api.example/2.0', DATATRICS_PROJECT: '1', DATATRICS_API_KEY: 'k' };
  const open = await startWithUpstream(smallApi, { ...api, AUTH_MODE: 'open' });
  const ask = async (host: string) => (await open.query('{ profiles { totalCount } }', {}, { host })).status;
  const { port } = new URL(open.url);
  expect(await ask(`evil.example:${port}`)).toBe(403);
  expect(open.upstream.calls).toEqual([]);
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'LOCALHOST']) expect(await ask(host)).toBe(200);
});
