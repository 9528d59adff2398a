import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';
import { heapInUse } from '../helpers/memory.ts';
import { openClient } from '../helpers/sockets.ts';

/**
 * What a hostile client may try beside the limits (see test/limits), over HTTP. Every attempt must be answered
 * within a second, with a 4xx or a GraphQL error with a code, and must cost the API no call that it should not.
 */

const gateway = await startWithSandbox();

/** A second is promised; a busy machine gets three. */
const DEADLINE_MS = 3_000;

interface Attack {
  readonly name: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Record<string, string>;
  readonly method?: string;
  readonly path?: string;
  /** One of these statuses; with 200 there must be errors. */
  readonly status: readonly number[];
  /** One of these codes, where there is a GraphQL body. */
  readonly code?: readonly string[];
  /** REST calls that are in order; 0 unless said. */
  readonly calls?: number;
}

const query = (text: string): string => JSON.stringify({ query: text });
const TOO_COMPLEX = { status: [200], code: ['OPERATION_TOO_COMPLEX'] };
const INPUT = { status: [200], code: ['BAD_USER_INPUT'] };
const BAD_REQUEST = { status: [400], code: ['BAD_REQUEST'] };

/** Fragments that spread each other twice: 2^n fields in n lines. */
const doubling = (count: number, field: string): string =>
  `{ profile(profileId: "1001") { ...F0 } } ${Array.from(
    { length: count },
    (_, i) => `fragment F${i} on Profile { ...F${i + 1} ...F${i + 1} }`,
  ).join(' ')} fragment F${count} on Profile { ${field} }`;
const deepJson = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

const ATTACKS: readonly Attack[] = [
  // Shape of the document
  {
    name: 'inline fragments nested 2,000 deep',
    body: query(`{ ${'... { '.repeat(1_600)} __typename ${'} '.repeat(1_600)} }`),
    status: [200],
    calls: 0,
  },
  { name: 'brackets nested 400,000 deep', body: query('{a'.repeat(400_000)), ...TOO_COMPLEX },
  { name: 'fragments that double 100 times, with an alias', body: query(doubling(100, 'x: name')), ...TOO_COMPLEX },
  {
    name: 'a ring of fragments below an alias',
    body: query(
      '{ profile(profileId: "1001") { ...A } } fragment A on Profile { a: conversions { nodes { profile { ...A } } } }',
    ),
    status: [200],
    code: ['GRAPHQL_VALIDATION_FAILED', 'OPERATION_TOO_COMPLEX'],
  },
  {
    name: '600 operations',
    body: query(Array.from({ length: 600 }, (_, i) => `query Q${i} { __typename }`).join(' ')),
    status: [200],
    code: ['OPERATION_RESOLUTION_FAILURE'],
  },
  {
    name: 'overlapping fields by the hundred',
    body: query(`{ profile(profileId: "1001") { ${'name email '.repeat(1_200)} } }`),
    status: [200],
    calls: 1,
  },

  // Values
  {
    name: 'variables nested 100 deep',
    body: `{"query":"query ($a: JSONObject) { __typename }","variables":{"a":${deepJson(100)}}}`,
    status: [200],
    code: ['OPERATION_TOO_COMPLEX', 'GRAPHQL_VALIDATION_FAILED'],
  },
  {
    name: 'attributes nested 100,000 deep',
    body: `{"query":"mutation ($a: JSONObject) { createProfile(input: {profileId: \\"x\\", source: \\"s\\", attributes: $a}) { userErrors { code } } }","variables":{"a":${deepJson(100_000)}}}`,
    ...TOO_COMPLEX,
  },
  {
    name: '__proto__ among the variables',
    body: '{"query":"query ($id: ID!) { profile(profileId: $id) { name } }","variables":{"__proto__":{"id":"1001"}}}',
    ...INPUT,
  },
  { name: '__proto__ in place of the query', body: '{"__proto__":{"query":"{ __typename }"}}', ...BAD_REQUEST },
  {
    name: 'constructor as an operation name',
    body: JSON.stringify({ query: 'query A { __typename } query B { __typename }', operationName: 'constructor' }),
    status: [200],
    code: ['OPERATION_RESOLUTION_FAILURE'],
  },

  // The request itself
  {
    name: 'a gzip bomb',
    body: gzipSync(Buffer.alloc(50_000_000, 32)),
    headers: { 'content-encoding': 'gzip' },
    status: [415],
    code: ['BAD_REQUEST'],
  },
  {
    name: 'a query of 14,000 characters by GET',
    method: 'GET',
    path: `/graphql?query=${'%7B'.repeat(4_600)}`,
    status: [200, 431],
    code: ['GRAPHQL_PARSE_FAILED'],
  },
  { name: 'a path that climbs', method: 'GET', path: '/graphiql/..%2f..%2fpackage.json', status: [404] },
];

async function send(attack: Attack): Promise<{ status: number; text: string }> {
  const { method = 'POST', path = '/graphql', body, headers } = attack;
  const response = await fetch(gateway.url + path, {
    method,
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    ...(method === 'POST' && { body: body as BodyInit }),
    signal: AbortSignal.timeout(DEADLINE_MS * 2),
  });
  return { status: response.status, text: await response.text() };
}

describe('a hostile client', () => {
  beforeAll(async () => {
    // The filter probe, compilation and the first garbage are not what is measured here.
    for (let i = 0; i < 3; i++)
      await gateway.query('{ profiles(first: 1, filter: { email: "nobody@x.example" }) { totalCount } }');
  });

  test.each(ATTACKS.map((attack) => [attack.name, attack] as const))('gets nothing by %s', async (_name, attack) => {
    gateway.sandbox.requests.length = 0;
    const start = performance.now();
    const { status, text } = await send(attack);
    expect(performance.now() - start).toBeLessThan(DEADLINE_MS);
    expect(attack.status).toContain(status);
    const codes = text.startsWith('{')
      ? (JSON.parse(text).errors ?? []).map((e: { extensions: { code: string } }) => e.extensions.code)
      : [];
    if (attack.code) {
      expect(codes.length).toBeGreaterThan(0);
      for (const code of codes) expect(attack.code).toContain(code);
    }
    expect(codes).not.toContain('INTERNAL_SERVER_ERROR');
    expect(gateway.sandbox.requests.length).toBeLessThanOrEqual(attack.calls ?? 0);
    expect(text).not.toMatch(/node_modules|\bat .*\.ts:|sandbox-key|127\.0\.0\.1/);
  });

  test('gets nothing by nesting where more tokens are allowed than the stack can hold', async () => {
    const wide = await startWithSandbox({ MAX_TOKENS: '1000000', MAX_DEPTH: '1000' });
    for (const text of ['{a'.repeat(200_000), `{ nodes(ids: ${'['.repeat(200_000)}${']'.repeat(200_000)}) { id } }`]) {
      const { status, body } = await wide.query(text);
      expect([status, body.errors?.[0]?.extensions.code]).toEqual([200, 'OPERATION_TOO_COMPLEX']);
    }
  });

  test('does not pollute prototypes by attributes', async () => {
    const attributes = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}');
    const { body } = await gateway.query(
      'mutation ($a: JSONObject) { createProfile(input: { profileId: "proto", source: "s", attributes: $a }) { profile { attributes } } }',
      { a: attributes },
    );
    expect(body.data.createProfile.profile.attributes).toEqual(attributes);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test.each([
    ['no HTTP', 'HELLO\r\n\r\n'],
    [
      'headers without an end',
      `GET /graphql HTTP/1.1\r\nHost: x\r\n${Array.from({ length: 3_000 }, (_, i) => `x-${i}: y\r\n`).join('')}\r\n`,
    ],
  ])('is turned away with %s', async (_name, bytes) => {
    const { text, closed } = openClient(gateway.url, Buffer.from(bytes));
    await closed;
    expect(text()).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(text()).not.toMatch(/server:/i);
  });

  test('holds no memory', async () => {
    for (let round = 0; round < 3; round++) for (const attack of ATTACKS) await send(attack);
    const before = heapInUse();
    for (let round = 0; round < 3; round++) for (const attack of ATTACKS) await send(attack);
    expect(heapInUse() - before).toBeLessThan(20 * 1024 * 1024);
    expect(await (await fetch(`${gateway.url}/ready`)).text()).toContain('ready');
  });
});
