import { isObjectType } from 'graphql';
import { beforeEach, describe, expect, test } from 'vitest';
import { SCOPES, type Scope } from '../../src/auth/scopes.ts';
import { encodeGlobalId } from '../../src/datatrics/keys.ts';
import { buildSchema } from '../../src/graph/schema.ts';
import { startWithUpstream } from '../helpers/gateway.ts';
import { smallApi } from '../helpers/small-api.ts';
import { createTokenFile, scopesWithout } from '../helpers/token-file.ts';

const tokens = createTokenFile();
const all = tokens.add('all');
const without = new Map(SCOPES.map((scope, i) => [scope, tokens.add(`t${i}`, scopesWithout(scope))]));
const nothing = tokens.add('nothing', []);
const fenced = await startWithUpstream(smallApi, tokens.settings);
// Only the data itself is guarded: the first fence is taken out.
const second = await startWithUpstream(smallApi, tokens.settings, { checkScopes: false });
beforeEach(() => {
  fenced.upstream.calls.length = 0;
  second.upstream.calls.length = 0;
});

const id = (resource: 'profile' | 'conversion' | 'interaction'): string =>
  encodeGlobalId('1', { resource, id: '7', source: 'Webshop' });
const ITEM = encodeGlobalId('1', { resource: 'content', id: '7', source: 'Webshop', type: 'ITEM' });
const BY_ID = 'source: "Webshop"';

/** Every way to a record, and what it takes. */
const WAYS: readonly (readonly [query: string, needed: readonly Scope[]])[] = [
  [`{ profile(profileId: "7", ${BY_ID}) { profileId } }`, ['profiles:read']],
  ['{ profiles { nodes { profileId } } }', ['profiles:read']],
  ['{ profiles { totalCount } }', ['profiles:read']],
  ['{ profiles { edges { cursor } } }', ['profiles:read']],
  [`{ content(contentId: "7", ${BY_ID}) { name } }`, ['contents:read']],
  ['{ contents { nodes { name } } }', ['contents:read']],
  [`{ conversion(conversionId: "7", ${BY_ID}) { total } }`, ['conversions:read']],
  ['{ conversions { nodes { items { name } } } }', ['conversions:read']],
  [`{ interaction(interactionId: "7", ${BY_ID}) { event } }`, ['interactions:read']],
  ['{ interactions { nodes { event } } }', ['interactions:read']],
  [`{ conversion(conversionId: "7", ${BY_ID}) { profile(${BY_ID}) { name } } }`, ['conversions:read', 'profiles:read']],
  [`{ conversions { nodes { items { content(${BY_ID}) { name } } } } }`, ['conversions:read', 'contents:read']],
  [`{ interactions { nodes { profile(${BY_ID}) { __typename } } } }`, ['interactions:read', 'profiles:read']],
  [`{ profile(profileId: "7", ${BY_ID}) { conversions { nodes { total } } } }`, ['profiles:read', 'conversions:read']],
  [
    `{ profile(profileId: "7", ${BY_ID}) { interactions { nodes { event } } } }`,
    ['profiles:read', 'interactions:read'],
  ],
  [`{ node(id: "${id('profile')}") { id } }`, ['profiles:read']],
  [`{ node(id: "${id('conversion')}") { __typename } }`, ['conversions:read']],
  [`{ node(id: "${id('interaction')}") { ... on Interaction { event } } }`, ['interactions:read']],
  [`{ nodes(ids: ["${ITEM}", "${id('profile')}"]) { id } }`, ['contents:read', 'profiles:read']],
  [`query Q { node(id: "${ITEM}") { ...C } } fragment C on Content { name }`, ['contents:read']],
  [`{ profile(profileId: "7", ${BY_ID}) { ... on Node { id } } }`, ['profiles:read']],
  ['query Q { ...F } fragment F on Query { profiles { totalCount } }', ['profiles:read']],
  [`mutation { createProfile(input: { profileId: "7", ${BY_ID} }) { userErrors { code } } }`, ['profiles:write']],
  [`mutation { deleteContent(input: { contentId: "7", ${BY_ID} }) { deletedId } }`, ['contents:write']],
  ...(['profile', 'content', 'conversion', 'interaction'] as const).flatMap((one): [string, Scope[]][] => {
    const Type = `${one[0]?.toUpperCase()}${one.slice(1)}`;
    const input = `{ ${one}Id: "7", ${BY_ID} }`;
    const writes = one === 'profile' || one === 'content' ? [`create${Type}`, `update${Type}`] : [`create${Type}`];
    const needed: Scope[] = [`${one}s:write`, `${one}s:read`];
    return [
      ...writes.map((name): [string, Scope[]] => [`mutation { ${name}(input: ${input}) { ${one} { id } } }`, needed]),
      [`mutation { bulkUpsert${Type}s(input: { items: [${input}] }) { results { outcome ${one} { id } } } }`, needed],
    ];
  }),
  ['{ profiles(filter: { email: "ada@mail.example" }) { totalCount } }', ['profiles:read', 'pii:read']],
  ['{ profiles(orderBy: { field: EMAIL, direction: ASC }) { totalCount } }', ['profiles:read', 'pii:read']],
  ['{ profiles(orderBy: { field: NAME, direction: ASC }) { totalCount } }', ['profiles:read', 'pii:read']],
  ['{ conversions(filter: { email: "ada@mail.example" }) { totalCount } }', ['conversions:read', 'pii:read']],
];

/** The path of the REST call that a scope stands before. */
const PATHS: Readonly<Record<string, RegExp>> = {
  'profiles:read': /^GET .*\/profile/,
  'profiles:write': /^(POST|PUT) .*\/profile/,
  'contents:read': /^GET .*\/content/,
  'contents:write': /^(POST|PUT|DELETE) .*\/content/,
  'conversions:read': /^GET .*\/sale/,
  'conversions:write': /^POST .*\/sale/,
  'interactions:read': /^GET .*\/interaction/,
  'interactions:write': /^POST .*\/interaction/,
  'pii:read': /email|sort=name/,
};

test('the table has every root field, and every link from type to type', () => {
  const schema = buildSchema();
  const text = WAYS.map(([query]) => query).join(' ');
  for (const type of [schema.getQueryType(), schema.getMutationType()]) {
    for (const name of Object.keys(type?.getFields() ?? {}))
      expect(text).toMatch(new RegExp(`\\b${name}\\(| ${name} `));
  }
  const records = /^(Profile|Content|Conversion|Interaction)(Connection)?$/;
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || !/^(Profile|Content|Conversion|ConversionItem|Interaction)$/.test(type.name)) continue;
    for (const field of Object.values(type.getFields())) {
      const target = field.type.toString().replaceAll(/[[\]!]/g, '');
      if (records.test(target)) expect(text, `${type.name}.${field.name}`).toContain(`{ ${field.name}`);
    }
  }
});

describe.each(WAYS)('%s', (query, needed) => {
  test('runs for a caller with every scope, and one with just those it needs', async () => {
    const { status, body } = await fenced.query(query, {}, all);
    expect([status, body.errors]).toEqual([200, undefined]);
    // A record's own scopes are enough to be asked for.
    for (const scope of SCOPES.filter((other) => !needed.includes(other))) {
      expect((await fenced.query(query, {}, without.get(scope))).status, scope).toBe(200);
    }
  });

  test.each(needed)('is turned away without %s, and by the data itself', async (scope) => {
    const headers = without.get(scope) as Record<string, string>;
    const { status, body } = await fenced.query(query, {}, headers);
    expect([status, body.errors?.[0]?.extensions.code, body.data]).toEqual([403, 'FORBIDDEN', undefined]);
    expect(body.errors?.[0]?.message).toContain(scope);
    expect(fenced.upstream.calls).toEqual([]);

    const behind = await second.query(query, {}, headers);
    const calls = second.upstream.calls.map(({ method, path }) => `${method} ${path}`);
    expect(calls.filter((call) => PATHS[scope]?.test(call))).toEqual([]);
    // A payload's record is not read but answered: it is left out in silence.
    const silent = query.startsWith('mutation') && scope.endsWith(':read');
    if (silent) expect(JSON.stringify(behind.body.data)).toMatch(/"(profile|content|conversion|interaction)":null/);
    else if (query.includes('bulk')) expect(JSON.stringify(behind.body.data)).toContain('"NOT_ATTEMPTED"');
    else expect(behind.body.errors?.map(({ extensions }) => extensions.code)).toContain('FORBIDDEN');
  });
});

test('variables do not hide required scopes', async () => {
  const node = 'query N($id: ID!) { node(id: $id) { id } }';
  const { status } = await fenced.query(node, { id: id('profile') }, without.get('profiles:read'));
  expect(status).toBe(403);
  expect((await fenced.query(node, { id: ITEM }, without.get('profiles:read'))).status).toBe(200);
  const list = 'query L($f: ProfileFilter, $o: ProfileOrder) { profiles(filter: $f, orderBy: $o) { totalCount } }';
  const guess = { f: { email: 'ada@mail.example' } };
  expect((await fenced.query(list, guess, without.get('pii:read'))).status).toBe(403);
  const order = { o: { field: 'NAME', direction: 'ASC' } };
  expect((await fenced.query(list, order, without.get('pii:read'))).status).toBe(403);
  expect((await fenced.query(list, { f: { email: null } }, without.get('pii:read'))).status).toBe(200);
});

test('a fragment on another type than the id’s requires its scopes too', async () => {
  const query = `{ node(id: "${id('conversion')}") { ... on Profile { name } } }`;
  expect((await fenced.query(query, {}, without.get('profiles:read'))).status).toBe(403);
  expect((await fenced.query(query, {}, without.get('contents:read'))).body).toEqual({ data: { node: {} } });
});

test('a caller without scopes may ask for __typename', async () => {
  expect((await fenced.query('{ __typename }', {}, nothing)).body).toEqual({ data: { __typename: 'Query' } });
  expect((await fenced.query('{ profiles { totalCount } }', {}, nothing)).status).toBe(403);
});

test('a plan is refused to callers who may not run the operation', async () => {
  const { status } = await fenced.query('{ profiles { totalCount } }', {}, { ...nothing, 'x-upstream-plan': '1' });
  expect(status).toBe(403);
});
