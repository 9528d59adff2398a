import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.ts';
import { createClient, expectRefusal, interaction, item, profile, sale, times } from './client.ts';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);

const sandbox = await startSandbox({ empty: true, apiKey: 'k&y', maxRequestLog: 3, host: 'localhost' });
afterAll(() => sandbox.close());
const api = createClient(sandbox);
const { store } = sandbox;
beforeEach(() => {
  store.clear();
  sandbox.requests.length = 0;
});

async function ids(path: string): Promise<string[]> {
  const { json } = await api.get(path);
  return json.items.map((row: Record<string, string>) =>
    row.profileid && path.startsWith('/profile') ? row.profileid : (row.conversionid ?? row.interactionid ?? row.id),
  );
}

it('access needs the key, in a header of any case or in the query, and the project', async () => {
  const get = (path: string, key?: string) =>
    api.request('GET', `${sandbox.url}/project/${path}`, undefined, key ? { 'X-ApiKey': key } : {});
  expect((await get('123456/profile', 'k&y')).status).toBe(200);
  expect((await get('123456/profile?apikey=k%26y')).status).toBe(200);
  // Whether a project exists is no answer to a caller without the key.
  for (const [path, key] of [['123456/profile'], ['123456/profile?apikey=k%26y', 'other'], ['654321/profile']]) {
    expectRefusal(await get(path as string, key), 403, /key/);
  }
  expectRefusal(await get('654321/profile', 'k&y'), 404, /project/);
});

describe('a call is refused', () => {
  const complete = { profileid: '1', source: 'shop', profile: {} };
  const bulk = (count: number) => ({ profiles: times(count, (id) => ({ ...complete, profileid: id })) });

  it.each<[status: number, message: RegExp, method: string, path: string, body?: unknown]>([
    ...['', '/', '/profiles', '/profile/', '/profile/1/2', '/constructor', '/../../1.0/project'].map(
      (path): [number, RegExp, string, string] => [404, /endpoint/, 'GET', path],
    ),
    ...['/profile/%', '/profile/%zz?source=shop', '/profile/%ff?source=shop'].map(
      (path): [number, RegExp, string, string] => [400, /encoded/, 'GET', path],
    ),
    [405, /GET, PUT\./, 'PATCH', '/profile/1'],
    [405, /GET, POST\./, 'DELETE', '/profile'],
    [405, /GET\./, 'PUT', '/sale/1'],
    [405, /GET, PUT, DELETE\./, 'POST', '/content/1'],
    [400, /source/, 'GET', '/profile/1?source='],
    [400, /type/, 'GET', '/content/1?source=shop&type=items'],
    [400, /type/, 'GET', '/content'],
    [404, /record/, 'GET', '/profile/1?source=SHOP'],
    ...['page=0', 'page=x', 'limit=1.5', 'limit=99999999999999999', 'order=2'].map(
      (query): [number, RegExp, string, string] => [400, /page|limit|order/, 'GET', `/profile?${query}`],
    ),
    ...['q[a][$gt]=1', 'q[a][]=1', 'q[a][$in]=1', 'q[a][$gte][]=1', 'q[]=1', 'q=a', 'q[a][b][c]=1'].map(
      (query): [number, RegExp, string, string] => [400, /filter/, 'GET', `/sale?${query}`],
    ),
    [400, /profileid/, 'POST', '/profile', { ...complete, profileid: '' }],
    [400, /profileid/, 'POST', '/profile', { ...complete, profileid: {} }],
    [400, /source/, 'POST', '/profile', { ...complete, source: '' }],
    [400, /profile/, 'POST', '/profile', { ...complete, profile: undefined }],
    [400, /object/, 'POST', '/profile', [complete]],
    [400, /JSON/, 'POST', '/profile', '{"profileid":'],
    [404, /record/, 'PUT', '/profile/1', { ...complete, source: 'crm' }],
    [400, /profileid/, 'PUT', '/profile/1', { ...complete, profileid: '2' }],
    [400, /source/, 'DELETE', '/content/1?type=item'],
    [404, /record/, 'DELETE', '/content/1?source=shop&type=category'],
    [400, /50/, 'POST', '/profile/bulk', bulk(51)],
    [400, /profile/, 'POST', '/profile/bulk', { profiles: [complete, { profileid: '2', source: 'shop' }] }],
    [400, /source/, 'POST', '/profile/bulk', { source: 'shop', profiles: [{ profileid: '1', profile: {} }] }],
    [400, /profiles/, 'POST', '/profile/bulk', { profiles: {} }],
    ...['', '?type=item', '?type=constructor'].map((query): [number, RegExp, string, string, unknown] => [
      ...([400, /type/, 'POST', `/content/bulk${query}`, { items: [] }] as const),
    ]),
  ])('with %i and %s: %s %s', async (status, message, method, path, body) => {
    store.put('profile', profile('1'));
    store.put('item', item('1'));
    const url = `${sandbox.url}/project/${sandbox.project}${path}`;
    expectRefusal(await api.request(method, url, body, { 'x-apikey': 'k&y' }), status, message);
    expect([store.list('profile'), store.size('item')]).toEqual([[profile('1')], 1]);
  });
});

describe('a record', () => {
  it('is read by id and source, and returned as stored', async () => {
    const record = profile('7', { name: 'Bo', company: 'Acme', 'my field': 1 });
    store.put('profile', record);
    store.put('profile', profile('7', { name: 'Boris', source: 'Magento 2' }));
    expect((await api.get('/profile/7?source=shop')).json).toEqual(record);
    expect((await api.get('/profile/7?source=Magento+2')).json.name).toBe('Boris');
    store.put('item', { id: 12, name: 'Lamp', metadata: { source: 'shop' } });
    expect((await api.get('/content/12?source=shop&type=item')).json.id).toBe(12);
  });

  it.each(['A/B 1#x+%', 'a?b=c&d', '..%2F..', 'Łódź', 'bulk', '__proto__'])('may have the id %s', async (id) => {
    store.put('profile', profile(id));
    expect((await api.get(`/profile/${encodeURIComponent(id)}?source=shop`)).json.profileid).toBe(id);
  });

  const CREATED = { created: '2024-01-01 00:00:00', updated: '2024-01-02 00:00:00' };
  it.each([
    ['/profile', 'profileid', 'profile', { name: 'Bo', 'my field': [1], ...CREATED }],
    ['/sale', 'conversionid', 'conversion', { total: 3, items: [{ itemid: '5', price: 3 }], ...CREATED }],
    // Magento's names of the times: no others are added.
    ['/sale', 'conversionid', 'conversion', { profile_id: '1', created_at: 'x', updated_at: 'y' }],
  ])('is created at %s, and answered flat', async (path, key, wrapper, fields) => {
    const { json } = await api.post(path, { [key]: '1', source: 'shop', [wrapper]: fields });
    expect(json).toEqual({ [key]: '1', source: 'shop', ...fields });
    expect((await api.get(`${path}/1?source=shop`)).json).toEqual(json);
  });

  it('of content has some of its fields under metadata', async () => {
    const fields = { name: 'Lamp', price: '24,99', image: 'https://i.example/1', ...CREATED };
    const { json } = await api.post('/content?type=item', { itemid: 12, source: 'shop', item: fields });
    const metadata = { source: 'shop', itemtype: 'product', objecttype: 'item', image: fields.image, ...CREATED };
    expect(json).toEqual({ id: 12, name: 'Lamp', price: '24,99', metadata });
    const category = await api.post('/content?type=category', { itemid: '1', source: 'shop', item: {} });
    expect(category.json.metadata).toMatchObject({ itemtype: 'category', objecttype: 'category', created: TIME });
    const beside = await api.post('/content?type=item', { itemid: '2', source: 'shop', itemtype: 'article', item: {} });
    expect(beside.json.metadata.itemtype).toBe('article');
    const changed = { itemid: '12', source: 'shop', item: { image: null, name: 'Lamp 2' } };
    expect((await api.put('/content/12?type=item', changed)).json).toMatchObject({
      ...{ name: 'Lamp 2', price: '24,99', metadata: { ...metadata, image: null, updated: TIME } },
    });
  });

  it('of an interaction has its fields under metadata', async () => {
    const fields = { datetime: '2024-01-01 00:00:00', profileid: '1', event: 'open', page: '/x' };
    const sent = { interactionid: '1', source: 'mail', objecttype: 'visit', interaction: fields };
    const { json } = await api.post('/interaction', sent);
    expect(json).toEqual({ interactionid: '1', source: 'mail', objecttype: 'visit', metadata: fields });
    const bare = (await api.post('/interaction', { interactionid: '2', source: 'mail', interaction: [] })).json;
    expect(bare).toMatchObject({ objecttype: 'interaction', metadata: { datetime: TIME } });
  });

  it('keeps fields that an update leaves out, and stores null', async () => {
    store.put('profile', profile('A/B', { name: 'Bo', city: 'Rome', phone: '1' }));
    const body = { profileid: 'A/B', source: 'shop', profile: { name: 'Boris', city: null } };
    const { json } = await api.put('/profile/A%2FB', body);
    expect(json).toMatchObject({
      name: 'Boris',
      city: null,
      phone: '1',
      created: '2024-05-01 10:00:00',
      updated: TIME,
    });
    expect((await api.post('/profile', { ...body, profile: { city: 'Oslo' } })).json).toMatchObject({ name: 'Boris' });
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

  it.each([
    ['?source=shop&type=item', undefined],
    ['', { source: 'shop', type: 'item' }],
    ['?source=shop', { type: 'item' }],
  ])('is deleted with source and type in the query %j and the body %j', async (query, body) => {
    store.put('item', item('1'));
    expect((await api.delete(`/content/1${query}`, body)).json).toEqual({ status: 200, message: expect.any(String) });
    expect(store.size('item')).toBe(0);
  });

  it('of a bulk write is in the answer, and conversions may have one source for all', async () => {
    const items = [
      { conversionid: '1', conversion: { total: 1 } },
      { conversionid: '2', source: 'own', conversion: { total: 1 } },
    ];
    const { json } = await api.post('/sale/bulk', { source: 'shop', items });
    expect(json).toMatchObject({ total_items: 2, total_pages: 1, page: 1, size: 2 });
    expect(json.items).toEqual([store.get('conversion', 'shop', '1'), store.get('conversion', 'own', '2')]);
  });
});

describe('a list', () => {
  it.each([
    ['/profile', 'profile', 'total_elements', 'total_pages', 100],
    ['/content?type=category', 'category', 'totalElements', 'totalPages', 500],
    ['/interaction', 'interaction', 'total_items', 'total_pages', 500],
  ] as const)('at %s of kind %s has %s and %s, and pages of %i', async (path, kind, elements, pages, limit) => {
    const make = { profile, category: item, interaction }[kind];
    for (const record of times(limit + 1, (id) => make(id))) store.put(kind, record);
    const { json } = await api.get(path);
    expect({ ...json, items: json.items.length }).toEqual({
      ...{ [elements]: limit + 1, [pages]: 2, page: 1, size: limit, items: limit },
    });
    const past = (await api.get(`${path}${path.includes('?') ? '&' : '?'}page=3&includecount=0`)).json;
    expect(past).toEqual({ page: 3, size: 0, items: [] });
  });

  it('has profiles oldest first and all else newest first, and shows writes at once', async () => {
    for (const [id, created] of Object.entries({ 1: '2024-02-02 00:00:00', 2: '2024-01-01 00:00:00' })) {
      store.put('profile', profile(id, { created }));
      store.put('item', item(id, {}, { created }));
      store.put('interaction', interaction(id, { datetime: created }));
    }
    expect(await ids('/profile')).toEqual(['2', '1']);
    for (const path of ['/content?type=item', '/interaction']) expect(await ids(path)).toEqual(['1', '2']);
    store.put('profile', profile('3', { created: '2023-01-01 00:00:00', source: 'crm' }));
    expect(await ids('/profile')).toEqual(['3', '2', '1']);
    store.delete('profile', 'shop', '2');
    expect(await ids('/profile?limit=1&page=2')).toEqual(['1']);
    expect(await ids('/profile?source=crm')).toEqual(['3']);
  });

  it('is sorted: missing values first, then numbers, then texts, each in order', async () => {
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

  it('is filtered by equality of texts, in top-level and metadata fields', async () => {
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

  it('is filtered by ranges of texts, with brackets as they are or encoded', async () => {
    const created = ['', '2024-01-01 00:00:00', '2024-02-01 00:00:00', '2024-03-01 00:00:00'];
    for (const [id, time] of created.entries()) store.put('conversion', sale(`${id}`, { created: time, total: 7 }));
    // As in MongoDB, a number is in no range of texts.
    expect(await ids('/sale?q[total][$gte]=5')).toEqual([]);
    expect(await ids('/sale?q[created][$gte]=2024-02-01')).toEqual(['3', '2']);
    expect(await ids('/sale?q%5Bcreated%5D%5B%24lte%5D=2024-02-01+00%3A00%3A00')).toEqual(['2', '1', '0']);
    expect(await ids('/sale?q[created][$gte]=2024-01-15&q[created][$lte]=2024-02-15')).toEqual(['2']);
  });
});

it('the log keeps the newest requests as they came', async () => {
  await api.get('/profile?page=1');
  await api.get('/profile?q[a%62c]=1&limit=2');
  await api.post('/profile', { profileid: '2' });
  await api.get('/nothing');
  expect(sandbox.requests).toMatchObject([
    { method: 'GET', path: '/2.0/project/123456/profile?q[a%62c]=1&limit=2', status: 200 },
    { method: 'POST', path: '/2.0/project/123456/profile', status: 400, body: '{"profileid":"2"}' },
    { method: 'GET', path: '/2.0/project/123456/nothing', status: 404 },
  ]);
  expect(sandbox.requests[0]).not.toHaveProperty('body');
  expect(sandbox.requests[0]?.headers['x-apikey']).toBe('k&y');
});

it('faults are shown, replaced and taken back over HTTP', async () => {
  const rule = { match: { path: 'x' }, times: 1, status: 500 };
  expect((await api.control('PUT', '/faults', [rule])).json).toEqual([rule]);
  expectRefusal(await api.control('PUT', '/faults', { nope: 1 }), 400, /nope/);
  expectRefusal(await api.control('PUT', '/faults', '{'), 400, /JSON/);
  expect((await api.control('GET', '/faults')).json).toEqual([rule]);
  expect((await api.control('DELETE', '/faults')).json).toEqual([]);
  expectRefusal(await api.control('POST', '/faults'), 405, /GET/);
});
