import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.ts';
import { createClient, expectRefusal, item, profile, times } from './client.ts';

const TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

const sandbox = await startSandbox({ empty: true });
afterAll(() => sandbox.close());
const api = createClient(sandbox);
const { store } = sandbox;
beforeEach(() => store.clear());

const CREATED = { created: '2024-01-01 00:00:00', updated: '2024-01-02 00:00:00' };

describe('POST', () => {
  it.each([
    ['/profile', 'profileid', 'profile', { name: 'Bo', 'my field': [1], ...CREATED }],
    ['/sale', 'conversionid', 'conversion', { total: 3, items: [{ itemid: '5', price: 3 }], ...CREATED }],
    // Magento's names of the times: no others are added.
    ['/sale', 'conversionid', 'conversion', { profile_id: '1', created_at: 'x', updated_at: 'y' }],
  ])('at %s creates a record, and answers it flat', async (path, key, wrapper, fields) => {
    const { json } = await api.post(path, { [key]: '1', source: 'shop', [wrapper]: fields });
    expect(json).toEqual({ [key]: '1', source: 'shop', ...fields });
    expect((await api.get(`${path}/1?source=shop`)).json).toEqual(json);
  });

  it('creates content and answers some of its fields under metadata', async () => {
    const fields = { name: 'Lamp', price: '24,99', image: 'https://i.example/1', ...CREATED };
    const { json } = await api.post('/content?type=item', { itemid: 12, source: 'shop', item: fields });
    const metadata = { source: 'shop', itemtype: 'product', objecttype: 'item', image: fields.image, ...CREATED };
    expect(json).toEqual({ id: 12, name: 'Lamp', price: '24,99', metadata });
    const category = await api.post('/content?type=category', { itemid: '1', source: 'shop', item: {} });
    expect(category.json.metadata).toMatchObject({ itemtype: 'category', objecttype: 'category' });
    const inside = await api.post('/content?type=item', { itemid: '1', source: 'shop', item: { itemtype: 'article' } });
    const beside = await api.post('/content?type=item', { itemid: '2', source: 'shop', itemtype: 'article', item: {} });
    expect([inside, beside].map((reply) => reply.json.metadata.itemtype)).toEqual(['article', 'article']);
  });

  it('creates an interaction and answers its fields under metadata', async () => {
    const fields = { datetime: '2024-01-01 00:00:00', profileid: '1', event: 'open', page: '/x' };
    const sent = { interactionid: '1', source: 'mail', objecttype: 'visit', interaction: fields };
    const { json } = await api.post('/interaction', sent);
    expect(json).toEqual({ interactionid: '1', source: 'mail', objecttype: 'visit', metadata: fields });
  });

  it('sets the times that are left out', async () => {
    const person = (await api.post('/profile', { profileid: '1', source: 'shop', profile: [] })).json;
    expect([person.created, person.updated]).toEqual([expect.stringMatching(TIME), expect.stringMatching(TIME)]);
    const lamp = (await api.post('/content?type=item', { itemid: '1', source: 'shop', item: {} })).json;
    expect(lamp.metadata.created).toMatch(TIME);
    const mail = (await api.post('/interaction', { interactionid: '1', source: 'mail', interaction: {} })).json;
    expect(mail).toMatchObject({ objecttype: 'interaction', metadata: { datetime: expect.stringMatching(TIME) } });
  });

  it('of a known record merges into it', async () => {
    store.put('profile', profile('1', { name: 'Bo', city: 'Rome', updated: '2020-01-01 00:00:00' }));
    const { json } = await api.post('/profile', { profileid: '1', source: 'shop', profile: { name: 'Boris' } });
    expect(json).toMatchObject({ name: 'Boris', city: 'Rome', created: '2024-05-01 10:00:00' });
    expect(json.updated > '2024').toBe(true);
    expect(store.size('profile')).toBe(1);
  });

  it('lets no field change the key, or a prototype', async () => {
    const fields = '{"profileid":"2","source":"x","__proto__":{"polluted":true}}';
    const reply = await api.post('/profile', `{"profileid":"1","source":"shop","profile":${fields}}`);
    expect(reply.json).toMatchObject({ profileid: '1', source: 'shop' });
    expect(reply.text).toContain('"__proto__":{"polluted":true}');
    expect((await api.get('/profile?q[polluted]=true')).json.items).toEqual([]);
    const lamp = await api.post('/content?type=item', { itemid: '1', source: 'shop', item: { id: '2', source: 'x' } });
    expect(lamp.json).toMatchObject({ id: '1', metadata: { source: 'shop' } });
  });
});

describe('PUT', () => {
  it('merges into a profile: stores null, and keeps fields that are left out', async () => {
    store.put('profile', profile('A/B', { name: 'Bo', city: 'Rome', phone: '1' }));
    const body = { profileid: 'A/B', source: 'shop', profile: { name: 'Boris', city: null } };
    const { json } = await api.put('/profile/A%2FB', body);
    expect(json).toMatchObject({ name: 'Boris', city: null, phone: '1', created: '2024-05-01 10:00:00' });
    expect((await api.get('/profile/A%2FB?source=shop')).json).toEqual(json);
  });

  it('merges into content, under metadata too', async () => {
    store.put('item', item('1', { name: 'Lamp', sku: 'L' }, { image: 'x', itemtype: 'article' }));
    const sent = { itemid: '1', source: 'shop', item: { image: null, name: 'Lamp 2' } };
    const { json } = await api.put('/content/1?type=item', sent);
    expect(json).toMatchObject({ id: '1', name: 'Lamp 2', sku: 'L' });
    expect(json.metadata).toMatchObject({ image: null, itemtype: 'article', created: '2024-05-01 10:00:00' });
    expect(json.metadata.updated).toMatch(TIME);
  });

  it('refuses an unknown record, and another id than in the URL', async () => {
    store.put('profile', profile('1'));
    expectRefusal(await api.put('/profile/1', { profileid: '1', source: 'crm', profile: {} }), 404, /record/);
    expectRefusal(await api.put('/profile/1', { profileid: '2', source: 'shop', profile: {} }), 400, /profileid/);
  });
});

describe('DELETE', () => {
  beforeEach(() => store.put('item', item('1')));

  it.each([
    ['the query', '?source=shop&type=item', undefined],
    ['the body', '', { source: 'shop', type: 'item' }],
    ['both', '?source=shop', { type: 'item' }],
  ])('takes source and type from %s', async (_, query, body) => {
    const reply = await api.delete(`/content/1${query}`, body);
    expect(reply.json).toEqual({ status: 200, message: expect.any(String) });
    expect(store.size('item')).toBe(0);
  });

  it('needs both, and a record', async () => {
    expectRefusal(await api.delete('/content/1?type=item'), 400, /source/);
    expectRefusal(await api.delete('/content/1?source=shop'), 400, /type/);
    expectRefusal(await api.delete('/content/1?source=shop&type=category'), 404, /record/);
    expect(store.size('item')).toBe(1);
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
    const { json } = await api.post(path, body);
    expect(json).toMatchObject({ [elements]: 2, [pages]: 1, page: 1, size: 2 });
    expect(json.items).toEqual(['1', '2'].map((id) => store.get(kind, 'shop', id)));
    expect(json.items[1].note ?? json.items[1].metadata.note).toBe('no 2');
    expectRefusal(await api.post(path, { [list]: {} }), 400, new RegExp(list));
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

  it('takes 50 items and not 51, or none if one is incomplete', async () => {
    const profiles = (count: number) => times(count, (id) => ({ profileid: id, source: 'shop', profile: {} }));
    expectRefusal(await api.post('/profile/bulk', { profiles: profiles(51) }), 400, /50/);
    const incomplete = [...profiles(1), { profileid: '2', source: 'shop' }];
    expectRefusal(await api.post('/profile/bulk', { profiles: incomplete }), 400, /profile/);
    expect(store.size('profile')).toBe(0);
    expect((await api.post('/profile/bulk', { profiles: profiles(50) })).json.totalElements).toBe(50);
  });

  it('of content needs a type, in the plural', async () => {
    for (const query of ['', '?type=item', '?type=constructor']) {
      expectRefusal(await api.post(`/content/bulk${query}`, { items: [] }), 400, /type/);
    }
  });
});

describe('a write is refused', () => {
  const complete = { profileid: '1', source: 'shop', profile: {} };

  it.each([
    ['without an id', { ...complete, profileid: undefined }, /profileid/],
    ['with an empty id', { ...complete, profileid: '' }, /profileid/],
    ['with an object as id', { ...complete, profileid: {} }, /profileid/],
    ['with an empty source', { ...complete, source: '' }, /source/],
    ['without its wrapper', { ...complete, profile: undefined }, /profile/],
    ['with a text as wrapper', { ...complete, profile: 'x' }, /profile/],
    ['as a list', [complete], /object/],
    ['as null', 'null', /object/],
    ['as no JSON', '{"profileid":', /JSON/],
  ])('%s', async (_, body, message) => {
    expectRefusal(await api.post('/profile', body), 400, message);
  });

  it('when it is larger than 10 MB', async () => {
    const body = { ...complete, profile: { text: 'x'.repeat(11 * 1024 * 1024) } };
    expectRefusal(await api.post('/profile', body), 413, /10 MB/);
    expect((await api.post('/profile', complete)).status).toBe(200);
  });

  it('when it is nested too deeply to be serialized, and lists still work', async () => {
    const body = `{"profileid":"1","source":"shop","profile":{"deep":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`;
    expect((await api.post('/profile', body)).status).toBeGreaterThanOrEqual(400);
    expect((await api.get('/profile')).json.items).toEqual([]);
  });
});
