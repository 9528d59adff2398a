import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { canonicalKey, decodeGlobalId, encodeGlobalId, type RecordKey } from '../../../src/datatrics/keys.ts';
import { Content } from '../../../src/datatrics/records/content.ts';
import { Conversion } from '../../../src/datatrics/records/conversion.ts';
import { createRecordTypes } from '../../../src/datatrics/records/custom-fields.ts';
import {
  type FieldTable,
  lookUp,
  readAttributes,
  readNumber,
  readText,
} from '../../../src/datatrics/records/fields.ts';
import { Interaction } from '../../../src/datatrics/records/interaction.ts';
import { Profile } from '../../../src/datatrics/records/profile.ts';
import { decodeRecord } from '../../../src/datatrics/records/record.ts';
import { startWithUpstream } from '../../helpers/gateway.ts';
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

test.each(TABLES)(
  'the attributes of a %s are all other fields, the record’s own before those of its metadata',
  (_, table) =>
    fc.assert(
      fc.property(records(table), (raw: Record<string, unknown>) => {
        const isThere = (name: string): boolean => !['', null, undefined].includes(lookUp(raw, name) as string);
        const typed = new Set(['metadata']);
        for (const { rest, alias = rest } of Object.values(table)) {
          typed.add(rest);
          if (!isThere(rest) && isThere(alias)) typed.add(alias);
        }
        const { metadata } = raw;
        const isMap = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata);
        const expected = new Map(
          Object.entries({ ...(isMap ? metadata : {}), ...raw }).filter(([name]) => !typed.has(name)),
        );
        const attributes = Object.entries(readAttributes(raw, table)).filter(([name]) => name !== 'metadata');
        expect(new Map(attributes)).toEqual(expected);
      }),
    ),
);

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

test('custom fields may have the names of the kinds of fields', () => {
  const declared = (from: string) => ({ type: 'String', from }) as const;
  const Conversion = { text: declared('a'), number: declared('b'), time: declared('c'), read: declared('d') };
  const context = { project: '1', timeZone: 'UTC' };
  const { conversion } = createRecordTypes({ Conversion });
  const raw = { conversionid: '1', source: 's', email: '', total: '5', created: '', a: 'A', b: 'B', c: 'C', d: 'D' };
  expect(decodeRecord(conversion, raw, {}, context)).toMatchObject({
    ...{ email: null, total: 5, createdAt: null },
    ...{ text: 'A', number: 'B', time: 'C', read: 'D', attributes: {} },
  });
});

describe('what the API sends is read leniently', async () => {
  let answer: unknown;
  const gateway = await startWithUpstream(
    ({ path }, res) => {
      if (typeof answer === 'object') return path.includes('/7') ? answer : { items: [] };
      return void res.writeHead(200, { 'content-type': 'application/json' }).end(answer);
    },
    { DATATRICS_TIMEZONE: 'Europe/Amsterdam' },
  );

  const KEYS = { profile: 'profileid', content: 'id', conversion: 'conversionid', interaction: 'interactionid' };
  const fallback = { profile_id: 31, created_at: '2024-01-15 12:00:00', updated_at: '2024-01-16T12:00:00Z' };
  const dated = 'profileId createdAt updatedAt attributes';
  const odd = {
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

  /** What is read, the record, the selected fields, what the API sends beside the key, and what the client gets. */
  type Row = [what: string, type: keyof typeof KEYS, fields: string, raw: object, data: object];
  const ROWS: Row[] = [
    [
      'a number in a text, with a comma too',
      'conversion',
      'total items { price quantity total attributes }',
      { total: '1.024,99', items: [{ price: '24,99', quantity: '2', total: '49.9800', discount: '2,50' }] },
      { total: 1024.99, items: [{ price: 24.99, quantity: 2, total: 49.98, attributes: { discount: '2,50' } }] },
    ],
    [
      '"" as nothing',
      'conversion',
      'profileId email total createdAt items { itemId } attributes profile { id }',
      { profileid: '', email: '', total: '', created: '', items: '' },
      { profileId: null, email: null, total: null, createdAt: null, items: [], attributes: {}, profile: null },
    ],
    ['"" as no metadata', 'content', 'name attributes', { name: '', metadata: '' }, { name: null, attributes: {} }],
    [
      'values of another kind as nothing',
      'conversion',
      'email total createdAt items { name price }',
      {
        email: { a: 1 },
        total: [5],
        created: 1_700_000_000,
        items: [null, 'x', 5, { name: ['x'], price: {} }],
      },
      { email: null, total: null, createdAt: null, items: Array(4).fill({ name: null, price: null }) },
    ],
    [
      'ids in the metadata',
      'interaction',
      'profileId emailId',
      { metadata: { profileid: 31, emailid: 987 } },
      { profileId: '31', emailId: '987' },
    ],
    ['PHP’s [] for an empty metadata', 'content', 'attributes', { metadata: [] }, { attributes: {} }],
    [
      'PHP’s object of numbered entries for a list',
      'conversion',
      'items { itemId }',
      { items: { 0: { itemid: 'a' }, 2: { itemid: 'b' } } },
      { items: [{ itemId: 'a' }, { itemId: 'b' }] },
    ],
    [
      'a field from the record or from its metadata, wherever it has a value',
      'content',
      'name url imageUrl createdAt attributes',
      {
        image: 'https://shop.example/own.jpg',
        url: '',
        created: '2024-01-15 12:00:00',
        metadata: { name: 'Lamp', url: 'https://shop.example/7', image: 'https://shop.example/other.jpg' },
      },
      {
        name: 'Lamp',
        url: 'https://shop.example/7',
        imageUrl: 'https://shop.example/own.jpg',
        createdAt: '2024-01-15T11:00:00.000Z',
        attributes: {},
      },
    ],
    [
      'profile_id, created_at and updated_at where profileid, created and updated have no value',
      'conversion',
      dated,
      { ...fallback, profileid: '', created: null },
      {
        profileId: '31',
        createdAt: '2024-01-15T11:00:00.000Z',
        updatedAt: '2024-01-16T12:00:00.000Z',
        attributes: {},
      },
    ],
    [
      'profile_id and created_at as attributes where profileid and created have a value',
      'conversion',
      dated,
      { ...fallback, profileid: '30', created: '2024-01-01' },
      {
        profileId: '30',
        createdAt: '2023-12-31T23:00:00.000Z',
        updatedAt: '2024-01-16T12:00:00.000Z',
        attributes: { profile_id: 31, created_at: '2024-01-15 12:00:00' },
      },
    ],
    [
      'a profile that has its id as profile_id',
      'profile',
      'profileId attributes',
      { profileid: undefined, profile_id: '7', city: 'Gent' },
      { profileId: '7', attributes: { city: 'Gent' } },
    ],
    [
      'fields of any name and kind as attributes, as they were sent',
      'profile',
      'attributes',
      { ...odd, source: 'shop', metadata: { inner: 1, price: '1' } },
      { attributes: { ...odd, inner: 1 } },
    ],
    [
      'keys not as attributes',
      'content',
      'type attributes',
      { source: 'shop', type: 'item', metadata: { source: 'x' } },
      { type: 'ITEM', attributes: {} },
    ],
    [
      'a shop’s own type as an attribute',
      'content',
      'type attributes',
      { type: 'configurable' },
      { type: 'ITEM', attributes: { type: 'configurable' } },
    ],
    [
      'fields whose names differ in case as two',
      'profile',
      'email attributes',
      { email: 'a@example.org', Email: 'b@example.org' },
      { email: 'a@example.org', attributes: { Email: 'b@example.org' } },
    ],
  ];

  it.each(ROWS)('%s', async (_what, type, fields, raw, data) => {
    answer = { [KEYS[type]]: '7', ...raw };
    const query = `{ record: ${type}(${type}Id: "7", source: "shop") { ${fields} } }`;
    // By graphql-js, then compiled.
    for (const _run of [1, 2, 3]) expect((await gateway.query(query)).body).toEqual({ data: { record: data } });
  });

  it('a field named __proto__ as an attribute', async () => {
    answer = '{"profileid":"7","__proto__":{"x":1},"metadata":{"__proto__":2,"toString":3}}';
    const { body } = await gateway.query('{ record: profile(profileId: "7", source: "shop") { attributes } }');
    expect(JSON.stringify(body.data.record)).toBe('{"attributes":{"__proto__":{"x":1},"toString":3}}');
  });
});
