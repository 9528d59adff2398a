import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isFromRouter, signOperation } from '../../src/auth/router-proof.ts';
import { createFolder } from '../helpers/files.ts';
import { postJson, startWithSandbox, startWithUpstream } from '../helpers/gateway.ts';
import { createTokenFile } from '../helpers/token-file.ts';

const HMAC = 'a key that is Hive’s';
const HEADER = 'a-secret-that-is-shared';
const QUERY = 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }';
const params = (extensions?: Record<string, unknown>, variables: Record<string, unknown> = { r: [] }) => ({
  query: QUERY,
  operationName: undefined,
  variables,
  extensions,
});
const both = { header: HEADER, hmac: HMAC };

describe('a signature', () => {
  const hmac = (content: string): string => createHmac('sha256', HMAC).update(content).digest('base64');

  test('is made of query and variables with their keys in order, at every depth', () => {
    const variables = { r: [{ b: 1, a: { 10: null, 9: 'ü"' } }], a: undefined, A: [undefined] };
    expect(signOperation(HMAC, { query: '{ a }', variables })).toBe(
      hmac('{"query":"{ a }","variables":{"A":[null],"r":[{"a":{"10":null,"9":"ü\\""},"b":1}]}}'),
    );
  });

  test.each([[undefined], [null], [{}]])('leaves out the variables %o', (variables) => {
    expect(signOperation(HMAC, { query: '{ a }', variables })).toBe(hmac('{"query":"{ a }"}'));
  });
});

describe('a router', () => {
  const forwarded = {
    'x-datatrics-principal': 'ada',
    'x-datatrics-scopes': 'profiles:read  contents:read',
    'x-datatrics-project': '42',
  };
  const signed = { 'hmac-signature': signOperation(HMAC, params()) };

  test('is not believed without, with another’s, or with a proof of another operation', () => {
    const cases: [Parameters<typeof isFromRouter>[0], Record<string, string>, Record<string, unknown>?][] = [
      [both, {}],
      [both, { 'x-router-secret': '' }],
      [both, { 'x-router-secret': HMAC }],
      [both, { 'x-router-secret': `${HEADER} ` }],
      [both, {}, { 'hmac-signature': '' }],
      [both, {}, { 'hmac-signature': 7 }],
      [both, {}, { 'hmac-signature': signOperation(HEADER, params()) }],
      [both, {}, { 'hmac-signature': signOperation(HMAC, params(undefined, { r: [1] })) }],
      [{ header: undefined, hmac: HMAC }, { 'x-router-secret': HEADER }],
      [{ header: HEADER, hmac: undefined }, {}, signed],
      [{ header: undefined, hmac: undefined }, { 'x-router-secret': '' }, signed],
    ];
    for (const [secrets, headers, extensions] of cases) {
      expect(isFromRouter(secrets, { ...forwarded, ...headers }, params(extensions))).toBe(false);
    }
  });

  test('is not looked at when its variables are nested beyond measure', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    expect(isFromRouter(both, {}, params({ 'hmac-signature': 'x' }, { r: deep }))).toBe(false);
  });
});

describe('/subgraph', () => {
  const entity = { __typename: 'Profile', profileId: '1', source: 's' };
  const secret = { 'x-router-secret': HEADER };

  test('requires the proof if a secret is configured, and leaves /graphql unchanged', async () => {
    const gateway = await startWithSandbox({ ROUTER_SECRET: HEADER });
    for (const headers of [{}, { 'x-router-secret': 'no' }, { 'x-datatrics-project': '1' }]) {
      const { status, body } = await gateway.subgraph(QUERY, { r: [entity] }, headers);
      expect(status).toBe(401);
      expect(body.data).toBeUndefined();
      expect(body.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    }
    expect((await gateway.subgraph('{ _service { sdl } }')).status).toBe(401);
    expect(gateway.sandbox.requests).toEqual([]);
    expect((await gateway.subgraph(QUERY, { r: [entity] }, secret)).body).toEqual({ data: { _entities: [null] } });
    expect((await gateway.query('{ profile(profileId: "1001") { profileId } }')).body.errors).toBeUndefined();
  });

  test('with a signature of one operation sends no other', async () => {
    const gateway = await startWithUpstream(() => ({ profileid: '1', source: 's' }), { ROUTER_HMAC_SECRET: HMAC });
    const send = async (body: object, signed: { query: string; variables?: Record<string, unknown> }) => {
      const extensions = { 'hmac-signature': signOperation(HMAC, { variables: undefined, ...signed }) };
      const response = await postJson(`${gateway.url}/subgraph`, { ...body, extensions });
      return response.status;
    };
    const own = { query: QUERY, variables: { r: [entity] } };
    expect(await send(own, own)).toBe(200);
    gateway.upstream.calls.length = 0;
    const other = { ...entity, profileId: '2' };
    expect(await send({ query: '{ profiles { nodes { name } } }' }, { query: '{ __typename }' })).toBe(401);
    expect(await send({ query: QUERY, variables: { r: [other] } }, own)).toBe(401);
    expect(await send({ query: QUERY, variables: { r: [entity, other] } }, own)).toBe(401);
    expect(await send({ query: QUERY, variables: {} }, own)).toBe(401);
    expect(gateway.upstream.calls).toEqual([]);
  });

  test('goes on with the project that a proven router forwards, when it is one of the router’s', async () => {
    const gateway = await startWithUpstream(() => ({ profileid: '1', source: 's' }), { ROUTER_SECRET: HEADER });
    const ask = async (project: string) => {
      const { status, body } = await gateway.subgraph(
        QUERY,
        { r: [entity] },
        { ...secret, 'x-datatrics-project': project },
      );
      return [status, body.errors?.[0]?.extensions.code];
    };
    expect(await ask('1')).toEqual([200, undefined]);
    expect(await ask('')).toEqual([200, undefined]);
    expect(await ask('42')).toEqual([403, 'FORBIDDEN']);
    expect(await ask('../1')).toEqual([200, 'BAD_USER_INPUT']);
    expect(gateway.upstream.calls.map(({ path }) => path.split('/')[3])).toEqual(['1', '1']);
  });

  describe('in managed', () => {
    const RECORD = { profileid: '1', source: 's', name: 'Ada', country: 'NL' };
    const managed = async (settings: Record<string, string> = {}) => {
      const gateway = await startWithUpstream(() => RECORD, {
        ...createTokenFile().settings,
        ROUTER_SECRET: HEADER,
        PII_MASK: 'null',
        ...settings,
      });
      const fields = 'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Profile { name country } } }';
      const ask = (headers: Record<string, string>, query = fields) =>
        gateway.subgraph(query, { r: [entity] }, headers);
      return { gateway, ask };
    };

    test('a proof stands for a token, and reads all but personal data', async () => {
      const { gateway, ask } = await managed();
      expect((await ask({})).status).toBe(401);
      expect((await ask({ authorization: 'Bearer nobody' })).status).toBe(401);
      expect((await ask({ 'x-datatrics-scopes': 'profiles:read pii:read' })).status).toBe(401);
      const { body } = await ask(secret);
      expect(body.data).toEqual({ _entities: [{ name: null, country: 'NL' }] });
      const write = 'mutation { deleteContent(input: { contentId: "1", source: "s" }) { deletedId } }';
      expect((await gateway.subgraph(write, {}, secret)).status).toBe(403);
      expect((await gateway.query('{ profile(profileId: "1", source: "s") { name } }', {}, secret)).status).toBe(401);
      expect(gateway.upstream.calls).toHaveLength(1);
    });

    test('forwarded scopes count instead, and none is enough for what it does not name', async () => {
      const { gateway, ask } = await managed();
      const scopes = (text: string) => ({ ...secret, 'x-datatrics-scopes': text });
      expect((await ask(scopes('profiles:read pii:read'))).body.data._entities[0]).toEqual({
        name: 'Ada',
        country: 'NL',
      });
      expect((await ask(scopes('profiles:read'))).body.data._entities[0].name).toBeNull();
      const calls = gateway.upstream.calls.length;
      for (const text of ['contents:read', ' ', 'everything']) {
        const { status, body } = await ask(scopes(text));
        expect([status, body.errors?.[0]?.extensions.code]).toEqual([403, 'FORBIDDEN']);
        // What a representation names is read even when nothing is asked of it.
        expect((await ask(scopes(text), QUERY)).status).toBe(403);
      }
      expect(gateway.upstream.calls).toHaveLength(calls);
    });

    test('configured scopes and projects count for a router that forwards none', async () => {
      const { ask } = await managed({ ROUTER_SCOPES: 'profiles:read,pii:read', ROUTER_PROJECTS: '1' });
      expect((await ask(secret)).body.data._entities[0]).toEqual({ name: 'Ada', country: 'NL' });
      const elsewhere = await managed({ ROUTER_PROJECTS: '2' });
      expect((await elsewhere.ask(secret)).status).toBe(403);
    });
  });

  test('shares no call between callers that a router distinguishes', async () => {
    let release = (): void => undefined;
    const open = new Promise<void>((resolve) => {
      release = resolve;
    });
    const gateway = await startWithUpstream(
      async () => {
        await open;
        return { profileid: '1', source: 's' };
      },
      { ROUTER_SECRET: HEADER, COLLAPSE_OPERATIONS: 'on' },
    );
    const callers = [
      { 'x-datatrics-principal': 'ada' },
      { 'x-datatrics-principal': 'ada' },
      { 'x-datatrics-principal': 'bo' },
      { 'x-datatrics-principal': 'ada', 'x-datatrics-scopes': 'profiles:read' },
    ];
    const answers = callers.map((headers) => gateway.subgraph(QUERY, { r: [entity] }, { ...secret, ...headers }));
    await expect.poll(() => gateway.upstream.calls.length).toBe(3);
    release();
    for (const { body } of await Promise.all(answers)) expect(body.errors).toBeUndefined();
    expect(gateway.upstream.calls).toHaveLength(3);
  });

  test('takes a caller’s own key in passthrough, where it goes upstream', async () => {
    const gateway = await startWithSandbox({ AUTH_MODE: 'passthrough', ROUTER_SECRET: HEADER });
    const ask = (headers: Record<string, string>) => gateway.subgraph(QUERY, { r: [entity] }, headers);
    expect((await ask({})).status).toBe(401);
    expect((await ask(secret)).status).toBe(401);
    expect((await ask({ 'x-apikey': gateway.sandbox.apiKey })).body).toEqual({ data: { _entities: [null] } });
    expect((await ask({ 'x-apikey': gateway.sandbox.apiKey, ...secret })).status).toBe(200);
  });
});

describe('published documents', () => {
  test('are not asked of a proven router, and of all others', async () => {
    const gateway = await startWithSandbox({
      AUTH_MODE: 'passthrough',
      TRUSTED_DOCUMENTS: 'only',
      TRUSTED_DOCUMENTS_FILE: createFolder().write('manifest.json', {}),
      ROUTER_SECRET: HEADER,
    });
    const key = { 'x-apikey': gateway.sandbox.apiKey };
    const refused = await gateway.subgraph(QUERY, { r: [] }, key);
    expect(refused.body.errors?.[0]?.extensions.code).toBe('PERSISTED_QUERY_NOT_FOUND');
    const { body } = await gateway.subgraph(QUERY, { r: [] }, { ...key, 'x-router-secret': HEADER });
    expect(body).toEqual({ data: { _entities: [] } });
  });
});
