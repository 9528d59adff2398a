import { beforeEach, describe, expect, it } from 'vitest';
import { encodeGlobalId } from '../../src/datatrics/keys.ts';
import { type GraphqlResult, startWithSandbox, startWithUpstream, takeCalls } from '../helpers/gateway.ts';
import { interaction, item, profile, sale } from '../sandbox/client.ts';

type Data = GraphqlResult['body']['data'];

const settings = {
  DATATRICS_FILTERS: 'on',
  DATATRICS_PROFILE_SOURCES: 'shop,crm,Magento 2',
  DATATRICS_CONTENT_SOURCES: 'shop,crm',
  DATATRICS_CONVERSION_SOURCES: 'shop,crm',
  DATATRICS_INTERACTION_SOURCES: 'mail,crm',
};
const gateway = await startWithSandbox(settings, { empty: true, project: '123456' });
const store = gateway.sandbox.store;
beforeEach(() => {
  store.clear();
  gateway.sandbox.requests.length = 0;
});

const calls = (): string[] => takeCalls(gateway.sandbox.requests);

async function read(query: string, variables?: object): Promise<Data> {
  const { body } = await gateway.query(query, variables);
  expect(body.errors).toBeUndefined();
  return body.data;
}

/** Expects one refusal of the client's input, with every root field null and no call. */
async function expectRefused(query: string, variables?: object, by = gateway): Promise<string> {
  const { status, body } = await by.query(query, variables);
  expect(status).toBe(200);
  expect(body.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  expect(Object.values(body.data ?? {})).toEqual(body.data ? [null] : []);
  expect(calls()).toEqual([]);
  return body.errors?.[0]?.message ?? '';
}

/** The five kinds of records that have an id of their own, and how one is asked for by it. */
const KINDS = [
  { kind: 'profile', type: 'Profile', field: 'profile', args: '', source: 'shop', path: '/profile/' },
  { kind: 'item', type: 'Content', field: 'content', args: '', source: 'shop', path: '/content/' },
  { kind: 'category', type: 'Content', field: 'content', args: ', type: CATEGORY', source: 'shop', path: '/content/' },
  { kind: 'conversion', type: 'Conversion', field: 'conversion', args: '', source: 'shop', path: '/sale/' },
  { kind: 'interaction', type: 'Interaction', field: 'interaction', args: '', source: 'mail', path: '/interaction/' },
].map((kind) => ({
  ...kind,
  idField: `${kind.field}Id`,
  query: kind.type === 'Content' ? `&type=${kind.kind}` : '',
  put(id: string, source: string) {
    if (kind.kind === 'profile') store.put('profile', profile(id, { source }));
    else if (kind.kind === 'conversion') store.put('conversion', sale(id, { source }));
    else if (kind.kind === 'interaction') store.put('interaction', { ...interaction(id, { datetime: '' }), source });
    else store.put(kind.kind as 'item', item(id, {}, { source, objecttype: kind.kind }));
  },
}));
const PROFILE = KINDS[0] as Kind;

type Kind = (typeof KINDS)[number];

function findQuery({ field, idField, args }: Kind): string {
  return `query ($id: ID!, $source: String) {
    found: ${field}(${idField}: $id, source: $source${args}) { __typename id recordId: ${idField} source }
  }`;
}

async function find(kind: Kind, id: string, source: string | null): Promise<Data> {
  return (await read(findQuery(kind), { id, source })).found;
}

const NODE = 'query ($id: ID!) { node(id: $id) { __typename id } }';

describe('the global id', () => {
  it('of a profile is the same from every path', async () => {
    store.put('profile', profile('7'));
    store.put('conversion', sale('1', { profileid: 7 }));
    store.put('interaction', interaction('1', { profileid: '7', datetime: '' }));
    const { id } = await find(PROFILE, '7', 'shop');
    const data = await read(
      `query ($id: ID!) {
        configured: profile(profileId: "7") { id }
        profiles { nodes { id } edges { node { id } } }
        bySource: profiles(source: "shop") { nodes { id } }
        conversion(conversionId: "1") { profile { id } named: profile(source: "shop") { id } }
        interaction(interactionId: "1") { profile { id } }
        node(id: $id) { id }
        nodes(ids: [$id]) { id }
      }`,
      { id },
    );
    expect(data).toEqual({
      configured: { id },
      profiles: { nodes: [{ id }], edges: [{ node: { id } }] },
      bySource: { nodes: [{ id }] },
      conversion: { profile: { id }, named: { id } },
      interaction: { profile: { id } },
      node: { id },
      nodes: [{ id }],
    });
  });

  it('of content is the same from every path, and another for an item and a category', async () => {
    store.put('item', item('7'));
    store.put('category', item('7'));
    store.put('conversion', sale('1', { items: [{ itemid: 7 }] }));
    const data = await read(`{
      item: content(contentId: "7") { id }
      category: content(contentId: "7", type: CATEGORY) { id }
      items: contents { nodes { id } edges { node { id } } }
      categories: contents(type: CATEGORY) { nodes { id } }
      conversion(conversionId: "1") { items { content { id } category: content(type: CATEGORY) { id } } }
    }`);
    const { item: one, category } = data;
    expect(one.id).not.toBe(category.id);
    expect(data).toEqual({
      item: one,
      category,
      items: { nodes: [one], edges: [{ node: one }] },
      categories: { nodes: [category] },
      conversion: { items: [{ content: one, category }] },
    });
    const node = 'query ($id: ID!) { node(id: $id) { id ... on Content { type } } }';
    expect(await read(node, { id: one.id })).toEqual({ node: { ...one, type: 'ITEM' } });
    expect(await read(node, { id: category.id })).toEqual({ node: { ...category, type: 'CATEGORY' } });
  });

  it('does not depend on how the API writes the record: number or text, with its source or without', async () => {
    const upstream = await startWithUpstream(({ path }) =>
      path.includes('/profile/')
        ? { profileid: 7, name: 'Bo' }
        : { items: [{ profileid: '7', metadata: { source: 'shop' } }], total_elements: 1 },
    );
    const { body } = await upstream.query(`{
      profile(profileId: "7", source: "shop") { id profileId source }
      profiles { nodes { id profileId source } }
    }`);
    expect(body.data.profile).toMatchObject({ profileId: '7', source: 'shop' });
    expect(body.data.profiles.nodes).toEqual([body.data.profile]);
  });
});

describe('node and nodes', () => {
  it('keep the order of the ids, repetitions and gaps included', async () => {
    const ids: string[] = [];
    for (const kind of KINDS) {
      kind.put('7', kind.source);
      ids.push((await find(kind, '7', kind.source)).id);
    }
    const [a, b, c, d, e] = ids as [string, string, string, string, string];
    const asked = [e, 'nothing', a, c, a, '', d, b];
    const { nodes } = await read('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: asked });
    expect(nodes.map((node: { id: string } | null) => node?.id ?? null)).toEqual([e, null, a, c, a, null, d, b]);
    expect(await read('{ nodes(ids: []) { id } }')).toEqual({ nodes: [] });
  });

  it('give null without an error for a record that is gone', async () => {
    store.put('profile', profile('7'));
    const { id } = await find(PROFILE, '7', 'shop');
    store.delete('profile', 'shop', '7');
    calls();
    const data = await read('query ($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }', { id });
    expect(data).toEqual({ node: null, nodes: [null] });
    expect(calls()).toEqual(['/profile/7?source=shop']);
  });

  const ours = encodeGlobalId('123456', { resource: 'profile', source: 'shop', id: '7' });
  const encode = (text: string): string => Buffer.from(text).toString('base64url');

  it('find a record by the id that the ids below are variations of', async () => {
    store.put('profile', profile('7'));
    expect(await read(NODE, { id: ours })).toEqual({ node: { __typename: 'Profile', id: ours } });
  });

  it.each([
    ['nothing', ''],
    ['text', 'no id'],
    ['a number', '7'],
    ['an id of another gateway', encode('Profile:7')],
    ['an id of another project', encodeGlobalId('123457', { resource: 'profile', source: 'shop', id: '7' })],
    ['an id of a record ".."', encodeGlobalId('123456', { resource: 'profile', source: 'shop', id: '..' })],
    ['content without a type', encodeGlobalId('123456', { resource: 'content', source: 'shop', id: '7' })],
    ['an id with one more letter', `${ours}A`],
    ['a very long text', 'A'.repeat(100_000)],
  ])('give null without an error or a call for %s', async (_, id) => {
    store.put('profile', profile('7'));
    const data = await read('query ($id: ID!) { node(id: $id) { id } nodes(ids: [$id, $id]) { id } }', { id });
    expect(data).toEqual({ node: null, nodes: [null, null] });
    expect(calls()).toEqual([]);
  });

  it('give null with an error for the one that fails, and the others all the same', async () => {
    const ids = ['1', '2', '3'].map((id) => encodeGlobalId('123456', { resource: 'profile', source: 'shop', id }));
    for (const id of ['1', '2', '3']) store.put('profile', profile(id));
    gateway.sandbox.faults.set({ match: { path: '/profile/2' }, status: 403 });
    const { body } = await gateway.query('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids });
    gateway.sandbox.faults.clear();
    expect(body.data).toEqual({ nodes: [{ id: ids[0] }, null, { id: ids[2] }] });
    expect(body.errors).toMatchObject([{ path: ['nodes', 1], extensions: { code: 'FORBIDDEN' } }]);
  });
});

describe('in the path to the API', () => {
  const UNUSUAL: [id: string, segment: string][] = [
    ['a/b', 'a%2Fb'],
    ['A/B 1#x+%', 'A%2FB%201%23x%2B%25'],
    ['Łódź', '%C5%81%C3%B3d%C5%BA'],
    ['...', '...'],
    ['../sale/1', '..%2Fsale%2F1'],
    ['%2e%2e', '%252e%252e'],
    ['..%2F..', '..%252F..'],
    ['7?source=crm', '7%3Fsource%3Dcrm'],
    ['a\r\nx-y: z', 'a%0D%0Ax-y%3A%20z'],
    ['a\u0000b', 'a%00b'],
    ['{project}', '%7Bproject%7D'],
    ["$'", "%24'"],
    ['__proto__', '__proto__'],
    ['a;b,c@d', 'a%3Bb%2Cc%40d'],
  ];

  it.each(UNUSUAL)('the id %j is escaped, and the record found', async (id, segment) => {
    for (const kind of KINDS) {
      kind.put(id, 'shop');
      const found = await find(kind, id, 'shop');
      expect(found).toMatchObject({ __typename: kind.type, recordId: id, source: 'shop' });
      expect(gateway.sandbox.requests.splice(0).map(({ path }) => path)).toEqual([
        `/2.0/project/123456${kind.path}${segment}?source=shop${kind.query}`,
      ]);
      expect(await read(NODE, { id: found.id })).toEqual({ node: { __typename: kind.type, id: found.id } });
      expect(calls()).toEqual([`${kind.path}${segment}?source=shop${kind.query}`]);
    }
  });

  it.each(UNUSUAL)('the id %j is escaped when a link leads to it, by its id and by a filter', async (id, segment) => {
    store.put('profile', profile(id));
    store.put('item', item(id));
    store.put('conversion', sale('1', { profileid: id, items: [{ itemid: id }] }));
    const data = await read(
      '{ conversion(conversionId: "1") { items { content { contentId } } profile { profileId conversions { totalCount } } } }',
    );
    expect(data.conversion).toEqual({
      items: [{ content: { contentId: id } }],
      profile: { profileId: id, conversions: { totalCount: 1 } },
    });
    expect(calls().sort()).toEqual(
      [
        '/sale/1?source=shop',
        `/profile/${segment}?source=shop`,
        `/content/${segment}?source=shop&type=item`,
        `/sale?limit=20&page=1&q%5Bprofileid%5D=${segment}`,
      ].sort(),
    );
  });

  it.each(UNUSUAL)('the source %j is escaped, on a record and on a list', async (source, escaped) => {
    store.put('profile', profile('7', { source }));
    expect(await find(PROFILE, '7', source)).toMatchObject({ recordId: '7', source });
    const { profiles } = await read('query ($source: String) { profiles(source: $source) { nodes { source } } }', {
      source,
    });
    expect(profiles.nodes).toEqual([{ source }]);
    expect(calls()).toEqual([`/profile/7?source=${escaped}`, `/profile?limit=20&page=1&source=${escaped}`]);
  });
});

describe.each(KINDS)('a read of one $kind by its id', (kind) => {
  it.each([[''], ['.'], ['..'], ['\ud800'], ['a\udc00']])('refuses the id %j without a call', async (id) => {
    const message = await expectRefused(findQuery(kind), { id, source: 'shop' });
    expect(message).toContain(kind.idField);
    await expectRefused(findQuery(kind), { id });
  });

  it('refuses a source that is empty or no text, without a call', async () => {
    expect(await expectRefused(findQuery(kind), { id: '7', source: '' })).toContain('source');
    expect(await expectRefused(findQuery(kind), { id: '7', source: '\udfff' })).toContain('source');
  });

  it('tries the configured sources in order until it is found', async () => {
    const configured = { profile: ['shop', 'crm', 'Magento%202'], interaction: ['mail', 'crm'] };
    const sources = configured[kind.kind as 'profile'] ?? ['shop', 'crm'];
    const path = (source: string): string => `${kind.path}7?source=${source}${kind.query}`;
    expect(await find(kind, '7', null)).toBeNull();
    expect(calls()).toEqual(sources.map(path));
    kind.put('7', 'other');
    kind.put('7', 'crm');
    expect(await find(kind, '7', null)).toMatchObject({ source: 'crm' });
    expect(calls()).toEqual(sources.slice(0, 2).map(path));
    kind.put('7', kind.source);
    expect(await find(kind, '7', null)).toMatchObject({ source: kind.source });
    expect(calls()).toEqual([path(sources[0] as string)]);
  });

  it('reads only the given source', async () => {
    kind.put('7', kind.source);
    expect(await find(kind, '7', 'none')).toBeNull();
    expect(calls()).toEqual([`${kind.path}7?source=none${kind.query}`]);
  });
});

it.each([
  ['profiles', '{ profiles(source: "") { totalCount } }'],
  ['contents', '{ contents(source: "") { totalCount } }'],
  ['conversions', '{ conversions(source: "") { totalCount } }'],
  ['interactions', '{ interactions(source: "") { totalCount } }'],
])('a list of %s refuses an empty source without a call', async (_, query) => {
  expect(await expectRefused(query)).toContain('source');
});

describe('without configured sources', async () => {
  const bare = await startWithUpstream(({ path }) =>
    path.includes('/sale/') ? sale('1', { source: 'web', profileid: '7' }) : profile('7', { source: 'web' }),
  );

  it.each(KINDS)('a read of one $kind that names no source is refused without a call', async (kind) => {
    const { body } = await bare.query(findQuery(kind), { id: '7' });
    expect(body.data).toEqual({ found: null });
    expect(body.errors).toMatchObject([
      {
        message: expect.stringMatching(new RegExp(`source.*DATATRICS_${kind.field.toUpperCase()}_SOURCES`)),
        path: ['found'],
        extensions: { code: 'BAD_USER_INPUT' },
      },
    ]);
    expect(bare.upstream.calls).toEqual([]);
  });

  it('a link leads to the owner’s own source', async () => {
    const { body } = await bare.query('{ conversion(conversionId: "1", source: "web") { profile { source } } }');
    expect(body).toEqual({ data: { conversion: { profile: { source: 'web' } } } });
    expect(takeCalls(bare.upstream.calls)).toEqual(['/sale/1?source=web', '/profile/7?source=web']);
  });
});

it('a record that says it is of another source is found by the id that it has, and not by the other', async () => {
  const upstream = await startWithUpstream(() => profile('7', { source: 'Shop' }));
  const idOf = (source: string): string => encodeGlobalId('1', { resource: 'profile', source, id: '7' });
  const { body } = await upstream.query('{ profile(profileId: "7", source: "shop") { id source } }');
  expect(body).toEqual({ data: { profile: { id: idOf('Shop'), source: 'Shop' } } });
  expect((await upstream.query(NODE, { id: idOf('shop') })).body).toEqual({ data: { node: null } });
  expect((await upstream.query(NODE, { id: idOf('Shop') })).body.data.node.id).toBe(idOf('Shop'));
});
