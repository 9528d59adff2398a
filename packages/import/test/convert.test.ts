import { describe, expect, test } from 'vitest';
import type { Resource } from '../../../src/datatrics/endpoints.ts';
import { createColumns } from '../columns.ts';
import { type ConvertOptions, createConverter } from '../convert.ts';

type Options = Partial<ConvertOptions> & { strict?: boolean };

const DEFAULTS: Omit<ConvertOptions, 'resource' | 'columns'> = {
  ...{
    decimal: undefined,
    source: undefined,
    timeZone: 'UTC',
    dateReader: null,
    exactIds: false,
    roundedIds: true,
    note: () => undefined,
  },
  ...{ type: 'item', empty: 'skip' },
} as const;

function converter(resource: Resource, options: Options = {}) {
  const columns = createColumns({ resource, map: new Map(), ignore: [], strict: options.strict ?? false });
  return createConverter({ ...DEFAULTS, resource, columns, ...options });
}

function ofRecord(resource: Resource, record: object, options: Options = {}): unknown {
  const { input, problems } = converter(resource, options).ofJson(JSON.stringify(record));
  if (problems.length > 0) return problems.map(({ code, message }) => `${code} ${message}`);
  return JSON.parse(JSON.stringify(input));
}

const KEY = { conversionId: '1', source: 's' };

describe('a record', () => {
  test('is read by GraphQL names, REST names, and as the API wraps it', () => {
    const input = { profileId: '1', source: 's', firstName: 'Ada', attributes: { tier: 'gold' } };
    expect(ofRecord('profile', { ...input, attributes: undefined, tier: 'gold' })).toEqual(input);
    expect(ofRecord('profile', { profileid: 1, source: 's', firstname: 'Ada', tier: 'gold' })).toEqual(input);
    expect(ofRecord('profile', { profileid: 1, source: 's', profile: { firstname: 'Ada', tier: 'gold' } })).toEqual(
      input,
    );
    expect(ofRecord('profile', input)).toEqual(input);
  });

  test('has the source and type that are given for all, where it names none', () => {
    expect(ofRecord('content', { itemid: 'a' }, { source: 'x', type: 'category' })).toMatchObject({
      contentId: 'a',
      source: 'x',
      type: 'CATEGORY',
    });
    expect(
      ofRecord('content', { itemid: 'a', source: 'y', type: 'items' }, { source: 'x', type: 'category' }),
    ).toMatchObject({
      source: 'y',
      type: 'ITEM',
    });
    expect(ofRecord('content', { itemid: 'a', source: 'y', type: 'simple' })).toEqual([
      expect.stringContaining('neither ITEM nor CATEGORY'),
    ]);
  });

  test.each([
    ['24.99', 24.99],
    ['24,99', 24.99],
    ['1.234,56', 1234.56],
    [7, 7],
    [' 8 ', 8],
  ])('has the number %j as %j', (total, number) => {
    expect(ofRecord('conversion', { ...KEY, total })).toMatchObject({ total: number });
  });

  test.each(['1,234', '1.234', 'ten', '', '1e999', true, {}])('is refused for the number %j', (total) => {
    expect(ofRecord('conversion', { ...KEY, total })).toEqual([expect.stringMatching(/^INVALID total: /)]);
  });

  test('has numbers as its decimal sign says', () => {
    expect(ofRecord('conversion', { ...KEY, total: '1,234' }, { decimal: ',' })).toMatchObject({ total: 1.234 });
    expect(ofRecord('conversion', { ...KEY, total: '1,234' }, { decimal: '.' })).toMatchObject({ total: 1234 });
    expect(ofRecord('conversion', { ...KEY, total: '12,34' }, { decimal: '.' })).toEqual([
      expect.stringContaining('not a number'),
    ]);
  });

  test.each([
    ['2024-05-01T12:00:00+02:00', '2024-05-01T10:00:00.000Z'],
    ['2024-05-01 12:00:00', '2024-05-01T10:00:00.000Z'],
    ['2024-05-01', '2024-04-30T22:00:00.000Z'],
  ])('has the time %s as %s', (created, instant) => {
    expect(ofRecord('conversion', { ...KEY, created }, { timeZone: 'Europe/Amsterdam' })).toMatchObject({
      createdAt: instant,
    });
  });

  test.each(['2024-02-30', '01/05/2024', 1714557600, 'soon'])('is refused for the time %j', (createdAt) => {
    expect(ofRecord('conversion', { ...KEY, createdAt })).toEqual([
      expect.stringMatching(/^INVALID createdAt: .* is not a time/),
    ]);
  });

  test('keeps the digits of a number that a double does not hold, or is refused for it', () => {
    const columns = converter('conversion');
    const json = (fields: string): string =>
      JSON.stringify(columns.ofJson(`{"conversionId":12345678901234567890,${fields}}`));
    expect(json('"source":"s","profileid":-9007199254740993,"x":[1e999]')).toBe(
      JSON.stringify({
        input: {
          conversionId: '12345678901234567890',
          source: 's',
          profileId: '-9007199254740993',
          attributes: { x: ['1e999'] },
        },
        problems: [],
      }),
    );
    expect(json('"source":"s","total":9007199254740993')).toContain('is not a number');
  });

  test('is refused for an id that is no whole number, and one field twice', () => {
    const columns = converter('profile');
    const problem = (json: string): string => JSON.stringify(columns.ofJson(json));
    expect(problem('{"profileId":1.5,"source":"s"}')).toContain('in quotes');
    expect(problem('{"profileId":"a","profileid":"b","source":"s"}')).toContain('twice');
    expect(problem('[1]')).toContain('MALFORMED');
  });

  test('has its items from JSON text, by either name, with their attributes', () => {
    const items =
      '[{"itemid":5,"quantity":"2","price":"9,95","colour":"red"},{"itemId":"6","attributes":{"size":"L"}}]';
    expect(ofRecord('conversion', { ...KEY, items })).toMatchObject({
      items: [
        { itemId: '5', quantity: 2, price: 9.95, attributes: { colour: 'red' } },
        { itemId: '6', attributes: { size: 'L' } },
      ],
    });
    expect(ofRecord('conversion', { ...KEY, items: '5x' })).toEqual(['INVALID items: the value is not JSON.']);
  });

  test('keeps unknown names as attributes, of any spelling, or is refused for them', () => {
    const json = '{"profileId":"1","source":"s","__proto__":{"a":1},"constructor":2}';
    const converted = converter('profile').ofJson(json);
    expect(JSON.stringify(converted.input.attributes)).toBe('{"__proto__":{"a":1},"constructor":2}');
    expect(ofRecord('profile', { profileId: '1', source: 's', tier: 1 }, { strict: true })).toEqual([
      'INVALID tier: no field has this name (--strict).',
    ]);
  });
});

test('a refused id is not also reported as missing, for every name of its column', () => {
  const columns = createColumns({
    resource: 'profile',
    map: new Map([['Customer', 'profileId']]),
    ignore: [],
    strict: false,
  });
  const { problems } = converter('profile', { columns }).ofCells(['Customer', 'source'], ['8.7E+12', 's']);
  expect(problems.map(({ message }) => message)).toEqual([expect.stringMatching(/^Customer: .*scientific notation/)]);
});

describe('cells', () => {
  const header = ['profileId', 'name', 'attributes', 'attributes.tier'];

  test('that are empty say nothing, or empty the field', () => {
    const skip = converter('profile', { source: 's' }).ofCells(header, ['1', '', '', '']);
    expect(skip).toMatchObject({ input: { profileId: '1', source: 's' }, problems: [] });
    expect(Object.keys(skip.input)).toEqual(['profileId', 'source']);
    const empty = converter('profile', { source: 's', empty: 'null' }).ofCells(header, ['1', '', '', '']);
    expect(empty).toMatchObject({ input: { profileId: '1', source: 's', name: null } });
  });

  test('may hold attributes as JSON, beside those with columns of their own', () => {
    const { input } = converter('profile', { source: 's' }).ofCells(header, ['1', 'A', '{"a":[1]}', 'gold']);
    expect({ ...(input.attributes as object) }).toEqual({ a: [1], tier: 'gold' });
  });
});
