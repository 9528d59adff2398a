import { auditServer } from 'graphql-http';
import { describe, expect, test } from 'vitest';
import { postJson, startWithSandbox } from '../helpers/gateway.ts';
import { getOf, openClient, postOf } from '../helpers/sockets.ts';

const GRAPHQL = 'application/graphql-response+json';
const gateway = await startWithSandbox();
const byYoga = await startWithSandbox({}, {}, { shortcut: false });

const post = (body: string | Uint8Array, headers: Record<string, string> = {}, url = gateway.url): Promise<Response> =>
  postJson(`${url}/graphql`, body as BodyInit, headers);
const query = (text: unknown, rest: object = {}): string => JSON.stringify({ query: text, ...rest });
const codes = async (response: Response): Promise<string[]> =>
  ((await response.json()) as { errors: { extensions: { code: string } }[] }).errors.map(
    ({ extensions }) => extensions.code,
  );

describe.each([
  ['the short cut', gateway],
  ['Yoga', byYoga],
])('GraphQL over HTTP by %s', (_name, { url }) => {
  test('passes every audit of the graphql-http package', async () => {
    const results = await auditServer({ url: `${url}/graphql`, fetchFn: fetch });
    expect(results.length).toBeGreaterThan(50);
    expect(results.filter(({ status }) => status === 'error')).toEqual([]);
  });
});

describe('a request', () => {
  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/graphql',
    'application/json; charset=latin1',
    'application/jsonp',
  ])('with the content type %s answers 415', async (type) => {
    const response = await post(query('{ __typename }'), { 'content-type': type });
    expect(response.status).toBe(415);
    expect(await codes(response)).toEqual(['BAD_REQUEST']);
  });

  test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])(
    'with the content type %s is read',
    async (type) => {
      expect((await post(query('{ __typename }'), { 'content-type': type })).status).toBe(200);
    },
  );

  test.each([
    ['no JSON', '{'],
    ['bytes that are no UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    ['an array', '[]'],
    ['text', '"{ __typename }"'],
    ['nothing', ''],
    ['no query', '{}'],
    ['a query that is no text', query(7)],
    ['variables that are no object', query('{ __typename }', { variables: [] })],
    ['an operation name that is no text', query('{ __typename }', { operationName: 7 })],
    ['extensions that are no object', query('{ __typename }', { extensions: 'x' })],
  ] as const)('with %s answers 400, whatever it accepts', async (_name, body) => {
    for (const accept of ['application/json', GRAPHQL]) {
      const response = await post(body, { accept });
      expect(response.status).toBe(400);
      expect(await codes(response)).toEqual(['BAD_REQUEST']);
    }
  });

  test('larger than MAX_BODY_BYTES answers 413, by its length or by its chunks', async () => {
    expect((await post(query('x'.repeat(1_100_000)))).status).toBe(413);
    const chunks = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 20; i++) controller.enqueue(new Uint8Array(100_000));
        controller.close();
      },
    });
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: chunks,
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(413);
    expect(await codes(response)).toEqual(['BAD_REQUEST']);
  });

  test('with a Content-Length above MAX_BODY_BYTES answers 413 before its body comes', async () => {
    const { socket, text } = openClient(gateway.url);
    socket.write(
      'POST /graphql HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: 1048577\r\n\r\n',
    );
    await expect.poll(text).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  test('whose target has one slash behind the path, or is in absolute form, is handled as its path', async () => {
    const send = async (method: string, target: string): Promise<string> => {
      const request =
        method === 'POST'
          ? String(postOf(gateway.url, '{ __typename }', ['Connection: close'])).replace('/graphql', target)
          : String(getOf(gateway.url, target, ['Connection: close']));
      const { text, closed } = openClient(gateway.url, Buffer.from(request));
      await closed;
      return text();
    };
    for (const target of ['/graphql/', 'http://gateway/graphql', 'HTTPS://gateway:8443/graphql/', '/graphql?x=1'])
      expect(await send('POST', target), target).toContain('{"data":{"__typename":"Query"}}');
    expect(await send('POST', 'http://gateway/subgraph/')).toContain('{"data":{"__typename":"Query"}}');
    for (const target of ['/graphql/?query={a:__typename}', 'http://gateway/graphql?query={a:__typename}'])
      expect(await send('GET', target), target).toContain('{"data":{"a":"Query"}}');
    expect(await send('GET', 'http://gateway/health')).toMatch(/ok\n$/);
    expect(await send('GET', 'http://gateway')).toMatch(/^HTTP\/1\.1 302 /);
    for (const target of ['http://gateway//graphql', 'http://gateway/nowhere', 'ftp://gateway/graphql'])
      expect(await send('POST', target), target).toMatch(/^HTTP\/1\.1 404 /);
  });

  test('by another method answers 405 and names those that there are', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
      const response = await fetch(`${gateway.url}/graphql`, { method });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('GET, POST');
    }
  });

  test('by GET runs queries, with variables, and no mutations', async () => {
    const search = new URLSearchParams({
      query: 'query Q($id: ID!) { profile(profileId: $id) { name } }',
      variables: '{"id":"1001"}',
      operationName: 'Q',
    });
    expect(await (await fetch(`${gateway.url}/graphql?${search}`)).json()).toEqual({
      data: { profile: { name: 'Ada Example' } },
    });
    const mutation = new URLSearchParams({
      query: 'mutation { deleteContent(input: {contentId: "2001", source: "Webshop-EN"}) { deletedId } }',
    });
    const response = await fetch(`${gateway.url}/graphql?${mutation}`);
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
    expect(await codes(response)).toEqual(['BAD_REQUEST']);
    expect(gateway.sandbox.requests.every(({ method }) => method === 'GET')).toBe(true);
  });
});

describe('an operation that cannot run', () => {
  test.each([
    ['{', {}, 'GRAPHQL_PARSE_FAILED'],
    ['{ nothing }', {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['query ($id: ID!) { profile(profileId: $id) { name } }', {}, 'BAD_USER_INPUT'],
    ['query ($n: Int) { profiles(first: $n) { totalCount } }', { variables: { n: 'x' } }, 'BAD_USER_INPUT'],
    ['query A { __typename } query B { __typename }', {}, 'OPERATION_RESOLUTION_FAILURE'],
    ['query A { __typename }', { operationName: 'B' }, 'OPERATION_RESOLUTION_FAILURE'],
    ['fragment F on Query { __typename }', {}, 'GRAPHQL_VALIDATION_FAILED'],
    [`{ ${'__typename '.repeat(6_000)} }`, {}, 'OPERATION_TOO_COMPLEX'],
  ])('answers 200 or 400 by what is accepted: %s', async (text, rest, code) => {
    const accepted: [string, number, string][] = [
      ['application/json', 200, 'application/json'],
      [GRAPHQL, 400, GRAPHQL],
      [`${GRAPHQL}, application/json`, 400, GRAPHQL],
      [`application/json, ${GRAPHQL};q=0.9`, 200, 'application/json'],
      [`application/json;q=0.5, ${GRAPHQL};q=0.6`, 400, GRAPHQL],
      ['*/*', 200, 'application/json'],
    ];
    for (const [accept, status, type] of accepted) {
      const response = await post(query(text, rest), { accept });
      expect([response.status, response.headers.get('content-type')]).toEqual([status, `${type}; charset=utf-8`]);
      const body = (await response.json()) as { data?: unknown; errors: { extensions: { code: string } }[] };
      expect(body).not.toHaveProperty('data');
      for (const error of body.errors) expect(error.extensions.code).toBe(code);
    }
  });
});

describe('besides GraphQL', () => {
  test('there are health, readiness and metrics, and nothing else', async () => {
    expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
    expect((await fetch(`${gateway.url}/ready`)).status).toBe(200);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toMatch(/^gateway_operation_duration_seconds_count\{outcome="executed"\} \d+$/m);
    expect(metrics).toMatch(
      /^gateway_upstream_read_duration_seconds_count\{endpoint="getProfile",outcome="ok"\} \d+$/m,
    );
    expect((await fetch(`${gateway.url}/health`, { method: 'POST' })).status).toBe(405);
  });

  test.each(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'])(
    'an unknown path answers 404 to %s',
    async (method) => {
      for (const path of ['/nowhere', '/graphqlx', '/graphql//', '/graphiql/', '/graphiql/x.js', '/.env', '//graphql'])
        expect((await fetch(gateway.url + path, { method })).status, path).toBe(404);
    },
  );
});
