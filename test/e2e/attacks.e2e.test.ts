import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { postJson, startWithSandbox } from '../helpers/gateway.ts';
import { heapInUse } from '../helpers/memory.ts';
import { openClient } from '../helpers/sockets.ts';

/**
 * What a hostile client may try beside the limits (see test/limits), over HTTP. Every attempt is answered within a second,
 * by a 4xx or an error with a code, and costs the API no call that it should not.
 */
const gateway = await startWithSandbox();

/** A second is promised; a busy machine gets three. */
const DEADLINE_MS = 3_000;

type Attack = readonly [name: string, send: () => Promise<Response>, expected: readonly string[], calls?: number];

const post = (body: string | object) => () => postJson(`${gateway.url}/graphql`, body, { accept: 'application/json' });
const query = (text: string) => post({ query: text });
const get = (path: string) => () => fetch(gateway.url + path);
const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
/** Fragments that spread each other twice: 2^n fields in n lines. */
const doubling = Array.from({ length: 100 }, (_, i) => `fragment F${i} on Profile { ...F${i + 1} ...F${i + 1} }`).join(
  ' ',
);
const PROFILE = 'profile(profileId: "1001")';
const TOO_COMPLEX = ['200 OPERATION_TOO_COMPLEX'];
const AMBIGUOUS = ['200 OPERATION_RESOLUTION_FAILURE'];

/** Each is answered by one of these statuses, and codes where it is no answer. */
const ATTACKS: readonly Attack[] = [
  [
    'inline fragments nested 1,600 deep',
    query(`{ ${'... { '.repeat(1_600)} __typename ${'} '.repeat(1_600)} }`),
    ['200', ...TOO_COMPLEX],
  ],
  ['brackets nested 400,000 deep', query('{a'.repeat(400_000)), TOO_COMPLEX],
  [
    'fragments that double 100 times, with an alias',
    query(`{ ${PROFILE} { ...F0 } } ${doubling} fragment F100 on Profile { x: name }`),
    TOO_COMPLEX,
  ],
  [
    'a ring of fragments below an alias',
    query(`{ ${PROFILE} { ...A } } fragment A on Profile { a: conversions { nodes { profile { ...A } } } }`),
    ['200 GRAPHQL_VALIDATION_FAILED', ...TOO_COMPLEX],
  ],
  ['600 operations', query(Array.from({ length: 600 }, (_, i) => `query Q${i} { __typename }`).join(' ')), AMBIGUOUS],
  ['overlapping fields by the hundred', query(`{ ${PROFILE} { ${'name email '.repeat(1_200)} } }`), TOO_COMPLEX, 1],
  [
    'variables nested 100 deep',
    post(`{"query":"query ($a: JSONObject) { __typename }","variables":{"a":${deep(100)}}}`),
    ['200 GRAPHQL_VALIDATION_FAILED', ...TOO_COMPLEX],
  ],
  [
    'attributes nested 100,000 deep',
    post(
      `{"query":"mutation ($a: JSONObject) { createProfile(input: {profileId: \\"x\\", source: \\"s\\", attributes: $a}) { userErrors { code } } }","variables":{"a":${deep(100_000)}}}`,
    ),
    TOO_COMPLEX,
  ],
  [
    '__proto__ among the variables',
    post('{"query":"query ($id: ID!) { profile(profileId: $id) { name } }","variables":{"__proto__":{"id":"1001"}}}'),
    ['200 BAD_USER_INPUT'],
  ],
  ['__proto__ in place of the query', post('{"__proto__":{"query":"{ __typename }"}}'), ['400 BAD_REQUEST']],
  [
    'constructor as an operation name',
    post({ query: 'query A { __typename } query B { __typename }', operationName: 'constructor' }),
    AMBIGUOUS,
  ],
  [
    'a gzip bomb',
    () =>
      fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
        body: gzipSync(Buffer.alloc(50_000_000, 32)),
      }),
    ['415 BAD_REQUEST'],
  ],
  [
    'a query of 14,000 characters by GET',
    get(`/graphql?query=${'%7B'.repeat(4_600)}`),
    ['400 GRAPHQL_PARSE_FAILED', '200 GRAPHQL_PARSE_FAILED', '431'],
  ],
  ['a path that climbs', get('/graphiql/..%2f..%2fpackage.json'), ['404']],
];

async function outcomeOf(response: Response): Promise<{ outcome: string; text: string }> {
  const text = await response.text();
  const errors: { extensions: { code: string } }[] = (text.startsWith('{') && JSON.parse(text).errors) || [];
  const codes = new Set(errors.map(({ extensions }) => extensions.code));
  return { outcome: [response.status, ...codes].join(' '), text };
}

describe('a hostile client', () => {
  beforeAll(async () => {
    // The filter probe, compilation and the first garbage are not what is measured here.
    for (let i = 0; i < 3; i++)
      await gateway.query('{ profiles(first: 1, filter: { email: "nobody@x.example" }) { totalCount } }');
  });

  test.each(ATTACKS.map((attack) => [attack[0], attack] as const))('gets nothing by %s', async (_name, attack) => {
    const [, send, expected, calls = 0] = attack;
    gateway.sandbox.requests.length = 0;
    const start = performance.now();
    const { outcome, text } = await outcomeOf(await send());
    expect(performance.now() - start).toBeLessThan(DEADLINE_MS);
    expect(expected).toContain(outcome);
    expect(gateway.sandbox.requests.length).toBeLessThanOrEqual(calls);
    expect(text).not.toMatch(/node_modules|\bat .*\.ts:|sandbox-key|127\.0\.0\.1/);
  });

  test('gets nothing by nesting where more tokens are allowed than the stack can hold', async () => {
    const wide = await startWithSandbox({ MAX_TOKENS: '1000000', MAX_DEPTH: '1000' });
    for (const text of ['{a'.repeat(200_000), `{ nodes(ids: ${'['.repeat(200_000)}${']'.repeat(200_000)}) { id } }`]) {
      expect((await wide.query(text)).body.errors?.[0]?.extensions.code).toBe('OPERATION_TOO_COMPLEX');
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

  const endless = Array.from({ length: 3_000 }, (_, i) => `x-${i}: y\r\n`).join('');
  test.each([
    ['no HTTP', 'HELLO\r\n\r\n'],
    ['headers without an end', `GET /graphql HTTP/1.1\r\nHost: x\r\n${endless}\r\n`],
  ])('is turned away with %s', async (_name, bytes) => {
    const { text, closed } = openClient(gateway.url, Buffer.from(bytes));
    await closed;
    expect(text()).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(text()).not.toMatch(/server:/i);
  });

  test('takes no memory by trying all of this again and again', async () => {
    const rounds = async (): Promise<number> => {
      for (let round = 0; round < 3; round++) for (const [, send] of ATTACKS) await (await send()).text();
      return heapInUse();
    };
    const before = await rounds();
    expect((await rounds()) - before).toBeLessThan(20 * 1024 * 1024);
    expect((await fetch(`${gateway.url}/ready`)).status).toBe(200);
  });
});
