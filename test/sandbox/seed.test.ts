import { execFileSync } from 'node:child_process';
import { afterAll, describe, expect, it } from 'vitest';
import { SOURCES, seedStore } from '../../src/sandbox/seed.ts';
import { type Kind, startSandbox } from '../../src/sandbox/server.ts';
import { Store } from '../../src/sandbox/store.ts';
import { createClient } from './client.ts';

const KINDS: Kind[] = ['profile', 'item', 'category', 'conversion', 'interaction'];
const NOW = Date.UTC(2026, 1, 3, 12);

function bytesOf(now: number): string {
  const store = new Store();
  seedStore(store, now);
  return JSON.stringify(KINDS.map((kind) => store.list(kind)));
}

// biome-ignore lint/suspicious/noExplicitAny: seeded records are of every form
type Row = any;

const sandbox = await startSandbox();
afterAll(() => sandbox.close());
const api = createClient(sandbox);
const rows = (kind: Kind): Row[] => sandbox.store.list(kind);

it('the seed makes the same bytes on one day, with times up to the day before, in every time zone', () => {
  const bytes = bytesOf(NOW);
  const days = [...bytes.matchAll(/"(20\d\d-\d\d-\d\d) /g)].map(([, day]) => day as string);
  expect(days.toSorted().at(-1)).toBe('2026-02-02');
  expect(bytesOf(NOW + 11 * 3_600_000) === bytes).toBe(true);
  expect(bytesOf(NOW + 24 * 3_600_000) === bytes).toBe(false);
  const script = `
    import { seedStore } from './src/sandbox/seed.ts';
    import { Store } from './src/sandbox/store.ts';
    const store = new Store();
    seedStore(store, ${NOW});
    console.log(JSON.stringify(${JSON.stringify(KINDS)}.map((kind) => store.list(kind))));`;
  const env = { ...process.env, TZ: 'Pacific/Auckland' };
  const options = { env, encoding: 'utf8', maxBuffer: 2 ** 26 } as const;
  expect(execFileSync(process.execPath, ['--input-type=module', '--eval', script], options).trim() === bytes).toBe(
    true,
  );
});

describe('the seeded records', () => {
  it('are many, in the sources that the sandbox names', () => {
    const sizes = Object.fromEntries(KINDS.map((kind) => [kind, sandbox.store.size(kind)]));
    expect(sizes).toEqual({ profile: 1200, item: 350, category: 32, conversion: 2104, interaction: 5108 });
    for (const kind of KINDS) {
      const name = kind === 'item' || kind === 'category' ? 'content' : kind;
      const sources = new Set(rows(kind).map((row) => row.source ?? row.metadata.source));
      expect(sources, kind).toEqual(new Set(SOURCES[name]));
    }
  });

  it('have the ones of the examples', async () => {
    expect((await api.get('/profile/1001?source=Webshop')).json).toMatchObject({
      profileid: '1001',
      name: 'Ada Example',
      email: 'ada@mail.example',
    });
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
    expect(sales.every((sale: Row) => found('profile', SOURCES.profile, sale.profileid))).toBe(true);
    const good = lines.filter((line: Row) => found('item', SOURCES.content, line.itemid));
    expect(good.length / lines.length).toBeGreaterThan(0.9);
    expect(new Set(sales.map((sale: Row) => sale.created)).size).toBeGreaterThan(95);
  });

  it.each<[string, Kind, (row: Row) => unknown]>([
    ['a sale of Magento', 'conversion', (row) => row.profile_id && row.created_at && !row.created && !row.profileid],
    ['a sale line by SKU', 'conversion', (row) => row.source === 'Magento 2' && row.items[0].itemid.startsWith('MG-')],
    ['a sale with an empty text for its lines', 'conversion', (row) => row.items === ''],
    ['a total with a decimal comma', 'conversion', (row) => /^\d+,\d\d$/.test(row.total)],
    ['a sale of nobody there', 'conversion', (row) => `${row.profileid}`.startsWith('gone-')],
    ['a price with a decimal comma', 'item', (row) => /^\d+,\d\d$/.test(row.price)],
    ['a stock in a text', 'item', (row) => typeof row.stock === 'string'],
    ['an item with a number as id', 'item', (row) => typeof row.id === 'number'],
    ['an item with an empty text for its categories', 'item', (row) => row.categories === ''],
    ['an article', 'item', (row) => row.metadata.itemtype === 'article'],
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
    const shared = crm.filter((row) => sandbox.store.get('profile', 'Webshop', `${row.profileid}`));
    expect(shared).toHaveLength(100);
    expect(sandbox.store.get('profile', 'Webshop', `${shared[3].profileid}`)?.email).toBe(shared[3].email);
  });

  it.each(['abc:123', 'A/B 1#x+%', 'who?me=1&you', 'Łódź 7'])('have the id %s in each set', (id) => {
    for (const [kind, source] of Object.entries({
      profile: 'Webshop',
      item: 'Webshop-EN',
      conversion: 'Webshop',
      interaction: 'Mailing',
    })) {
      expect(sandbox.store.get(kind as Kind, source, id), kind).toBeDefined();
    }
  });

  it('come back after a reset', () => {
    sandbox.store.clear();
    sandbox.reset();
    expect(sandbox.store.get('profile', 'Webshop', '1001')).toBeDefined();
  });
});
