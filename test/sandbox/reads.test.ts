import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.ts';
import { createClient, expectRefusal, interaction, item, profile, sale, times } from './client.ts';

const sandbox = await startSandbox({ empty: true });
afterAll(() => sandbox.close());
const api = createClient(sandbox);
const { store } = sandbox;
beforeEach(() => store.clear());

async function ids(path: string): Promise<string[]> {
  const { json } = await api.get(path);
  return json.items.map((row: Record<string, string>) =>
    row.profileid && path.startsWith('/profile') ? row.profileid : (row.conversionid ?? row.interactionid ?? row.id),
  );
}

describe('a record', () => {
  it('is read by id and source, and returned as stored', async () => {
    const record = profile('7', { name: 'Bo', company: 'Acme', 'my field': 1 });
    store.put('profile', record);
    const reply = await api.get('/profile/7?source=shop');
    expect([reply.status, reply.json]).toEqual([200, record]);
    expect(reply.headers.get('content-type')).toBe('application/json');
  });

  it('is another record under another source', async () => {
    store.put('profile', profile('7', { name: 'Bo' }));
    store.put('profile', profile('7', { name: 'Boris', source: 'Magento 2' }));
    expect((await api.get('/profile/7?source=shop')).json.name).toBe('Bo');
    expect((await api.get('/profile/7?source=Magento%202')).json.name).toBe('Boris');
    expect((await api.get('/profile/7?source=Magento+2')).json.name).toBe('Boris');
    expectRefusal(await api.get('/profile/7?source=SHOP'), 404, /record/);
  });

  it.each(['A/B 1#x+%', 'a?b=c&d', '..%2F..', 'Łódź', 'bulk', '__proto__'])('may have the id %s', async (id) => {
    store.put('profile', profile(id));
    expect((await api.get(`/profile/${encodeURIComponent(id)}?source=shop`)).json.profileid).toBe(id);
  });

  it('whose id is a number in JSON is found by its text', async () => {
    store.put('item', { id: 12, name: 'Lamp', metadata: { source: 'shop' } });
    expect((await api.get('/content/12?source=shop&type=item')).json.id).toBe(12);
  });

  it.each([
    ['/profile/1', /source/],
    ['/profile/1?source=', /source/],
    ['/content/1?source=shop', /type/],
    ['/content/1?source=shop&type=items', /type/],
    ['/content', /type/],
  ])('at %s needs the missing parameter', async (path, name) => {
    expectRefusal(await api.get(path), 400, name);
  });
});

describe('a list', () => {
  it.each([
    ['/profile', 'profile', 'total_elements', 'total_pages', 100],
    ['/content?type=item', 'item', 'totalElements', 'totalPages', 500],
    ['/content?type=category', 'category', 'totalElements', 'totalPages', 500],
    ['/sale', 'conversion', 'total_items', 'total_pages', 500],
    ['/interaction', 'interaction', 'total_items', 'total_pages', 500],
  ] as const)('at %s of kind %s has %s and %s, and pages of %i', async (path, kind, elements, pages, limit) => {
    const make = { profile, item, category: item, conversion: sale, interaction }[kind];
    for (const record of times(limit + 1, (id) => make(id))) store.put(kind, record);
    const { json } = await api.get(path);
    expect({ ...json, items: json.items.length }).toEqual({
      ...{ [elements]: limit + 1, [pages]: 2, page: 1 },
      ...{ size: limit, items: limit },
    });
  });

  it('has profiles oldest first and all else newest first', async () => {
    for (const [id, created] of Object.entries({ 1: '2024-02-02 00:00:00', 2: '2024-01-01 00:00:00' })) {
      store.put('profile', profile(id, { created }));
      store.put('item', item(id, {}, { created }));
      store.put('conversion', sale(id, { created }));
      store.put('interaction', interaction(id, { datetime: created }));
    }
    expect(await ids('/profile')).toEqual(['2', '1']);
    for (const path of ['/content?type=item', '/sale', '/interaction']) expect(await ids(path)).toEqual(['1', '2']);
  });

  it('has pages, of which one past the end is empty', async () => {
    for (const record of times(5, (id) => profile(id))) store.put('profile', record);
    const page = { total_elements: 5, total_pages: 3 };
    expect((await api.get('/profile?limit=2&page=2')).json).toMatchObject({ ...page, page: 2, size: 2 });
    expect(await ids('/profile?limit=2&page=3')).toEqual(['5']);
    expect((await api.get('/profile?limit=2&page=4')).json).toEqual({ ...page, page: 4, size: 0, items: [] });
  });

  it.each(['page=0', 'page=x', 'limit=0', 'limit=1.5', 'limit=99999999999999999', 'order=2'])(
    'refuses %s',
    async (query) => {
      expectRefusal(await api.get(`/profile?${query}`), 400, new RegExp(query.split('=')[0] as string));
    },
  );

  it('leaves the totals out on includecount=0', async () => {
    expect(Object.keys((await api.get('/sale?includecount=0')).json)).toEqual(['page', 'size', 'items']);
  });

  it('of profiles takes a source; other lists ignore it', async () => {
    store.put('profile', profile('1'));
    store.put('profile', profile('2', { source: 'crm' }));
    store.put('conversion', sale('1'));
    expect(await ids('/profile?source=crm')).toEqual(['2']);
    expect(await ids('/sale?source=nowhere')).toEqual(['1']);
  });

  it('shows writes at once', async () => {
    store.put('profile', profile('1'));
    expect(await ids('/profile?q[source]=shop')).toEqual(['1']);
    store.put('profile', profile('2', { created: '2023-01-01 00:00:00' }));
    expect(await ids('/profile?q[source]=shop')).toEqual(['2', '1']);
    store.delete('profile', 'shop', '1');
    expect(await ids('/profile?q[source]=shop')).toEqual(['2']);
  });
});

describe('sorting', () => {
  it('puts missing values first, then numbers, then texts, each in order', async () => {
    const values = [10, 'b', null, 9, 'a', undefined, '', true];
    for (const [id, rank] of values.entries()) store.put('profile', profile(`${id}`, { rank }));
    expect(await ids('/profile?sort=rank')).toEqual(['2', '5', '3', '0', '6', '4', '1', '7']);
  });

  it('keeps ties in the order of their first write, and reverses them exactly, under metadata too', async () => {
    for (const record of times(30, (id) => item(id, {}, { group: Number(id) % 3 }))) store.put('item', record);
    const up = await ids('/content?type=item&sort=group&order=1');
    const down = await ids('/content?type=item&sort=group&order=-1');
    expect(up.slice(0, 4)).toEqual(['3', '6', '9', '12']);
    expect(down).toEqual(up.toReversed());
    const filtered = await ids('/content?type=item&sort=group&order=-1&q[group][$in][]=0&q[group][$in][]=2');
    expect(filtered).toEqual(down.filter((id) => Number(id) % 3 !== 1));
  });
});

describe('filters', () => {
  it('compare for equality by text, in top-level and metadata fields', async () => {
    store.put('conversion', sale('1', { profileid: '9', goalid: -1 }));
    store.put('conversion', sale('2', { profileid: 9, goalid: 3 }));
    store.put('conversion', sale('3', { profileid: '99' }));
    store.put('interaction', interaction('1', { profileid: '9', event: 'open' }));
    store.put('interaction', interaction('2', { profileid: '9', event: 'click' }));
    expect(await ids('/sale?order=1&q[profileid]=9')).toEqual(['1', '2']);
    expect(await ids('/sale?q[source]=shop&q[goalid]=-1')).toEqual(['1']);
    expect(await ids('/interaction?q[profileid]=9&q[event]=click')).toEqual(['2']);
    expect(await ids('/sale?q[constructor]=x')).toEqual([]);
    expect((await api.get('/sale?q[profileid]=9&limit=1')).json).toMatchObject({ total_items: 2, total_pages: 2 });
  });

  it('take ranges of texts, with brackets as they are or encoded', async () => {
    const created = ['', '2024-01-01 00:00:00', '2024-02-01 00:00:00', '2024-03-01 00:00:00'];
    for (const [id, time] of created.entries()) store.put('conversion', sale(`${id}`, { created: time }));
    store.put('conversion', { conversionid: 'none', source: 'shop', total: 7 });
    // As in MongoDB, a number is in no range of texts.
    expect(await ids('/sale?q[total][$gte]=5')).toEqual([]);
    expect(await ids('/sale?q[created][$gte]=2024-02-01')).toEqual(['3', '2']);
    expect(await ids('/sale?q%5Bcreated%5D%5B%24lte%5D=2024-02-01+00%3A00%3A00')).toEqual(['2', '1', '0']);
    expect(await ids('/sale?q[created][$gte]=2024-01-15&q[created][$lte]=2024-02-15')).toEqual(['2']);
  });

  it.each(['q[a][$gt]=1', 'q[a][]=1', 'q[a][$in]=1', 'q[a][$gte][]=1', 'q[]=1', 'q=a', 'q[a][b][c]=1'])(
    'refuse %s',
    async (query) => {
      expectRefusal(await api.get(`/sale?${query}`), 400, /filter/);
    },
  );
});
