import { beforeEach, describe, expect, it } from 'vitest';
import { type GraphqlResult, startWithSandbox, startWithUpstream, takeCalls } from '../helpers/gateway.ts';
import { interaction, item, profile, sale, times } from '../sandbox/client.ts';

const settings = {
  DATATRICS_PROFILE_SOURCES: 'shop,crm',
  DATATRICS_CONTENT_SOURCES: 'shop-EN',
  DATATRICS_CONVERSION_SOURCES: 'shop',
  DATATRICS_INTERACTION_SOURCES: 'mail',
};
const gateway = await startWithSandbox(settings, { empty: true });
const store = gateway.sandbox.store;
// Whether lists can be filtered is asked once; not in the midst of what is counted here.
await gateway.query('{ conversions(source: "shop") { totalCount } }');
beforeEach(() => {
  store.clear();
  gateway.sandbox.faults.clear();
  gateway.sandbox.requests.length = 0;
});

const calls = (): string[] => takeCalls(gateway.sandbox.requests);

/** The data of an operation that must not have errors. */
async function read(query: string, variables?: object): Promise<GraphqlResult['body']['data']> {
  const { body } = await gateway.query(query, variables);
  expect(body.errors).toBeUndefined();
  return body.data;
}

/** The calls of an operation, sorted, of which each must have been made once. */
function distinctCalls(): string[] {
  const made = calls().sort();
  expect(made).toEqual([...new Set(made)]);
  return made;
}

describe('the number of REST calls', () => {
  it('is one and then one per product for the lines of conversions', async () => {
    for (const id of times(8, (id) => id)) store.put('item', item(id, { name: `Lamp ${id}` }, { source: 'shop-EN' }));
    for (const id of times(20, Number)) {
      const items = times(5, Number).map((line) => ({ itemid: `${((id + line) % 8) + 1}`, name: 'Lamp' }));
      store.put('conversion', sale(`${id}`, { items }));
    }
    const { conversions } = await read('{ conversions { nodes { items { itemId content { contentId type } } } } }');
    const lines = conversions.nodes.flatMap((node: { items: object[] }) => node.items);
    expect(lines).toHaveLength(100);
    for (const { itemId, content } of lines) expect(content).toEqual({ contentId: itemId, type: 'ITEM' });
    expect(distinctCalls()).toHaveLength(9);
  });

  it('is one per profile for the conversions and one for the interactions of each', async () => {
    for (const id of times(10, (id) => id)) {
      store.put('profile', profile(id));
      for (const n of [1, 2]) store.put('conversion', sale(`${id}-${n}`, { profileid: id }));
      store.put('interaction', interaction(id, { profileid: id, event: 'open', datetime: '2024-05-01 10:00:00' }));
    }
    const { profiles } = await read(`{ profiles { nodes {
      profileId
      conversions { totalCount nodes { profileId } }
      interactions(event: "open") { totalCount nodes { profileId event } }
    } } }`);
    expect(profiles.nodes).toHaveLength(10);
    for (const { profileId, conversions, interactions } of profiles.nodes) {
      expect(conversions).toEqual({ totalCount: 2, nodes: [{ profileId }, { profileId }] });
      expect(interactions).toEqual({ totalCount: 1, nodes: [{ profileId, event: 'open' }] });
    }
    const made = distinctCalls();
    expect(made).toHaveLength(21);
    expect(made.filter((path) => path.startsWith('/sale?'))).toHaveLength(10);
  });

  it('does not grow with the depth of going back and forth between the same records', async () => {
    store.put('profile', profile('7', { name: 'Bo' }));
    for (const id of ['1', '2', '3']) store.put('conversion', sale(id, { profileid: '7' }));
    const { profile: bo } = await read(`{
      profile(profileId: "7") {
        conversions { nodes { profile { conversions { nodes { profile { name conversions { totalCount } } } } } } }
      }
    }`);
    const inner = bo.conversions.nodes[2].profile.conversions.nodes;
    expect(inner).toEqual(Array(3).fill({ profile: { name: 'Bo', conversions: { totalCount: 3 } } }));
    expect(distinctCalls()).toEqual([
      '/profile/7?source=shop',
      expect.stringMatching(/^\/sale\?limit=20&page=1&q%5Bprofileid%5D=7$/),
    ]);
  });
});

describe('the profile of a conversion', () => {
  const PROFILE = '{ conversion(conversionId: "1") { profileId profile { profileId source } } }';

  async function follow(fields: object): Promise<GraphqlResult['body']['data']> {
    store.put('conversion', sale('1', { source: 'shop', ...fields }));
    const { conversion } = await read(PROFILE);
    expect(calls().shift()).toBe('/sale/1?source=shop');
    return conversion;
  }

  it.each([
    ['profileid', { profileid: 'a' }, 'a'],
    ['profile_id where profileid is missing', { profile_id: 'b' }, 'b'],
    ['a profileid that is a number', { profileid: 12 }, '12'],
  ])('is found by %s', async (_, fields, id) => {
    for (const one of ['a', 'b', '12']) store.put('profile', profile(one));
    expect(await follow(fields)).toEqual({ profileId: id, profile: { profileId: id, source: 'shop' } });
  });

  it('is null without an error when it is nowhere', async () => {
    expect(await follow({ profileid: 'gone' })).toEqual({ profileId: 'gone', profile: null });
  });

  it.each([
    ['no id', {}, null],
    ['an empty id', { profileid: '' }, null],
    ['the id "."', { profileid: '.' }, '.'],
    ['the id ".."', { profile_id: '..' }, '..'],
    ['half a character as its id', { profileid: '\ud800' }, expect.any(String)],
    ['an object for an id', { profileid: { id: 7 } }, null],
  ])('is null without an error or a call where the conversion has %s', async (_, fields, profileId) => {
    store.put('conversion', sale('1', fields));
    const { body } = await gateway.query(PROFILE);
    expect(body).toEqual({ data: { conversion: { profileId, profile: null } } });
    expect(calls()).toEqual(['/sale/1?source=shop']);
  });
});

/** Each link that has a `source` argument, the configured sources of what it leads to, and the call it makes. */
const LINKS = [
  {
    name: 'conversion.profile',
    put: (source: string) => store.put('conversion', sale('1', { profileid: '7', source })),
    query: (args: string, source: string) =>
      `{ owner: conversion(conversionId: "1", source: "${source}") { link: profile${args} { source } } }`,
    add: (source: string) => store.put('profile', profile('7', { source })),
    call: (source: string) => `/profile/7?source=${source}`,
    configured: ['shop', 'crm'],
  },
  {
    name: 'interaction.profile',
    put: (source: string) =>
      store.put('interaction', { ...interaction('1', { profileid: '7', datetime: '' }), source: source }),
    query: (args: string, source: string) =>
      `{ owner: interaction(interactionId: "1", source: "${source}") { link: profile${args} { source } } }`,
    add: (source: string) => store.put('profile', profile('7', { source })),
    call: (source: string) => `/profile/7?source=${source}`,
    configured: ['shop', 'crm'],
  },
  {
    name: 'item.content',
    put: (source: string) => store.put('conversion', sale('1', { items: [{ itemid: 7 }], source })),
    query: (args: string, source: string) =>
      `{ owner: conversion(conversionId: "1", source: "${source}") { items { link: content${args} { source } } } }`,
    add: (source: string) => store.put('item', item('7', {}, { source })),
    call: (source: string) => `/content/7?source=${source}&type=item`,
    configured: ['shop-EN'],
  },
];

describe.each(LINKS)('the source of $name', ({ put, query, add, call, configured }) => {
  /** Where the link leads, and the calls that were made for it alone. */
  async function follow(own: string, args = ''): Promise<{ source: string | undefined; made: string[] }> {
    put(own);
    const { owner } = await read(query(args, own));
    const { link } = owner.items ? owner.items[0] : owner;
    return { source: link?.source, made: calls().slice(1) };
  }

  it('is tried in the configured ones in order, then in the owner’s own', async () => {
    expect(await follow('own')).toEqual({ source: undefined, made: [...configured, 'own'].map(call) });
    add('own');
    expect(await follow('own')).toEqual({ source: 'own', made: [...configured, 'own'].map(call) });
  });

  it('is the first one that has the record, and no other is asked', async () => {
    add('own');
    const last = configured.at(-1) as string;
    add(last);
    expect(await follow('own')).toEqual({ source: last, made: configured.map(call) });
    const first = configured[0] as string;
    add(first);
    expect(await follow('own')).toEqual({ source: first, made: [call(first)] });
  });

  it('is asked once when the owner’s own is among the configured ones', async () => {
    const own = configured[0] as string;
    expect(await follow(own)).toEqual({ source: undefined, made: configured.map(call) });
  });

  it('is the one that the client names, and that alone', async () => {
    for (const source of [...configured, 'own', 'named']) add(source);
    expect(await follow('own', '(source: "named")')).toEqual({ source: 'named', made: [call('named')] });
    expect(await follow('own', '(source: "none")')).toEqual({ source: undefined, made: [call('none')] });
    expect((await follow('own', '(source: null)')).source).toBe(configured[0]);
  });

  it('must not be empty', async () => {
    put('own');
    const { body } = await gateway.query(query('(source: "")', 'own'));
    expect(body.errors).toMatchObject([
      { path: expect.arrayContaining(['link']), extensions: { code: 'BAD_USER_INPUT' } },
    ]);
    expect(JSON.stringify(body.data)).toContain('"link":null');
    expect(calls()).toHaveLength(1);
  });

  it('that answers with an error fails the link, and nothing else', async () => {
    add('own');
    gateway.sandbox.faults.set({ match: { path: `source=${configured[0]}\\b` }, status: 400 });
    put('own');
    const { body } = await gateway.query(query('', 'own'));
    expect(body.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_REJECTED' } }]);
    expect(JSON.stringify(body.data)).toContain('"link":null');
    expect(calls()).toHaveLength(2);
  });
});

describe('the content of a line', () => {
  it('is the item of that id, or the category when that is asked for', async () => {
    store.put('conversion', sale('1', { items: [{ itemid: '7' }] }));
    store.put('item', item('7', { name: 'Lamp' }, { source: 'shop-EN' }));
    store.put('category', item('7', { name: 'Lamps' }, { source: 'shop-EN' }));
    const { conversion } = await read(`{ conversion(conversionId: "1") { items {
      content { type name } category: content(type: CATEGORY) { type name }
    } } }`);
    expect(conversion.items).toEqual([
      { content: { type: 'ITEM', name: 'Lamp' }, category: { type: 'CATEGORY', name: 'Lamps' } },
    ]);
    expect(distinctCalls()).toHaveLength(3);
  });

  it.each([[{}], [{ itemid: '' }], [{ itemid: '.' }], [{ itemid: '..' }], [{ itemid: null }], ['no object'], [null]])(
    'is null without an error or a call for the line %j',
    async (line) => {
      store.put('conversion', sale('1', { items: [line] }));
      const { conversion } = await read('{ conversion(conversionId: "1") { items { content { name } } } }');
      expect(conversion).toEqual({ items: [{ content: null }] });
      expect(calls()).toEqual(['/sale/1?source=shop']);
    },
  );
});

describe('what a profile has', () => {
  it('is found by its id alone, in all sources unless one is named', async () => {
    store.put('profile', profile('7'));
    for (const source of ['shop', 'crm']) {
      store.put('conversion', sale('1', { profileid: '7', source }));
      store.put('interaction', {
        ...interaction('1', { profileid: '7', event: 'open', datetime: '2024-05-01 10:00:00' }),
        source,
      });
    }
    store.put('conversion', sale('2', { profileid: '8' }));
    const { profile: bo } = await read(`{ profile(profileId: "7") {
      conversions { totalCount } inCrm: conversions(source: "crm") { nodes { source } }
      interactions { totalCount } fromCrm: interactions(source: "crm", event: "open") { nodes { source } }
      clicks: interactions(event: "click") { totalCount nodes { event } }
    } }`);
    expect(bo).toEqual({
      conversions: { totalCount: 2 },
      inCrm: { nodes: [{ source: 'crm' }] },
      interactions: { totalCount: 2 },
      fromCrm: { nodes: [{ source: 'crm' }] },
      clicks: { totalCount: 0, nodes: [] },
    });
  });
});

it('one link that fails for many parents is one call, and an error at each', async () => {
  const upstream = await startWithUpstream((call, res) => {
    if (call.path.includes('/sale')) return { total_items: 3, items: times(3, (id) => sale(id, { profileid: '7' })) };
    res.writeHead(400).end('{"status":400,"message":"no"}');
    return undefined;
  });
  const { body } = await upstream.query('{ conversions { nodes { profile { name } } } }');
  expect(body.errors).toHaveLength(3);
  expect(body.data.conversions.nodes).toEqual(Array(3).fill({ profile: null }));
  expect(takeCalls(upstream.upstream.calls)).toEqual(['/sale?limit=20&page=1', '/profile/7?source=shop']);
});
