import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.ts';
import { createClient, expectRefusal, interaction, item, profile, sale, times } from './client.ts';

const sandbox = await startSandbox({ empty: true });
afterAll(() => sandbox.close());
const api = createClient(sandbox);
beforeEach(() => sandbox.store.clear());

describe('a record', () => {
  it('is read by id and source, and answered as it stands', async () => {
    const record = profile('7', { name: 'Bo', company: 'Acme', 'my field': 1 });
    sandbox.store.put('profile', record);
    const reply = await api.get('/profile/7?source=shop');
    expect(reply.status).toBe(200);
    expect(reply.json).toEqual(record);
    expect(reply.headers.get('content-type')).toBe('application/json');
    expect(Number(reply.headers.get('content-length'))).toBe(Buffer.byteLength(reply.text));
  });

  it('is read from each of the five sets', async () => {
    sandbox.store.put('item', item('1', { name: 'Lamp' }));
    sandbox.store.put('category', item('1', { name: 'Lamps' }));
    sandbox.store.put('conversion', sale('1', { total: 5 }));
    sandbox.store.put('interaction', interaction('1', { event: 'open' }));
    expect((await api.get('/content/1?source=shop&type=item')).json.name).toBe('Lamp');
    expect((await api.get('/content/1?source=shop&type=category')).json.name).toBe('Lamps');
    expect((await api.get('/sale/1?source=shop')).json.total).toBe(5);
    expect((await api.get('/interaction/1?source=mail')).json.metadata.event).toBe('open');
  });

  it('is another one under another source', async () => {
    sandbox.store.put('profile', profile('7', { name: 'Bo' }));
    sandbox.store.put('profile', profile('7', { name: 'Boris', source: 'Magento 2' }));
    expect((await api.get('/profile/7?source=shop')).json.name).toBe('Bo');
    expect((await api.get('/profile/7?source=Magento%202')).json.name).toBe('Boris');
    expect((await api.get('/profile/7?source=Magento+2')).json.name).toBe('Boris');
    expectRefusal(await api.get('/profile/7?source=SHOP'), 404, /record/);
  });

  it.each(['abc:123', 'A/B 1#x+%', 'a?b=c&d', '..%2F..', 'Łódź', 'bulk', '__proto__', '+'])(
    'may have the id %s',
    async (id) => {
      sandbox.store.put('profile', profile(id));
      const reply = await api.get(`/profile/${encodeURIComponent(id)}?source=shop`);
      expect(reply.json.profileid).toBe(id);
    },
  );

  it('whose id is a number in JSON is found by its text', async () => {
    sandbox.store.put('item', { id: 12, name: 'Lamp', metadata: { source: 'shop' } });
    expect((await api.get('/content/12?source=shop&type=item')).json.id).toBe(12);
  });

  it('needs a source', async () => {
    for (const path of ['/profile/1', '/content/1?type=item', '/sale/1', '/interaction/1', '/profile/1?source=']) {
      expectRefusal(await api.get(path), 400, /source/);
    }
  });

  it('of content needs a type, in the singular', async () => {
    for (const query of ['', '&type=items', '&type=product', '&type=__proto__']) {
      expectRefusal(await api.get(`/content/1?source=shop${query}`), 400, /type/);
    }
  });

  it('that is unknown is 404', async () => {
    expectRefusal(await api.get('/profile/1?source=shop'), 404, /record/);
    expectRefusal(await api.get('/content/1?source=shop&type=item'), 404, /record/);
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
    for (const record of times(limit + 1, (id) => make(id))) sandbox.store.put(kind, record);
    const { json } = await api.get(path);
    const counts = { [elements]: limit + 1, [pages]: 2, page: 1, size: limit };
    expect({ ...json, items: json.items.length }).toEqual({ ...counts, items: limit });
    expect(Object.keys(json)).toEqual([elements, pages, 'page', 'size', 'items']);
  });

  it('has profiles oldest first and all else newest first', async () => {
    for (const [id, created] of [
      ['1', '2024-02-02 00:00:00'],
      ['2', '2024-01-01 00:00:00'],
    ] as const) {
      sandbox.store.put('profile', profile(id, { created }));
      sandbox.store.put('item', item(id, {}, { created }));
      sandbox.store.put('conversion', sale(id, { created }));
      sandbox.store.put('interaction', interaction(id, { datetime: created }));
    }
    expect(await ids('/profile')).toEqual(['2', '1']);
    expect(await ids('/content?type=item')).toEqual(['1', '2']);
    expect(await ids('/sale')).toEqual(['1', '2']);
    expect(await ids('/interaction')).toEqual(['1', '2']);
  });

  it('of content needs a type', async () => {
    expectRefusal(await api.get('/content'), 400, /type/);
  });

  it('comes in pages; size is the number of rows', async () => {
    for (const record of times(5, (id) => profile(id))) sandbox.store.put('profile', record);
    const second = (await api.get('/profile?limit=2&page=2')).json;
    expect(second).toMatchObject({ total_elements: 5, total_pages: 3, page: 2, size: 2 });
    expect(await ids('/profile?limit=2&page=3')).toEqual(['5']);
    const beyond = (await api.get('/profile?limit=2&page=4')).json;
    expect(beyond).toEqual({ total_elements: 5, total_pages: 3, page: 4, size: 0, items: [] });
  });

  it.each([
    'page=0',
    'page=x',
    'limit=0',
    'limit=-1',
    'limit=1.5',
    'limit=',
    'limit=99999999999999999',
    'order=2',
    'order=asc',
  ])('refuses %s', async (query) => {
    expectRefusal(await api.get(`/profile?${query}`), 400, new RegExp(query.split('=')[0] as string));
  });

  it('leaves the totals out on includecount=0', async () => {
    sandbox.store.put('conversion', sale('1'));
    expect(Object.keys((await api.get('/sale?includecount=0')).json)).toEqual(['page', 'size', 'items']);
  });

  it('of profiles takes a source; other lists take no notice of it', async () => {
    sandbox.store.put('profile', profile('1'));
    sandbox.store.put('profile', profile('2', { source: 'crm' }));
    sandbox.store.put('conversion', sale('1'));
    expect(await ids('/profile?source=crm')).toEqual(['2']);
    expect(await ids('/profile?source=nowhere')).toEqual([]);
    expect(await ids('/sale?source=nowhere')).toEqual(['1']);
  });

  it('shows writes at once', async () => {
    sandbox.store.put('profile', profile('1'));
    expect(await ids('/profile?q[source]=shop')).toEqual(['1']);
    sandbox.store.put('profile', profile('2', { created: '2023-01-01 00:00:00' }));
    expect(await ids('/profile?q[source]=shop')).toEqual(['2', '1']);
    sandbox.store.delete('profile', 'shop', '1');
    expect(await ids('/profile?q[source]=shop')).toEqual(['2']);
  });
});

describe('sorting', () => {
  it('puts the missing first, then numbers, then texts, each in order', async () => {
    const values = [10, 'b', null, 9, 'a', undefined, '', true];
    values.forEach((rank, i) => {
      sandbox.store.put('profile', profile(`${i}`, { rank }));
    });
    expect(await ids('/profile?sort=rank')).toEqual(['2', '5', '3', '0', '6', '4', '1', '7']);
  });

  it('works on what stands under metadata', async () => {
    for (const [id, image] of [
      ['1', 'b'],
      ['2', 'a'],
    ] as const)
      sandbox.store.put('item', item(id, {}, { image }));
    expect(await ids('/content?type=item&sort=image&order=1')).toEqual(['2', '1']);
  });

  it('keeps equals in the order of their entry, and mirrors exactly when reversed', async () => {
    for (const record of times(30, (id) => profile(id, { group: Number(id) % 3 })))
      sandbox.store.put('profile', record);
    const up = await ids('/profile?sort=group&order=1');
    const down = await ids('/profile?sort=group&order=-1');
    expect(up.slice(0, 4)).toEqual(['3', '6', '9', '12']);
    expect(down).toEqual(up.toReversed());
    const filtered = await ids('/profile?sort=group&order=-1&q[group][$in][]=0&q[group][$in][]=2');
    expect(filtered).toEqual(down.filter((id) => Number(id) % 3 !== 1));
  });

  it('keeps the place of a record that is written again', async () => {
    for (const record of times(3, (id) => profile(id))) sandbox.store.put('profile', record);
    await api.put('/profile/1', { profileid: '1', source: 'shop', profile: { name: 'Bo' } });
    expect(await ids('/profile')).toEqual(['1', '2', '3']);
  });
});

describe('filters', () => {
  it('compare for equality by text, top-level and metadata fields alike', async () => {
    sandbox.store.put('conversion', sale('1', { profileid: '9', goalid: -1 }));
    sandbox.store.put('conversion', sale('2', { profileid: 9, goalid: 3 }));
    sandbox.store.put('conversion', sale('3', { profileid: '99' }));
    sandbox.store.put(
      'interaction',
      interaction('1', { profileid: '9', event: 'open', datetime: '2024-01-01 10:00:00' }),
    );
    sandbox.store.put('interaction', interaction('2', { profileid: '9', event: 'click' }));
    sandbox.store.put('item', item('1', {}, { itemtype: 'article' }));
    expect(await ids('/sale?order=1&q[profileid]=9')).toEqual(['1', '2']);
    expect(await ids('/sale?q[goalid]=-1')).toEqual(['1']);
    expect(await ids('/sale?q[source]=shop&q[profileid]=99')).toEqual(['3']);
    expect(await ids('/interaction?q[profileid]=9&q[event]=click')).toEqual(['2']);
    expect(await ids('/interaction?q[datetime]=2024-01-01+10:00:00')).toEqual(['1']);
    expect(await ids('/content?type=item&q[itemtype]=article')).toEqual(['1']);
    expect(await ids('/content?type=item&q[itemtype]=product')).toEqual([]);
    expect(await ids('/sale?q[constructor]=x')).toEqual([]);
  });

  it('count what they leave', async () => {
    for (const record of times(7, (id) => sale(id, { profileid: Number(id) % 2 })))
      sandbox.store.put('conversion', record);
    const { json } = await api.get('/sale?q[profileid]=1&limit=3');
    expect(json).toMatchObject({ total_items: 4, total_pages: 2, size: 3 });
  });

  it('take ranges of texts, with brackets as they are or encoded', async () => {
    const created = ['', '2024-01-01 00:00:00', '2024-02-01 00:00:00', '2024-03-01 00:00:00'];
    created.forEach((time, i) => {
      sandbox.store.put('conversion', sale(`${i}`, { created: time }));
    });
    sandbox.store.put('conversion', { conversionid: 'none', source: 'shop' });
    expect(await ids('/sale?q[created][$gte]=2024-02-01')).toEqual(['3', '2']);
    expect(await ids('/sale?q%5Bcreated%5D%5B%24lte%5D=2024-02-01+00%3A00%3A00')).toEqual(['2', '1', '0']);
    expect(await ids('/sale?q[created][$gte]=2024-01-15&q[created][$lte]=2024-02-15')).toEqual(['2']);
  });

  it('take lists of values', async () => {
    for (const record of times(4, (id) => profile(id))) sandbox.store.put('profile', record);
    expect(await ids('/profile?q[profileid][$in][]=4&q[profileid][$in][]=2')).toEqual(['2', '4']);
    expect(await ids('/profile?q%5Bprofileid%5D%5B%24in%5D%5B0%5D=3')).toEqual(['3']);
  });

  it.each([
    'q[a][$gt]=1',
    'q[a][$regex]=.',
    'q[a][]=1',
    'q[a][$in]=1',
    'q[a][$gte][]=1',
    'q[]=1',
    'q[a=1',
    'q=a',
    'q[a][b][c]=1',
  ])('refuse %s', async (query) => {
    expectRefusal(await api.get(`/sale?${query}`), 400, /filter/);
  });
});

async function ids(path: string): Promise<string[]> {
  const { json } = await api.get(path);
  return json.items.map((row: Record<string, string>) =>
    row.profileid && path.startsWith('/profile') ? row.profileid : (row.conversionid ?? row.interactionid ?? row.id),
  );
}
