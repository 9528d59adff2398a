import { setTimeout as sleep } from 'node:timers/promises';
import { exportJWK, generateKeyPair } from 'jose';
import { beforeEach, describe, expect, test } from 'vitest';
import { postJson, startWithUpstream } from '../helpers/gateway.ts';
import { startIssuer } from '../helpers/issuer.ts';
import { createTokenFile } from '../helpers/token-file.ts';

const QUERY = '{ profile(profileId: "1001", source: "Webshop") { profileId name } }';
const GRANTED = { scope: 'profiles:read pii:read', projects: ['1'] };

const issuer = await startIssuer();
// Of a kind that nobody has asked for: the issuer's, and still not taken.
const unlisted = await generateKeyPair('ML-DSA-44');
issuer.others.push({ ...(await exportJWK(unlisted.publicKey)), kid: 'unlisted' });
const tokens = createTokenFile();
const shop = tokens.add('shop', ['profiles:read', 'pii:read'], ['1']);
const both = tokens.add('both', ['profiles:read'], ['1', '2']);
const other = tokens.add('other', ['profiles:read'], ['2']);
const gateway = await startWithUpstream(() => ({ profileid: '1001', source: 'Webshop', name: 'Ada' }), {
  ...tokens.settings,
  ...issuer.settings,
});
const { upstream } = gateway;

beforeEach(() => {
  upstream.calls.length = 0;
  issuer.answer = 'yes';
});

const [rsa, strangers] = [await generateKeyPair('RS256'), await generateKeyPair('ES256')];

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const ask = (headers: Record<string, string>) => gateway.query(QUERY, {}, headers);

/** A request that is turned away as a whole, before any call. */
async function expectRefused(headers: Record<string, string>, status: number, code: string) {
  const { body, ...answer } = await ask(headers);
  expect([answer.status, body.errors?.[0]?.extensions.code, body.data]).toEqual([status, code, undefined]);
  expect(upstream.calls).toEqual([]);
  return { body, headers: answer.headers };
}

describe('a JSON Web Token', () => {
  test('of the issuer lets in, and the gateway’s own key goes upstream', async () => {
    const { status, body } = await ask(bearer(await issuer.sign(GRANTED)));
    expect([status, body]).toEqual([200, { data: { profile: { profileId: '1001', name: 'Ada' } } }]);
    expect(upstream.calls[0]?.headers['x-apikey']).toBe('k');
    expect(upstream.calls[0]?.headers.authorization).toBeUndefined();
  });

  const now = Math.floor(Date.now() / 1000);
  test.each([
    ['with another audience', () => issuer.sign({ ...GRANTED, aud: 'another' })],
    ['of another issuer', () => issuer.sign({ ...GRANTED, iss: 'https://stranger.example' })],
    ['that expired 45 s ago', () => issuer.sign({ ...GRANTED, exp: Math.floor(Date.now() / 1000) - 45 })],
    ['without an end', () => issuer.sign({ ...GRANTED, exp: undefined })],
    ['without a subject', () => issuer.sign({ ...GRANTED, sub: undefined })],
    ['with an empty subject', () => issuer.sign({ ...GRANTED, sub: '' })],
    ['with a subject of 257 characters', () => issuer.sign({ ...GRANTED, sub: 'a'.repeat(257) })],
    ['that is not valid yet', () => issuer.sign({ ...GRANTED, nbf: now + 120 })],
    ['by another key under a known name', () => issuer.sign(GRANTED, { key: strangers.privateKey })],
    [
      'by a key that is not in the set',
      () => issuer.sign(GRANTED, { header: { alg: 'RS256', kid: 'r' }, key: rsa.privateKey }),
    ],
    [
      'signed with the public key as a shared secret',
      () => issuer.sign(GRANTED, { header: { alg: 'HS256' }, key: Buffer.from(JSON.stringify(issuer.publicKey)) }),
    ],
    [
      'that brings its own key',
      async () => {
        const jwk = await exportJWK(strangers.publicKey);
        return issuer.sign(GRANTED, { header: { jwk, kid: undefined }, key: strangers.privateKey });
      },
    ],
    [
      'by an algorithm that is not on the list, though its key is in the set',
      () => issuer.sign(GRANTED, { header: { alg: 'ML-DSA-44', kid: 'unlisted' }, key: unlisted.privateKey }),
    ],
    [
      'without a signature (alg none)',
      async () => {
        const [, payload] = (await issuer.sign(GRANTED)).split('.');
        return `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
      },
    ],
    ['that is not a token', async () => 'abc'],
    ['that is far too long, though it is right', () => issuer.sign({ ...GRANTED, note: 'a'.repeat(7_000) })],
  ])('%s is refused, in the same words', async (_name, make) => {
    const { body, headers } = await expectRefused(bearer(await make()), 401, 'UNAUTHENTICATED');
    expect(body.errors?.[0]?.message).toBe('The token is invalid.');
    expect(headers.get('www-authenticate')).toBe('Bearer');
  });

  test('that was accepted is refused once it has expired', async () => {
    // Clocks may differ by 30 s.
    const token = await issuer.sign({ ...GRANTED, exp: Math.floor(Date.now() / 1000) - 27 });
    expect((await ask(bearer(token))).status).toBe(200);
    await expect.poll(async () => (await ask(bearer(token))).status).toBe(401);
    upstream.calls.length = 0;
    await expectRefused(bearer(token), 401, 'UNAUTHENTICATED');
  });

  test.each<[string, Record<string, unknown>]>([
    ['no projects', { scope: GRANTED.scope }],
    ['no scopes', { projects: ['1'] }],
    ['a list of scopes', { ...GRANTED, scope: ['profiles:read'] }],
    ['a project that is no list', { ...GRANTED, projects: '1' }],
    ['projects by their names', { ...GRANTED, projects: { 1: true } }],
    ['a number for a project', { ...GRANTED, projects: [1] }],
  ])('with %s has none of them', async (_name, claims) => {
    await expectRefused(bearer(await issuer.sign(claims)), 403, 'FORBIDDEN');
  });

  test('answers 503 while the keys cannot be fetched', async () => {
    const cut = await startWithUpstream(() => ({}), { ...tokens.settings, ...issuer.settings });
    for (const answer of ['no', 'html'] as const) {
      issuer.answer = answer;
      const before = issuer.fetches();
      const answers = await Promise.all(
        Array.from({ length: 20 }, async () => cut.query(QUERY, {}, bearer(await issuer.sign(GRANTED)))),
      );
      for (const { status, body, headers } of answers) {
        expect([status, body.errors?.[0]?.extensions.code]).toEqual([503, 'UPSTREAM_UNAVAILABLE']);
        expect(headers.get('retry-after')).toBe('1');
      }
      expect(issuer.fetches() - before).toBeLessThanOrEqual(2);
      await sleep(1_100);
    }
    expect(cut.upstream.calls).toEqual([]);
    // A static token needs no keys.
    expect((await cut.query(QUERY, {}, shop)).status).toBe(200);
    issuer.answer = 'yes';
    expect((await cut.query(QUERY, {}, bearer(await issuer.sign(GRANTED)))).status).toBe(200);
  });

  test('of a new key is accepted without a restart, and unknown keys cause few fetches', async () => {
    const before = issuer.fetches();
    for (let i = 0; i < 30; i++) await ask(bearer(await issuer.sign(GRANTED, { header: { kid: `none-${i}` } })));
    expect(issuer.fetches() - before).toBeLessThanOrEqual(2);
    await issuer.rotate();
    await sleep(3_100);
    expect((await ask(bearer(await issuer.sign(GRANTED)))).status).toBe(200);
  });
});

describe('a static token', () => {
  test('is refused in the same words whether its id exists or not', async () => {
    const [, id = ''] = (shop.authorization ?? '').split('.');
    const wrong = await expectRefused(bearer(`dtg.${id}.${'A'.repeat(43)}`), 401, 'UNAUTHENTICATED');
    const unknown = await expectRefused(bearer(`dtg.nobody.${'A'.repeat(43)}`), 401, 'UNAUTHENTICATED');
    expect(wrong.body).toEqual(unknown.body);
    for (const token of ['dtg', 'dtg.', 'dtg..', `dtg.${id}`, 'dtg.__proto__.x', `${shop.authorization?.slice(7)}x`]) {
      expect((await expectRefused(bearer(token), 401, 'UNAUTHENTICATED')).body).toEqual(unknown.body);
    }
  });

  test('is required before the document is checked', async () => {
    const bodies = [
      { query: '{' },
      { query: '{ nothing }' },
      { query: `{ ${'a '.repeat(6_000)}}` },
      { documentId: 'x' },
    ];
    for (const body of bodies) {
      const response = await postJson(`${gateway.url}/graphql`, body);
      const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
      expect([response.status, errors.map(({ extensions }) => extensions.code)]).toEqual([401, ['UNAUTHENTICATED']]);
    }
  });

  test('that is missing is 401 with WWW-Authenticate', async () => {
    for (const headers of [{}, { authorization: 'Basic abc' }, { authorization: 'Bearer' }, { 'x-apikey': 'k' }]) {
      const { headers: answer } = await expectRefused(headers as Record<string, string>, 401, 'UNAUTHENTICATED');
      expect(answer.get('www-authenticate')).toBe('Bearer');
    }
  });
});

describe('the project', () => {
  test('of another is forbidden, whether it exists or not', async () => {
    const theirs = await expectRefused({ ...shop, 'x-datatrics-project': '2' }, 403, 'FORBIDDEN');
    const nobodys = await expectRefused({ ...shop, 'x-datatrics-project': '999' }, 403, 'FORBIDDEN');
    expect(theirs.body).toEqual(nobodys.body);
    await expectRefused(other, 403, 'FORBIDDEN');
    const { status, body } = await ask({ ...shop, 'x-datatrics-project': '../1' });
    expect([status, body.errors?.[0]?.extensions.code]).toEqual([200, 'BAD_USER_INPUT']);
  });

  test('that is configured is meant when none is named', async () => {
    await ask(both);
    expect(upstream.calls[0]?.path).toContain('/project/1/');
  });
});

test('errors suggest no names of the schema', async () => {
  const near: [string, object?][] = [
    ['{ profil(profileId: "1") { name } }'],
    ['{ profile(profileIdd: "1", source: "s") { name } }'],
    ['{ profiles(orderBy: { field: EMAI, direction: ASC }) { totalCount } }'],
    ['query ($f: ProfilFilter) { profiles(filter: $f) { totalCount } }'],
    ['query ($f: ProfileFilter) { profiles(filter: $f) { totalCount } }', { f: { emai: 'x' } }],
    ['query ($o: ProfileOrder) { profiles(orderBy: $o) { totalCount } }', { o: { field: 'EMAI', direction: 'ASC' } }],
  ];
  const told = await startWithUpstream(() => ({}), { ...tokens.settings, INTROSPECTION: 'on' });
  for (const [query, variables] of near) {
    expect(JSON.stringify((await told.query(query, variables, shop)).body), query).toContain('Did you mean');
    const { body } = await gateway.query(query, variables, shop);
    expect(body.errors, query).not.toEqual([]);
    expect(JSON.stringify(body), query).not.toContain('Did you mean');
  }
});

test('introspection is off unless the settings turn it on', async () => {
  const { body } = await gateway.query('{ __schema { queryType { name } } }', {}, shop);
  expect(body.errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  expect((await gateway.query('{ __typename }', {}, shop)).body).toEqual({ data: { __typename: 'Query' } });
  const told = await startWithUpstream(() => ({}), { ...tokens.settings, INTROSPECTION: 'on' });
  const { body: schema } = await told.query('{ __schema { queryType { name } } }', {}, shop);
  expect(schema.data).toEqual({ __schema: { queryType: { name: 'Query' } } });
});
