import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.ts';
import { createClient, expectRefusal, interaction, item, profile, sale, times } from './client.ts';

const TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

const sandbox = await startSandbox({ empty: true });
afterAll(() => sandbox.close());
const api = createClient(sandbox);
beforeEach(() => sandbox.store.clear());

describe('POST', () => {
  it('creates a profile and answers it flat', async () => {
    const fields = { name: 'Bo', created: '2024-01-01 00:00:00', updated: '2024-01-02 00:00:00', 'my field': [1] };
    const reply = await api.post('/profile', { profileid: '1', source: 'shop', profile: fields });
    expect(reply.json).toEqual({ profileid: '1', source: 'shop', ...fields });
    expect((await api.get('/profile/1?source=shop')).json).toEqual(reply.json);
  });

  it('creates a conversion and answers it flat', async () => {
    const conversion = { total: 3, items: [{ itemid: '5', price: 3 }], created: '2024-01-01 00:00:00', updated: '' };
    const { json } = await api.post('/sale', { conversionid: '1', source: 'shop', conversion });
    expect(json).toEqual({ conversionid: '1', source: 'shop', ...conversion });
  });

  it('creates content and answers some of its fields under metadata', async () => {
    const times = { created: '2024-01-01 00:00:00', updated: '2024-01-02 00:00:00' };
    const fields = { name: 'Lamp', price: '24,99', image: 'https://i.example/1', ...times };
    const { json } = await api.post('/content?type=item', { itemid: '1', source: 'shop', item: fields });
    const metadata = {
      source: 'shop',
      itemtype: 'product',
      objecttype: 'item',
      ...times,
      image: 'https://i.example/1',
    };
    expect(json).toEqual({ id: '1', name: 'Lamp', price: '24,99', metadata });
    const other = await api.post('/content?type=category', { itemid: '1', source: 'shop', item: {} });
    expect(other.json.metadata).toMatchObject({ itemtype: 'category', objecttype: 'category' });
    expect((await api.get('/content/1?source=shop&type=item')).json).toEqual(json);
  });

  it('takes the item type from the fields or from beside them', async () => {
    const inside = await api.post('/content?type=item', { itemid: '1', source: 'shop', item: { itemtype: 'article' } });
    const beside = await api.post('/content?type=item', { itemid: '2', source: 'shop', itemtype: 'article', item: {} });
    expect([inside, beside].map(({ json }) => json.metadata.itemtype)).toEqual(['article', 'article']);
  });

  it('creates an interaction and answers its fields under metadata', async () => {
    const fields = { datetime: '2024-01-01 00:00:00', profileid: '1', event: 'open', emailid: '3', page: '/x' };
    const { json } = await api.post('/interaction', {
      interactionid: '1',
      source: 'mail',
      objecttype: 'visit',
      interaction: fields,
    });
    expect(json).toEqual({ interactionid: '1', source: 'mail', objecttype: 'visit', metadata: fields });
  });

  it('sets the times that are left out', async () => {
    const person = (await api.post('/profile', { profileid: '1', source: 'shop', profile: {} })).json;
    expect([person.created, person.updated]).toEqual([expect.stringMatching(TIME), expect.stringMatching(TIME)]);
    const lamp = (await api.post('/content?type=item', { itemid: '1', source: 'shop', item: {} })).json;
    expect(lamp.metadata.created).toMatch(TIME);
    const mail = (await api.post('/interaction', { interactionid: '1', source: 'mail', interaction: {} })).json;
    expect(mail).toMatchObject({ objecttype: 'interaction', metadata: { datetime: expect.stringMatching(TIME) } });
  });

  it('adds no times beside those of a Magento sale', async () => {
    const conversion = { profile_id: '1', created_at: '2024-01-01 00:00:00', updated_at: '2024-01-01 00:00:00' };
    const { json } = await api.post('/sale', { conversionid: '1', source: 'Magento 2', conversion });
    expect(json).toEqual({ conversionid: '1', source: 'Magento 2', ...conversion });
  });

  it('of a known record merges into it', async () => {
    sandbox.store.put('profile', profile('1', { name: 'Bo', city: 'Rome', updated: '2020-01-01 00:00:00' }));
    const { json } = await api.post('/profile', { profileid: '1', source: 'shop', profile: { name: 'Boris' } });
    expect(json).toMatchObject({ name: 'Boris', city: 'Rome', created: '2024-05-01 10:00:00' });
    expect(json.updated > '2024').toBe(true);
    expect(sandbox.store.size('profile')).toBe(1);
  });

  it('keeps a number as id', async () => {
    const { json } = await api.post('/content?type=item', { itemid: 12, source: 'shop', item: { name: 'Lamp' } });
    expect(json.id).toBe(12);
    expect((await api.get('/content/12?source=shop&type=item')).status).toBe(200);
  });

  it('lets no field change the key', async () => {
    const { json } = await api.post('/profile', {
      profileid: '1',
      source: 'shop',
      profile: { profileid: '2', source: 'x' },
    });
    expect(json).toMatchObject({ profileid: '1', source: 'shop' });
    const lamp = await api.post('/content?type=item', { itemid: '1', source: 'shop', item: { id: '2', source: 'x' } });
    expect(lamp.json).toMatchObject({ id: '1', metadata: { source: 'shop' } });
  });

  it('takes the list that PHP sends for an empty map', async () => {
    expect((await api.post('/profile', { profileid: '1', source: 'shop', profile: [] })).status).toBe(200);
  });

  it('stores a field named __proto__ as any other', async () => {
    const body = '{"profileid":"1","source":"shop","profile":{"__proto__":{"polluted":true},"name":"Bo"}}';
    expect((await api.post('/profile', body)).text).toContain('"__proto__":{"polluted":true}');
    expect((await api.get('/profile?q[polluted]=true')).json.items).toEqual([]);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('PUT', () => {
  it('merges into a profile: null is stored, what is left out stays', async () => {
    sandbox.store.put('profile', profile('A/B', { name: 'Bo', city: 'Rome', phone: '1' }));
    const body = { profileid: 'A/B', source: 'shop', profile: { name: 'Boris', city: null } };
    const { json } = await api.put('/profile/A%2FB', body);
    expect(json).toMatchObject({ name: 'Boris', city: null, phone: '1', created: '2024-05-01 10:00:00' });
    expect((await api.get('/profile/A%2FB?source=shop')).json).toEqual(json);
  });

  it('merges into content, under metadata too', async () => {
    sandbox.store.put('item', item('1', { name: 'Lamp', sku: 'L' }, { image: 'x', itemtype: 'article' }));
    const { json } = await api.put('/content/1?type=item', {
      itemid: '1',
      source: 'shop',
      item: { image: null, name: 'Lamp 2' },
    });
    expect(json).toMatchObject({ id: '1', name: 'Lamp 2', sku: 'L' });
    expect(json.metadata).toMatchObject({ image: null, itemtype: 'article', created: '2024-05-01 10:00:00' });
    expect(json.metadata.updated).toMatch(TIME);
  });

  it('of an unknown record is 404', async () => {
    sandbox.store.put('profile', profile('1'));
    expectRefusal(await api.put('/profile/1', { profileid: '1', source: 'crm', profile: {} }), 404, /record/);
    expectRefusal(await api.put('/content/1?type=item', { itemid: '1', source: 'shop', item: {} }), 404, /record/);
  });

  it('of another id than the URL has is 400', async () => {
    expectRefusal(await api.put('/profile/1', { profileid: '2', source: 'shop', profile: {} }), 400, /profileid/);
  });
});

describe('DELETE', () => {
  beforeEach(() => sandbox.store.put('item', item('1')));

  it.each([
    ['the query', '?source=shop&type=item', undefined],
    ['the body', '', { source: 'shop', type: 'item' }],
    ['both', '?source=shop', { type: 'item' }],
  ])('takes source and type from %s', async (_, query, body) => {
    const reply = await api.delete(`/content/1${query}`, body);
    expect(reply.json).toEqual({ status: 200, message: expect.any(String) });
    expect(sandbox.store.size('item')).toBe(0);
  });

  it('needs both, and a record', async () => {
    expectRefusal(await api.delete('/content/1?type=item'), 400, /source/);
    expectRefusal(await api.delete('/content/1?source=shop'), 400, /type/);
    expectRefusal(await api.delete('/content/1?source=shop&type=category'), 404, /record/);
    expectRefusal(await api.delete('/content/2?source=shop&type=item'), 404, /record/);
    expect(sandbox.store.size('item')).toBe(1);
  });
});

describe('bulk', () => {
  it.each([
    ['/profile/bulk', 'profiles', 'profileid', 'profile', 'totalElements', 'totalPages', 'profile'],
    ['/content/bulk?type=items', 'items', 'itemid', 'item', 'totalElements', 'totalPages', 'item'],
    ['/content/bulk?type=categories', 'items', 'itemid', 'item', 'totalElements', 'totalPages', 'category'],
    ['/sale/bulk', 'items', 'conversionid', 'conversion', 'total_items', 'total_pages', 'conversion'],
    ['/interaction/bulk', 'interactions', 'interactionid', 'interaction', 'total_items', 'total_pages', 'interaction'],
  ] as const)('at %s takes %s and answers a page', async (path, list, idKey, wrapper, elements, pages, kind) => {
    const body = { [list]: times(2, (id) => ({ [idKey]: id, source: 'shop', [wrapper]: { note: `no ${id}` } })) };
    const { status, json } = await api.post(path, body);
    expect(status).toBe(200);
    expect(json).toMatchObject({ [elements]: 2, [pages]: 1, page: 1, size: 2 });
    expect(json.items).toEqual(['1', '2'].map((id) => sandbox.store.get(kind, 'shop', id)));
    expect(json.items[1].note ?? json.items[1].metadata.note).toBe('no 2');
  });

  it('of sales takes a source for the items that have none', async () => {
    const conversion = { total: 1 };
    const items = [
      { conversionid: '1', conversion },
      { conversionid: '2', source: 'own', conversion },
    ];
    const { json } = await api.post('/sale/bulk', { source: 'shop', items });
    expect(json.items.map((row: { source: string }) => row.source)).toEqual(['shop', 'own']);
    const profiles = [{ profileid: '1', profile: {} }];
    expectRefusal(await api.post('/profile/bulk', { source: 'shop', profiles }), 400, /source/);
  });

  it('updates what is known, within one call too', async () => {
    sandbox.store.put('profile', profile('1', { city: 'Rome' }));
    const one = (fields: object) => ({ profileid: '1', source: 'shop', profile: fields });
    const { json } = await api.post('/profile/bulk', { profiles: [one({ name: 'Bo' }), one({ phone: '1' })] });
    expect(json.items[1]).toMatchObject({ city: 'Rome', name: 'Bo', phone: '1' });
    expect(sandbox.store.size('profile')).toBe(1);
  });

  it('takes 50 items and not 51', async () => {
    const body = (count: number) => ({
      profiles: times(count, (id) => ({ profileid: id, source: 'shop', profile: {} })),
    });
    expectRefusal(await api.post('/profile/bulk', body(51)), 400, /50/);
    expect(sandbox.store.size('profile')).toBe(0);
    expect((await api.post('/profile/bulk', body(50))).json.totalElements).toBe(50);
  });

  it('takes none at all', async () => {
    expect((await api.post('/sale/bulk', { items: [] })).json).toMatchObject({ total_items: 0, items: [] });
  });

  it('of content needs a type, in the plural', async () => {
    for (const query of ['', '?type=item', '?type=category', '?type=constructor']) {
      expectRefusal(await api.post(`/content/bulk${query}`, { items: [] }), 400, /type/);
    }
  });

  it('writes nothing when one item is not complete', async () => {
    const profiles = [
      { profileid: '1', source: 'shop', profile: {} },
      { profileid: '2', source: 'shop' },
    ];
    expectRefusal(await api.post('/profile/bulk', { profiles }), 400, /profile/);
    expect(sandbox.store.size('profile')).toBe(0);
  });
});

describe('a write is refused', () => {
  const complete = { profileid: '1', source: 'shop', profile: {} };

  it.each([
    ['without an id', { ...complete, profileid: undefined }, /profileid/],
    ['with an empty id', { ...complete, profileid: '' }, /profileid/],
    ['with an object as id', { ...complete, profileid: {} }, /profileid/],
    ['without a source', { ...complete, source: undefined }, /source/],
    ['with an empty source', { ...complete, source: '' }, /source/],
    ['without its wrapper', { ...complete, profile: undefined }, /profile/],
    ['with a text as wrapper', { ...complete, profile: 'x' }, /profile/],
    ['as a list', [complete], /object/],
    ['as null', 'null', /object/],
    ['as no JSON', '{"profileid":', /JSON/],
    ['as nothing', '', /JSON/],
  ])('%s', async (_, body, message) => {
    expectRefusal(await api.post('/profile', body), 400, message);
  });

  it.each([
    ['/sale', { conversionid: '1', source: 'shop', sale: {} }, /conversion/],
    ['/interaction', { interactionid: '1', source: 'mail', metadata: {} }, /interaction/],
    ['/content?type=item', { contentid: '1', source: 'shop', item: {} }, /itemid/],
    ['/content', { itemid: '1', source: 'shop', item: {} }, /type/],
    ['/profile/bulk', { items: [] }, /profiles/],
    ['/interaction/bulk', { items: [] }, /interactions/],
    ['/sale/bulk', { items: {} }, /items/],
    ['/sale/bulk', { items: ['x'] }, /object/],
  ])('at %s in another form than its own', async (path, body, message) => {
    expectRefusal(await api.post(path, body), 400, message);
  });

  it('when it is larger than 10 MB', async () => {
    const body = { ...complete, profile: { text: 'x'.repeat(11 * 1024 * 1024) } };
    expectRefusal(await api.post('/profile', body), 413, /10 MB/);
    expect((await api.post('/profile', complete)).status).toBe(200);
  });

  it('when it is nested beyond measure, and lists still work', async () => {
    const body = `{"profileid":"1","source":"shop","profile":{"deep":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`;
    expect((await api.post('/profile', body)).status).toBeGreaterThanOrEqual(400);
    expect((await api.get('/profile')).json.items).toEqual([]);
  });
});

it('keeps what tests put into the store, and names what has no key', async () => {
  sandbox.store.put('conversion', sale('1'));
  sandbox.store.put('interaction', interaction('1'));
  sandbox.store.put('item', { id: '1', metadata: [] }, { source: 'shop', id: '1' });
  expect(sandbox.store.list('conversion')).toEqual([sale('1')]);
  expect((await api.get('/content/1?source=shop&type=item')).json).toEqual({ id: '1', metadata: [] });
  expect(() => sandbox.store.put('profile', { profileid: '1' })).toThrow(TypeError);
  expect(sandbox.store.delete('conversion', 'shop', '1')).toBe(true);
  expect(sandbox.store.delete('conversion', 'shop', '1')).toBe(false);
});
