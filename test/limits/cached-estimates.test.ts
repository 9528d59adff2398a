import { describe, expect, test } from 'vitest';
import { SCOPES } from '../../src/auth/scopes.ts';
import { encodeGlobalId } from '../../src/datatrics/keys.ts';
import { startWithUpstream, type TestGateway } from '../helpers/gateway.ts';
import { smallApi } from '../helpers/small-api.ts';
import { createTokenFile, scopesWithout } from '../helpers/token-file.ts';

/** What is kept of a document must not hide what other variables change. */

const tokens = createTokenFile();
const all = tokens.add('all', SCOPES, ['1', '2']);
const masked = tokens.add('masked', scopesWithout('pii:read'), ['1']);
const gateway = await startWithUpstream(smallApi, {
  ...tokens.settings,
  DATATRICS_PROFILE_SOURCES: 'A,B,C',
  MAX_ESTIMATED_CALLS: '8',
  SUBGRAPH_MAX_AGE: 'Profile=60',
});

type Headers = Record<string, string>;
type Sent = readonly [variables: object, headers?: Headers];

async function codeOf(query: string, [variables, headers = {}]: Sent, ask: TestGateway['query'] = gateway.query) {
  const { body } = await ask(query, variables, { ...all, 'x-datatrics-project': '1', ...headers });
  return body.errors?.find(({ path }) => path === undefined)?.extensions.code;
}

describe('an estimate is of these variables, whatever was estimated of the document before', () => {
  const aliases = (field: string): string => [...'abcdefghij'].map((alias) => `${alias}: ${field}`).join(' ');

  test.each<[string, string, Sent, Sent]>([
    [
      'an argument that is null and must not be',
      `query ($id: ID = "1") { ${aliases('profile(profileId: $id) { name }')} }`,
      [{ id: null }],
      [{}],
    ],
    [
      'an argument that is null, of a field above others',
      'query ($id: ID = "1") { profile(profileId: $id, source: "A") { conversions(first: 500) { nodes { items { content { name } } } } } }',
      [{ id: null }],
      [{ id: '2' }],
    ],
    [
      'an argument that is null and decides nothing else',
      `query ($t: ContentType) { ${aliases('content(contentId: "1", source: "A", type: $t) { name }')} }`,
      [{ t: null }],
      [{ t: 'ITEM' }],
    ],
    [
      'an id that no record has',
      `query ($id: ID!) { ${aliases('profile(profileId: $id) { name }')} }`,
      [{ id: '' }],
      [{ id: '1' }],
    ],
    [
      'a skipped field',
      'query ($s: Boolean!) { profiles(first: 100) { nodes { conversions(first: 1) @skip(if: $s) { totalCount } } } }',
      [{ s: true }],
      [{ s: false }],
    ],
    [
      'a page size',
      'query ($n: Int = 1) { profiles(first: $n) { nodes { conversions(first: 1) { totalCount } } } }',
      [{}],
      [{ n: 100 }],
    ],
    [
      'a source',
      `query ($s: String) { ${aliases('profile(profileId: "1", source: $s) { name }')} }`,
      [{ s: '' }],
      [{ s: null }],
    ],
  ])('%s', async (_name, query, harmless, costly) => {
    // Three times, so that the estimate is remembered and the operation compiled.
    for (let time = 1; time <= 3; time++) await codeOf(query, harmless);
    for (let time = 1; time <= 3; time++) {
      expect(await codeOf(query, costly), `time ${time}`).toBe('OPERATION_TOO_COMPLEX');
    }
  });
});

test('an estimate is of this project, whatever was estimated for another', async () => {
  const open = await startWithUpstream(smallApi, { AUTH_MODE: 'passthrough', MAX_ESTIMATED_CALLS: '2' });
  const query = 'query ($id: ID!) { a: node(id: $id) { id } b: node(id: $id) { id } c: node(id: $id) { id } }';
  const id = encodeGlobalId('1', { resource: 'profile', source: 'A', id: '1001' });
  const ask = (project: string) =>
    codeOf(query, [{ id }, { 'x-apikey': 'a-key', 'x-datatrics-project': project }], open.query);
  for (let time = 1; time <= 3; time++) expect(await ask('2')).toBeUndefined();
  expect(await ask('1')).toBe('OPERATION_TOO_COMPLEX');
});

test('scopes are asked for by the variables of this request', async () => {
  const query = 'query ($f: ProfileFilter) { profiles(first: 1, filter: $f) { totalCount } }';
  for (let time = 1; time <= 3; time++) expect(await codeOf(query, [{}, masked])).toBeUndefined();
  expect(await codeOf(query, [{ f: { email: 'a@b.example' } }, masked])).toBe('FORBIDDEN');
  expect(await codeOf(query, [{}, masked])).toBeUndefined();
});

test('fields that a condition leaves out are not among the masked ones', async () => {
  const query = `query ($s: Boolean!) {
    a: profile(profileId: "1001", source: "A") { email }
    b: profile(profileId: "1001", source: "A") @skip(if: $s) { email ... @skip(if: $s) { name } }
  }`;
  const ask = async (s: boolean) => (await gateway.query(query, { s }, masked)).body.extensions.masked;
  for (let time = 1; time <= 3; time++) {
    expect(await ask(false)).toEqual(['a.email', 'b.email', 'b.name']);
    expect(await ask(true)).toEqual(['a.email']);
  }
});

test('how long an answer may be kept depends on the entities that are asked for', async () => {
  const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Profile { name } } }';
  const profile = { __typename: 'Profile', profileId: '1001', source: 'A' };
  const conversion = { __typename: 'Conversion', conversionId: '1', source: 'A' };
  const ask = async (...r: object[]) => (await gateway.subgraph(query, { r }, all)).headers.get('cache-control');
  for (let time = 1; time <= 3; time++) {
    expect(await ask(profile)).toContain('max-age=60');
    expect(await ask(profile, conversion)).toBe('no-store');
  }
});
