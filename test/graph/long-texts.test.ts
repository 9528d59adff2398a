import { beforeEach, describe, expect, it } from 'vitest';
import { encodeGlobalId } from '../../src/datatrics/keys.ts';
import { type GraphqlResult, startWithUpstream, takeCalls } from '../helpers/gateway.ts';

/** 1,024 bytes; one byte more; a request's worth; and few characters of many bytes. */
const FITS = 'a'.repeat(1_024);
const FITS_TOO = '€'.repeat(341);
const LONG = ['a'.repeat(1_025), '€'.repeat(342), 'x'.repeat(300_000)];

/** The rows that the API answers with. */
let rows: object[] = [];
const gateway = await startWithUpstream(
  ({ method, path }) => {
    if (method !== 'GET') return { status: 200 };
    const [, id] = /\/profile\/([^?]+)/.exec(path) ?? [];
    if (id !== undefined) return { profileid: decodeURIComponent(id), source: 's' };
    return { items: rows, total_items: rows.length };
  },
  { DATATRICS_FILTERS: 'on' },
);
beforeEach(() => {
  rows = [];
  gateway.upstream.calls.length = 0;
});
const calls = (): string[] => takeCalls(gateway.upstream.calls);

/** Three times: the second run is compiled. */
async function ask(query: string, variables: object = {}, send = gateway.query): Promise<GraphqlResult['body']> {
  const first = (await send(query, variables)).body;
  for (const _run of [2, 3]) expect((await send(query, variables)).body).toEqual(first);
  return first;
}

async function expectRefused(query: string, variables: object, name: string): Promise<void> {
  const { errors } = await ask(query, variables);
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' }, message: expect.stringContaining(name) }]);
  expect(errors?.[0]?.message).toContain('1024 bytes');
  expect(calls()).toEqual([]);
}

const READS: [name: string, query: string][] = [
  ['profileId', 'query ($t: ID!) { profile(profileId: $t, source: "s") { profileId } }'],
  ['source', 'query ($t: String) { profile(profileId: "7", source: $t) { profileId } }'],
  ['source', 'query ($t: String) { profiles(source: $t) { totalCount } }'],
  ['filter.email', 'query ($t: String) { profiles(filter: { email: $t }) { totalCount } }'],
  ['filter.profileId', 'query ($t: ID) { conversions(filter: { profileId: $t }) { totalCount } }'],
];

describe.each(READS)('%s in %s', (name, query) => {
  it.each(LONG)('is refused when it is too long, without a call', async (text) => {
    await expectRefused(query, { t: text }, name);
  });

  it.each([FITS, FITS_TOO])('may have the maximum length', async (text) => {
    await ask(query, { t: text });
    expect(calls()[0]).toContain(encodeURIComponent(text));
  });
});

describe('a source that is too long on a link', () => {
  it.each([
    ['conversions(source: $t) { totalCount }'],
    ['interactions(source: $t) { totalCount }'],
    ['interactions(event: $t) { totalCount }'],
  ])('is refused alone: %s', async (field) => {
    const query = `query ($t: String) { profile(profileId: "7", source: "s") { profileId x: ${field} } }`;
    const { data, errors } = await ask(query, { t: LONG[0] });
    expect(data).toEqual({ profile: { profileId: '7', x: null } });
    expect(errors).toMatchObject([{ path: ['profile', 'x'], extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(new Set(calls())).toEqual(new Set(['/profile/7?source=s']));
  });
});

describe('an id, cursor or token that is too long', () => {
  it.each([
    ['an id of a long id', encodeGlobalId('1', { resource: 'profile', source: 's', id: LONG[0] as string })],
    ['an id of a long source', encodeGlobalId('1', { resource: 'profile', source: LONG[1] as string, id: '7' })],
    ['a long text', 'A'.repeat(300_000)],
  ])('is null: %s', async (_, id) => {
    const query = 'query ($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }';
    expect(await ask(query, { id })).toEqual({ data: { node: null, nodes: [null] } });
    expect(calls()).toEqual([]);
  });

  it('does not include the id of a record with the longest texts, all of them escaped', async () => {
    const texts = [':'.repeat(1_024), '%'.repeat(1_024)] as const;
    const id = encodeGlobalId('1', { resource: 'profile', source: texts[0], id: texts[1] });
    await ask('query ($id: ID!) { node(id: $id) { id } }', { id });
    const path = `/profile/${encodeURIComponent(texts[1])}?source=${encodeURIComponent(texts[0])}`;
    expect(calls().map((call) => call === path)).toEqual([true, true, true]);
  });

  it('is refused as a cursor', async () => {
    for (const name of ['after', 'before']) {
      const { errors } = await ask(`query ($c: String) { profiles(${name}: $c) { totalCount } }`, { c: LONG[2] });
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    }
    expect(calls()).toEqual([]);
  });

  it('is refused as a resume token', async () => {
    const { errors } = await ask(
      'mutation ($t: String) { bulkUpsertProfiles(input: { items: [{ profileId: "7", source: "s" }], resumeToken: $t }) { resumeToken } }',
      { t: 'A'.repeat(300_000) },
    );
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(calls()).toEqual([]);
  });

  it('is null as a representation', async () => {
    const [long] = LONG;
    const representations = [
      { __typename: 'Profile', profileId: long, source: 's' },
      { __typename: 'Profile', profileId: '7', source: long },
      { __typename: 'Profile', id: 'A'.repeat(300_000) },
      { __typename: 'Profile', profileId: '7', source: 's' },
    ];
    const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Profile { profileId } } }';
    const { data, errors } = await ask(query, { r: representations }, gateway.subgraph);
    expect(data).toEqual({ _entities: [null, null, null, { profileId: '7' }] });
    expect(errors).toMatchObject([
      { path: ['_entities', 0], extensions: { code: 'BAD_USER_INPUT' } },
      { path: ['_entities', 1], extensions: { code: 'BAD_USER_INPUT' } },
    ]);
    expect(new Set(calls())).toEqual(new Set(['/profile/7?source=s']));
  });
});

describe('writes with a text that is too long', () => {
  const [long] = LONG;
  const WRITES: [mutation: string, type: string, input: object, field: string[]][] = [
    ['createProfile', 'ProfileInput', { profileId: long, source: 's' }, ['profileId']],
    ['updateProfile', 'ProfileInput', { profileId: '7', source: long }, ['source']],
    ['deleteContent', 'DeleteContentInput', { contentId: '7', source: long }, ['source']],
    [
      'createConversion',
      'ConversionInput',
      { conversionId: '7', source: 's', items: [{}, { itemId: long }] },
      ['items', '1', 'itemId'],
    ],
    ['createInteraction', 'InteractionInput', { interactionId: '7', source: 's', emailId: long }, ['emailId']],
  ];
  it.each(WRITES)('is INVALID in userErrors, without a call: %s of %s', async (mutation, type, input, field) => {
    const query = `mutation ($i: ${type}!) { it: ${mutation}(input: $i) { userErrors { code field message } } }`;
    expect(await ask(query, { i: input })).toEqual({
      data: {
        it: { userErrors: [{ code: 'INVALID', field, message: `${field.at(-1)} must have at most 1024 bytes.` }] },
      },
    });
    expect(calls()).toEqual([]);
  });

  it('is rejected in bulk, and the rest is sent', async () => {
    const query = `mutation ($items: [ProfileInput!]!) {
      bulkUpsertProfiles(input: { items: $items }) { results { outcome userErrors { code field } } }
    }`;
    const items = [
      { profileId: long, source: 's' },
      { profileId: '7', source: 's' },
    ];
    const { data } = await ask(query, { items });
    expect(data.bulkUpsertProfiles.results[0]).toEqual({
      outcome: 'REJECTED',
      userErrors: [{ code: 'INVALID', field: ['items', '0', 'profileId'] }],
    });
    expect(gateway.upstream.calls[0]?.body).toBe('{"profiles":[{"profileid":"7","source":"s","profile":{}}]}');
  });
});

describe('a row of the API', () => {
  it('whose id or source is too long is null with an error', async () => {
    rows = [
      { profileid: LONG[0], source: 's' },
      { profileid: '7', source: LONG[0] },
      { profileid: '8', source: 's' },
    ];
    const { data, errors } = await ask('{ profiles { nodes { profileId } } }');
    expect(data.profiles.nodes).toEqual([null, null, { profileId: '8' }]);
    expect(errors?.map(({ path, extensions }) => [path?.at(-1), extensions.code])).toEqual([
      [0, 'UPSTREAM_INVALID_RESPONSE'],
      [1, 'UPSTREAM_INVALID_RESPONSE'],
    ]);
  });

  it('that refers to an id that is too long leads nowhere, without a call', async () => {
    const [, , huge] = LONG;
    rows = [{ conversionid: '1', source: 's', profileid: huge, items: [{ itemid: huge }] }];
    const { data } = await ask('{ conversions { nodes { profileId profile { id } items { content { id } } } } }');
    expect(data.conversions.nodes).toEqual([{ profileId: huge, profile: null, items: [{ content: null }] }]);
    expect(new Set(calls())).toEqual(new Set(['/sale?limit=20&page=1']));
  });
});
