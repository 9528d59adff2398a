import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalKey, decodeGlobalId, encodeGlobalId, type RecordKey } from '../../../src/datatrics/keys.ts';
import { Content } from '../../../src/datatrics/records/content.ts';
import { Conversion } from '../../../src/datatrics/records/conversion.ts';
import {
  type FieldTable,
  lookUp,
  readAttributes,
  readNumber,
  readText,
} from '../../../src/datatrics/records/fields.ts';
import { Interaction } from '../../../src/datatrics/records/interaction.ts';
import { Profile } from '../../../src/datatrics/records/profile.ts';
import { type GraphqlResult, startWithUpstream } from '../../helpers/gateway.ts';
import { runs } from '../../helpers/runs.ts';

describe('readNumber', () => {
  it.each([
    [-3, -3],
    ['24.99', 24.99],
    ['24,99', 24.99],
    ['19.9900', 19.99],
    ['1.234,56', 1234.56],
    ['1,234.56', 1234.56],
    ['1.234.567,8', 1234567.8],
    ['1,234,567.8', 1234567.8],
    ['+5', 5],
    [' 12 ', 12],
    [',5', 0.5],
    ['5.', 5],
    ['1e3', 1000],
    ['007', 7],
  ])('reads %j as %d', (value, number) => expect(readNumber(value)).toBe(number));

  it.each([
    ...['', ' ', '-', ',', '.', 'twelve', '12 EUR', '€12', '1.2.3', '0x10', 'Infinity', 'NaN', '1e999', '1e-999'],
    ...['9007199254740993', '-1234567890123456789', '9007199254740993,00', '१२', true, null, undefined, {}, [], [5]],
    ...[Number.POSITIVE_INFINITY, Number.NaN],
  ])('reads %j as nothing', (value) => expect(readNumber(value)).toBeNull());

  it('reads text that is nearly a number in linear time', () => {
    const digits = '1'.repeat(500_000);
    for (const text of [`${digits}x`, `${digits}.x`, `.${digits}x`, `1e${digits}x`, ','.repeat(500_000)]) {
      expect(readNumber(text)).toBeNull();
    }
  });

  it('reads every number in a text, with a point or a comma', () =>
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(readNumber(number)).toBe(number);
        const isLongInteger = /^-?\d+$/.test(String(number)) && !Number.isSafeInteger(number);
        const kept = isLongInteger ? null : Number(String(number));
        expect(readNumber(String(number))).toBe(kept);
        expect(readNumber(String(number).replace('.', ','))).toBe(kept);
      }),
    ));

  it('gives a finite number or nothing, whatever it is given', () =>
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.string({ unit: fc.constantFrom(...'0123456789.,-+eE ') })), (value) => {
        const number = readNumber(value);
        expect(number === null || Number.isFinite(number)).toBe(true);
      }),
      { numRuns: runs(1_000) },
    ));
});

describe('readText', () => {
  it.each([
    ['x', 'x'],
    [' ', ' '],
    [7, '7'],
    [0, '0'],
    [false, 'false'],
    ['', null],
    [null, null],
    [undefined, null],
    [{}, null],
    [['x'], null],
  ])('reads %j as %j', (value, text) => expect(readText(value)).toBe(text));
});

const TABLES: [string, FieldTable][] = [
  ['profile', Profile.fields],
  ['content', Content.fields],
  ['conversion', Conversion.fields],
  ['interaction', Interaction.fields],
];

/** Objects with names that matter to a table, and some that do not. */
function records(fields: FieldTable) {
  const names = Object.values(fields).flatMap(({ rest, alias }) => (alias === undefined ? [rest] : [rest, alias]));
  const name = fc.oneof(
    fc.constantFrom(...names, 'metadata', '__proto__', 'constructor', '1st', 'my field'),
    fc.string(),
  );
  const flat = fc.dictionary(name, fc.oneof(fc.constant(''), fc.jsonValue({ maxDepth: 1 })));
  const nested = fc.tuple(flat, fc.oneof(flat, fc.jsonValue({ maxDepth: 1 })));
  return fc.oneof(
    flat,
    nested.map(([own, metadata]) => ({ ...own, metadata })),
  );
}

describe.each(TABLES)('the attributes of a %s', (_resource, fields) => {
  it('never hold a field that is typed', () =>
    fc.assert(
      fc.property(records(fields), (raw) => {
        const attributes = readAttributes(raw, fields);
        for (const { rest, alias } of Object.values(fields)) {
          expect(Object.hasOwn(attributes, rest)).toBe(false);
          const isThere = (name: string): boolean => !['', null, undefined].includes(lookUp(raw, name) as string);
          if (alias !== undefined && !isThere(rest) && isThere(alias)) {
            expect(Object.hasOwn(attributes, alias)).toBe(false);
          }
        }
      }),
    ));

  it('hold every other field as it was sent, the record’s own before that of its metadata', () =>
    fc.assert(
      fc.property(records(fields), (raw: Record<string, unknown>) => {
        const typed = new Set(Object.values(fields).flatMap(({ rest, alias }) => [rest, alias]));
        const attributes = readAttributes(raw, fields);
        const metadata = raw.metadata;
        const isMap = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata);
        const under = (isMap ? metadata : {}) as Record<string, unknown>;
        for (const name of new Set([...Object.keys(raw), ...Object.keys(under)])) {
          if (typed.has(name) || name === 'metadata') continue;
          expect(attributes[name]).toBe(Object.hasOwn(raw, name) ? raw[name] : under[name]);
        }
        for (const name of Object.keys(attributes)) {
          expect(Object.hasOwn(raw, name) || Object.hasOwn(under, name)).toBe(true);
        }
      }),
    ));
});

const text = fc.oneof(
  fc.string({ minLength: 1, unit: 'grapheme' }),
  fc.string({ minLength: 1, unit: fc.constantFrom(...':%.23A5/ é😀\u0000') }),
);
const keys: fc.Arbitrary<RecordKey> = fc
  .record({
    resource: fc.constantFrom('profile', 'content', 'conversion', 'interaction'),
    id: text.filter((id) => id !== '.' && id !== '..' && id.isWellFormed()),
    source: text.filter((source) => source.isWellFormed()),
    type: fc.constantFrom('ITEM', 'CATEGORY'),
  })
  .map(({ type, ...key }) => (key.resource === 'content' ? { ...key, type } : key));

describe('the global id', () => {
  const RUNS = { numRuns: runs(1_000) };

  it('decodes to its key, in its own project only', () =>
    fc.assert(
      fc.property(keys, (key) => {
        const id = encodeGlobalId('123456', key);
        expect(id).toMatch(/^[\w-]+$/);
        expect(decodeGlobalId('123456', id)).toEqual(key);
        expect(decodeGlobalId('12345', id)).toBeNull();
        expect(decodeGlobalId('1234567', id)).toBeNull();
      }),
      RUNS,
    ));

  it('of two keys is never the same', () => {
    const close = fc.constantFrom('a', ':', '%', '%3A', '%25', 'a:', ':a', '%253A', 'a:b', 'a%3Ab', 'é', 'e\u0301');
    const pair = fc.record({ resource: fc.constant('profile' as const), id: close, source: close });
    fc.assert(
      fc.property(fc.oneof(fc.tuple(keys, keys), fc.tuple(pair, pair)), ([a, b]) => {
        const same = JSON.stringify(a) === JSON.stringify(b);
        expect(encodeGlobalId('1', a) === encodeGlobalId('1', b)).toBe(same);
        expect(canonicalKey(a) === canonicalKey(b)).toBe(same);
      }),
      RUNS,
    );
  });

  it('that is not canonical is refused', () => {
    const base64 = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_') });
    const near = fc
      .tuple(
        fc.constantFrom('Profile', 'Content', 'Content.ITEM', 'Profile.ITEM', 'Sale', 'profile', '', '__proto__'),
        fc.constantFrom('1', '2', ''),
        fc.constantFrom('shop', '', '%3a', '%', 'a%20'),
        fc.constantFrom('7', '', '.', '..', '7:8', '%zz'),
      )
      .map((parts) => Buffer.from(parts.join(':')).toString('base64url'));
    fc.assert(
      fc.property(fc.oneof(fc.string(), base64, near), (id) => {
        const key = decodeGlobalId('1', id);
        // What is taken is what would have been made: there are no two ways to write an id.
        if (key !== null) expect(encodeGlobalId('1', key)).toBe(id);
      }),
      RUNS,
    );
  });

  it.each([
    'Profile:1::7',
    'Profile:1:shop:',
    'Profile:1:shop:.',
    'Profile:1:shop:..',
    'Profile:1:shop:7:7',
    'Profile:1:sh%6Fp:7',
    'Profile::shop:7',
    'Profile.ITEM:1:shop:7',
    'Profile:7',
    'profile:1:shop:7',
    '__proto__:1:shop:7',
    'Content:1:shop:7',
    'Sale:1:shop:7',
  ])('is not the base64 of %s', (parts) => {
    expect(decodeGlobalId('1', Buffer.from(parts).toString('base64url'))).toBeNull();
  });

  it('has one spelling in base64', () => {
    const id = encodeGlobalId('1', { resource: 'profile', id: '7', source: 'shop' });
    const others = [`${id}=`, ` ${id}`, `${id}\n`, id.slice(0, -3)];
    const inOtherAlphabet = Buffer.from('Profile:1:shop:>>>???').toString('base64').replaceAll('=', '');
    const noUtf8 = Buffer.from('Profile:1:shop:7\xff', 'latin1').toString('base64url');
    for (const other of [...others, inOtherAlphabet, noUtf8]) expect(decodeGlobalId('1', other)).toBeNull();
  });
});

describe('what the API sends is read leniently', () => {
  let answer: unknown;
  let gateway: Awaited<ReturnType<typeof startWithUpstream>>;

  beforeAll(async () => {
    gateway = await startWithUpstream(
      ({ path }, res) => {
        if (typeof answer !== 'string')
          return /\/(sale|content|profile|interaction)\//.test(path) ? answer : { items: [answer] };
        return void res.writeHead(200, { 'content-type': 'application/json' }).end(answer);
      },
      { DATATRICS_TIMEZONE: 'Europe/Amsterdam' },
    );
  });
  afterAll(() => gateway.close());

  /** A record that the API sends so, as the gateway gives it, by graphql-js and compiled. */
  async function read(field: string, fields: string, raw: unknown): Promise<GraphqlResult['body']['data']> {
    answer = raw;
    const query = `{ record: ${field} { ${fields} } }`;
    const first = await gateway.query(query);
    expect(first.body.errors).toBeUndefined();
    for (const _run of [2, 3]) expect((await gateway.query(query)).body).toEqual(first.body);
    return first.body.data.record;
  }
  const profile = (fields: string, raw: object) =>
    read('profile(profileId: "7", source: "shop")', fields, { profileid: '7', ...raw });
  const content = (fields: string, raw: object) =>
    read('content(contentId: "7", source: "shop")', fields, { id: '7', ...raw });
  const conversion = (fields: string, raw: object) =>
    read('conversion(conversionId: "7", source: "shop")', fields, { conversionid: '7', ...raw });
  const interaction = (fields: string, raw: object) =>
    read('interaction(interactionId: "7", source: "shop")', fields, { interactionid: '7', ...raw });

  it('a number in a text, with a comma too', async () => {
    expect(
      await conversion('total items { price quantity total attributes }', {
        total: '1.024,99',
        items: [{ price: '24,99', quantity: '2', total: '49.9800', discount: '2,50' }],
      }),
    ).toEqual({
      total: 1024.99,
      items: [{ price: 24.99, quantity: 2, total: 49.98, attributes: { discount: '2,50' } }],
    });
  });

  it('a text in a number, true or false', async () => {
    expect(await profile('name email country', { name: 7, email: false, country: 0 })).toEqual({
      name: '7',
      email: 'false',
      country: '0',
    });
  });

  it('"" as nothing, wherever it stands', async () => {
    const nothing = { profileid: '', email: '', total: '', created: '', updated: '', items: '' };
    expect(
      await conversion('profileId email total createdAt updatedAt items { itemId } attributes profile { id }', nothing),
    ).toEqual({
      profileId: null,
      email: null,
      total: null,
      createdAt: null,
      updatedAt: null,
      items: [],
      attributes: {},
      profile: null,
    });
    expect(await content('name imageUrl itemType attributes', { name: '', metadata: '' })).toEqual({
      name: null,
      imageUrl: null,
      itemType: null,
      attributes: {},
    });
  });

  it('values of another kind as nothing', async () => {
    expect(
      await conversion('email total createdAt items { name price }', {
        email: { a: 1 },
        total: [5],
        created: 1_700_000_000,
        items: [null, 'x', 5, { name: ['x'], price: {} }],
      }),
    ).toEqual({
      email: null,
      total: null,
      createdAt: null,
      items: Array(4).fill({ name: null, price: null }),
    });
  });

  it('ids that are numbers', async () => {
    expect(await read('profile(profileId: 7, source: "shop")', 'profileId', { profileid: 7 })).toEqual({
      profileId: '7',
    });
    expect(
      await conversion('conversionId profileId items { itemId }', {
        conversionid: 7,
        profileid: 31,
        items: [{ itemid: 0 }],
      }),
    ).toEqual({
      conversionId: '7',
      profileId: '31',
      items: [{ itemId: '0' }],
    });
    expect(await interaction('profileId emailId', { metadata: { profileid: 31, emailid: 987 } })).toEqual({
      profileId: '31',
      emailId: '987',
    });
  });

  it('PHP’s [] for an empty metadata, and its object of numbered entries for a list', async () => {
    expect(await content('contentId attributes', { metadata: [] })).toEqual({ contentId: '7', attributes: {} });
    expect(await conversion('items { itemId }', { items: [] })).toEqual({ items: [] });
    expect(await conversion('items { itemId }', { items: { 0: { itemid: 'a' }, 2: { itemid: 'b' } } })).toEqual({
      items: [{ itemId: 'a' }, { itemId: 'b' }],
    });
  });

  it('a field from the record or from its metadata, wherever it has a value', async () => {
    expect(
      await content('name url imageUrl itemType createdAt attributes', {
        image: 'https://shop.example/own.jpg',
        url: '',
        created: '2024-01-15 12:00:00',
        metadata: {
          name: 'Lamp',
          url: 'https://shop.example/7',
          image: 'https://shop.example/other.jpg',
          itemtype: 'product',
        },
      }),
    ).toEqual({
      name: 'Lamp',
      url: 'https://shop.example/7',
      imageUrl: 'https://shop.example/own.jpg',
      itemType: 'product',
      createdAt: '2024-01-15T11:00:00.000Z',
      attributes: {},
    });
    expect(await interaction('event occurredAt', { event: 'open', datetime: '2024-07-15 12:00:00' })).toEqual({
      event: 'open',
      occurredAt: '2024-07-15T10:00:00.000Z',
    });
  });

  it('profile_id, created_at and updated_at where profileid, created and updated are missing', async () => {
    const fallback = { profile_id: 31, created_at: '2024-01-15 12:00:00', updated_at: '2024-01-16T12:00:00Z' };
    const fields = 'profileId createdAt updatedAt attributes';
    expect(await conversion(fields, fallback)).toEqual({
      profileId: '31',
      createdAt: '2024-01-15T11:00:00.000Z',
      updatedAt: '2024-01-16T12:00:00.000Z',
      attributes: {},
    });
    expect(await conversion(fields, { ...fallback, profileid: '', created: null })).toMatchObject({
      profileId: '31',
      createdAt: '2024-01-15T11:00:00.000Z',
      attributes: {},
    });
    // Where the documented name has a value, the other is an attribute as any.
    expect(await conversion(fields, { ...fallback, profileid: '30', created: '2024-01-01' })).toEqual({
      profileId: '30',
      createdAt: '2023-12-31T23:00:00.000Z',
      updatedAt: '2024-01-16T12:00:00.000Z',
      attributes: { profile_id: 31, created_at: '2024-01-15 12:00:00' },
    });
  });

  it('a profile that has its id as profile_id', async () => {
    const raw = { profile_id: '7', email: 'bo@example.org', city: 'Gent' };
    expect(await read('profile(profileId: "7", source: "shop")', 'profileId attributes', raw)).toEqual({
      profileId: '7',
      attributes: { city: 'Gent' },
    });
  });

  it('impossible times as nothing', async () => {
    expect(await profile('createdAt updatedAt', { created: '0000-00-00 00:00:00', updated: 'not a date' })).toEqual({
      createdAt: null,
      updatedAt: null,
    });
  });

  it('fields of any name and kind as attributes, as they were sent', async () => {
    const more = {
      'my field': 1,
      '1st': true,
      __typename: 'Trick',
      constructor: 'x',
      price: '24,99',
      nothing: null,
      empty: '',
      list: [1, { a: 'é😀' }],
      nested: { deep: { er: [] } },
    };
    expect(await profile('attributes', { ...more, source: 'shop', metadata: { inner: 1, price: '1' } })).toEqual({
      attributes: { ...more, inner: 1 },
    });
    const proto = '{"profileid":"7","__proto__":{"x":1},"metadata":{"__proto__":2,"toString":3}}';
    const record = await read('profile(profileId: "7", source: "shop")', 'name attributes', proto);
    expect(JSON.stringify(record)).toBe('{"name":null,"attributes":{"__proto__":{"x":1},"toString":3}}');
  });

  it('keys not as attributes, but a shop’s own type', async () => {
    expect(await content('type attributes', { source: 'shop', type: 'item', metadata: { source: 'x' } })).toEqual({
      type: 'ITEM',
      attributes: {},
    });
    expect(await content('type attributes', { source: 'shop', type: 'configurable' })).toEqual({
      type: 'ITEM',
      attributes: { type: 'configurable' },
    });
    expect(
      await interaction('objectType attributes', { objecttype: 'free text', metadata: { interactionid: '7' } }),
    ).toEqual({
      objectType: 'free text',
      attributes: {},
    });
  });

  it('fields whose names differ in case as two', async () => {
    expect(await profile('email attributes', { email: 'a@example.org', Email: 'b@example.org' })).toEqual({
      email: 'a@example.org',
      attributes: { Email: 'b@example.org' },
    });
  });
});
