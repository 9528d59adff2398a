import { execFileSync } from 'node:child_process';
import { afterAll, describe, expect, it } from 'vitest';
import { SOURCES, seedStore } from '../../src/sandbox/seed.ts';
import { type JsonObject, type Kind, startSandbox } from '../../src/sandbox/server.ts';
import { Store } from '../../src/sandbox/store.ts';
import { createClient } from './client.ts';

const KINDS: Kind[] = ['profile', 'item', 'category', 'conversion', 'interaction'];

const NOW = Date.UTC(2026, 1, 3, 12);

function bytesOf(seed: number, now = NOW): string {
  const store = new Store();
  seedStore(store, seed, now);
  return JSON.stringify(KINDS.map((kind) => store.list(kind)));
}

// biome-ignore lint/suspicious/noExplicitAny: seeded records are of every form
type Row = any;

const rows = (kind: Kind): Row[] => sandbox.store.list(kind);

const sandbox = await startSandbox();
afterAll(() => sandbox.close());
const api = createClient(sandbox);

describe('the seed', () => {
  it('makes the same bytes again, and other ones for another seed', () => {
    const [first, again, other] = [7, 7, 8].map(bytesOf);
    expect(again === first).toBe(true);
    expect(other === first).toBe(false);
  });

  it('has times up to the day before', () => {
    const times = [...bytesOf(7).matchAll(/"(20\d\d-\d\d-\d\d) /g)].map(([, day]) => day as string);
    expect(times.toSorted().at(-1)).toBe('2026-02-02');
    expect(bytesOf(7, NOW + 11 * 3_600_000) === bytesOf(7)).toBe(true);
    expect(bytesOf(7, NOW + 24 * 3_600_000) === bytesOf(7)).toBe(false);
  });

  it('does not depend on the time zone', () => {
    const script = `
      import { seedStore } from './src/sandbox/seed.ts';
      import { Store } from './src/sandbox/store.ts';
      const store = new Store();
      seedStore(store, 7, ${NOW});
      console.log(JSON.stringify(${JSON.stringify(KINDS)}.map((kind) => store.list(kind))));`;
    const args = ['--input-type=module', '--eval', script];
    const env = { ...process.env, TZ: 'Pacific/Auckland' };
    const text = execFileSync(process.execPath, args, { env, encoding: 'utf8', maxBuffer: 2 ** 26 });
    expect(text.trim() === bytesOf(7)).toBe(true);
  });
});

describe('the seeded records', () => {
  it('are many', () => {
    const sizes = Object.fromEntries(KINDS.map((kind) => [kind, sandbox.store.size(kind)]));
    expect(sizes).toEqual({ profile: 1200, item: 350, category: 32, conversion: 2104, interaction: 5108 });
  });

  it('are in the sources that the sandbox names', () => {
    const sources = (kind: Kind) => new Set(rows(kind).map((row) => row.source ?? row.metadata.source));
    expect(sources('profile')).toEqual(new Set(SOURCES.profiles));
    expect(sources('item')).toEqual(new Set(SOURCES.contents));
    expect(sources('category')).toEqual(new Set(SOURCES.contents));
    expect(sources('conversion')).toEqual(new Set(SOURCES.conversions));
    expect(sources('interaction')).toEqual(new Set(SOURCES.interactions));
    expect(sandbox.sources).toEqual(SOURCES);
  });

  it('have the ones of the examples', async () => {
    const { profileid, name, email } = (await api.get('/profile/1001?source=Webshop')).json;
    expect({ profileid, name, email }).toEqual({ profileid: '1001', name: 'Ada Example', email: 'ada@mail.example' });
    expect((await api.get('/content/2001?source=Webshop-EN&type=item')).json).toMatchObject({
      price: expect.any(Number),
      metadata: { itemtype: 'product', image: expect.stringMatching(/^https/) },
    });
    expect((await api.get('/content/5001?source=Webshop-EN&type=category')).json.name).toEqual(expect.any(String));
    const sale = (await api.get('/sale/3001?source=Webshop')).json;
    expect(sale).toMatchObject({ profileid: '1001', items: [{ itemid: '2001' }, { itemid: '2002' }] });
    expect((await api.get('/interaction/4001?source=Mailing')).json.metadata.profileid).toBe('1001');
    expect((await api.get('/sale?q[profileid]=1001')).json.total_items).toBeGreaterThanOrEqual(4);
    expect((await api.get('/interaction?q[profileid]=1001')).json.total_items).toBeGreaterThanOrEqual(8);
  });

  it('join on the first page of the sales, nearly all of them', async () => {
    const { items: sales } = (await api.get('/sale?limit=100')).json;
    const lines = sales.flatMap((sale: Row) => sale.items || []);
    const found = (kind: Kind, sources: string[], id: unknown) =>
      sources.some((source) => sandbox.store.get(kind, source, `${id}`));
    expect(sales.every((sale: Row) => found('profile', SOURCES.profiles, sale.profileid))).toBe(true);
    const good = lines.filter((line: Row) => found('item', SOURCES.contents, line.itemid));
    expect(good.length / lines.length).toBeGreaterThan(0.9);
    expect(new Set(sales.map((sale: Row) => sale.created)).size).toBeGreaterThan(95);
  });

  it.each<[string, Kind, (row: Row) => unknown]>([
    [
      'a sale with profile_id and created_at only',
      'conversion',
      (row) => row.profile_id && row.created_at && !('created' in row) && !('profileid' in row),
    ],
    ['a sale line by SKU', 'conversion', (row) => row.source === 'Magento 2' && row.items[0].itemid.startsWith('MG-')],
    ['a sale with an empty text for its lines', 'conversion', (row) => row.items === ''],
    ['a total with a decimal comma', 'conversion', (row) => /^\d+,\d\d$/.test(row.total)],
    ['a sale of nobody there', 'conversion', (row) => `${row.profileid}`.startsWith('gone-')],
    [
      'a line of nothing there',
      'conversion',
      (row) => row.items?.some?.((line: Row) => `${line.itemid}`.startsWith('gone-')),
    ],
    ['a price with a decimal comma', 'item', (row) => /^\d+,\d\d$/.test(row.price)],
    ['a stock in a text', 'item', (row) => typeof row.stock === 'string'],
    ['an item with a number as id', 'item', (row) => typeof row.id === 'number'],
    ['an item with an empty text for its categories', 'item', (row) => row.categories === ''],
    ['an item with HTML', 'item', (row) => /<p>/.test(row.description)],
    ['an article', 'item', (row) => row.metadata.itemtype === 'article'],
    ['a category path as name', 'category', (row) => row.name.includes(' > ')],
    ['a profile with a number as id', 'profile', (row) => typeof row.profileid === 'number'],
    ['a profile with odd field names', 'profile', (row) => row['my field'] && row['1st'] && row.__typename],
    ['a profile with an empty list for a map', 'profile', (row) => Array.isArray(row.address)],
    ['a profile born on no day', 'profile', (row) => row.dateofbirth === '0000-00-00'],
    ['an interaction with a list for its metadata', 'interaction', (row) => Array.isArray(row.metadata)],
    ['an interaction of nobody there', 'interaction', (row) => `${row.metadata.profileid}`.startsWith('gone-')],
  ])('have %s, as a minority', (_, kind, isOdd) => {
    const count = rows(kind).filter(isOdd).length;
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(rows(kind).length * 0.35);
  });

  it('have people under one id in two sources, with one e-mail', () => {
    const crm = rows('profile').filter((row) => row.source === 'CRM');
    const shared = crm.filter((row: JsonObject) => sandbox.store.get('profile', 'Webshop', `${row.profileid}`));
    expect(shared).toHaveLength(100);
    expect(sandbox.store.get('profile', 'Webshop', `${shared[3].profileid}`)?.email).toBe(shared[3].email);
  });

  it.each(['abc:123', 'A/B 1#x+%', 'who?me=1&you', 'Łódź 7'])('have the id %s in each set', async (id) => {
    const path = encodeURIComponent(id);
    expect((await api.get(`/profile/${path}?source=Webshop`)).status).toBe(200);
    expect((await api.get(`/content/${path}?source=Webshop-EN&type=item`)).status).toBe(200);
    expect((await api.get(`/sale/${path}?source=Webshop`)).status).toBe(200);
    expect((await api.get(`/interaction/${path}?source=Mailing`)).status).toBe(200);
  });
});
