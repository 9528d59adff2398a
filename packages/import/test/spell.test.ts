import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { prepareItem } from '../../../src/datatrics/bulk/items.ts';
import type { Resource } from '../../../src/datatrics/endpoints.ts';
import { canonicalKey } from '../../../src/datatrics/keys.ts';
import type { JsonObject } from '../../../src/datatrics/records/fields.ts';
import { readJson } from '../../../src/lib/digits.ts';
import { runs } from '../../../test/helpers/runs.ts';
import { Columns, type Slot } from '../columns.ts';
import { type Converted, Converter, type ConvertOptions, isUnwritable } from '../convert.ts';
import { type Spelled, Speller } from '../spell.ts';

const ZONE = 'Europe/Amsterdam';

interface Both {
  readonly converter: Converter;
  readonly speller: Speller;
  readonly columns: Columns;
  readonly resource: Resource;
}

function both(resource: Resource, options: Partial<ConvertOptions> & { strict?: boolean } = {}): Both {
  const columns = new Columns({ resource, map: new Map(), ignore: new Set(['skip']), strict: options.strict ?? false });
  const defaults = { source: undefined, type: 'ITEM', empty: 'skip', decimal: undefined, timeZone: 'UTC' } as const;
  const how = { ...defaults, resource, columns, ...options };
  return { converter: new Converter(how), speller: new Speller(how, ZONE), columns, resource };
}

/** What the long way makes of a row: null where it has something to say about it. */
function theLongWay({ resource }: Both, converted: Converted): { name: string; body: unknown } | null {
  if ('problems' in converted) return null;
  const { pending } = prepareItem(resource, converted.input, { timeZone: ZONE }, 0);
  return pending && { name: pending.name, body: JSON.parse(pending.json) };
}

const shown = (spelled: Spelled | null | undefined) =>
  spelled && { name: canonicalKey(spelled.key), body: JSON.parse(spelled.json) };

function byRecord(way: Both, text: string) {
  const value = readJson(text) as JsonObject;
  const isPlain = !text.includes('\\');
  return {
    spelled: isUnwritable(text, value) ? null : shown(way.speller.ofRecord(value, isPlain)),
    converted: theLongWay(way, way.converter.ofJson(text)),
  };
}

const RESOURCES = ['profile', 'content', 'conversion', 'interaction'] as const;
const NAMES = [
  ...['profileId', 'profileid', 'contentId', 'itemid', 'conversionid', 'interactionId', 'source', 'Source', 'type'],
  ...['name', 'firstName', 'firstname', 'email', 'total', 'createdAt', 'created_at', 'items', 'objecttype', 'event'],
  ...['datetime', 'attributes', 'attributes.email', 'attributes.tier', 'tier', '__proto__', 'constructor', '7', 'skip'],
  ...['_code', '_raw', '_record', 'profile', 'item', 'quote"d', 'ü'],
];
const text = fc.oneof(
  fc.constantFrom(
    '',
    '1',
    'a',
    'CRM',
    'Ada "A"',
    'ü\u2028\\',
    '.',
    '..',
    'a:b%',
    '12,5',
    '1,234',
    '1.234,56',
    'DUPLICATE',
  ),
  fc.constantFrom(
    '2024-05-01',
    '2024-05-01 12:00:00',
    '2024-05-01T12:00:00+02:00',
    'soon',
    'item',
    'categories',
    '{"a":1}',
  ),
  fc.constantFrom('[{"itemid":5,"price":"9,95","colour":"red"}]', '{"tier":"x"}', '[]', '\u0001\t', '💶', '\ud800'),
);
const json = fc.oneof(
  { weight: 4, arbitrary: text as fc.Arbitrary<unknown> },
  {
    weight: 2,
    arbitrary: fc.constantFrom(null, true, 5, 1e21, 2 ** 60, -0, [], [{ itemId: 'x' }], { tier: 1, x: null }),
  },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom(...NAMES), text as fc.Arbitrary<unknown>, { maxKeys: 4 }) },
);
const options = fc.record({
  source: fc.constantFrom('CRM', undefined),
  type: fc.constantFrom('ITEM' as const, 'CATEGORY' as const),
  empty: fc.constantFrom('skip' as const, 'null' as const),
  decimal: fc.constantFrom(undefined, '.' as const, ',' as const),
  timeZone: fc.constantFrom('UTC', 'America/New_York'),
  strict: fc.boolean(),
});

describe('what is spelled at once', () => {
  test('is what the long way makes of it: records', () => {
    let spelledRows = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...RESOURCES),
        options,
        fc.array(fc.array(fc.tuple(fc.constantFrom(...NAMES), json), { maxLength: 7 }), { minLength: 1, maxLength: 4 }),
        (resource, how, records) => {
          const way = both(resource, how);
          for (const pairs of records) {
            // Written by hand, so that names may come twice and `__proto__` is one.
            const members = [[`${resource}Id`, 'k'], ...pairs].map(
              ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
            );
            const { spelled, converted } = byRecord(way, `{${members.join(',')}}`);
            if (spelled === null) continue;
            expect(spelled).toEqual(converted);
            spelledRows += 1;
          }
        },
      ),
      { numRuns: runs(3_000) },
    );
    expect(spelledRows).toBeGreaterThan(100);
  });

  test('is what the long way makes of it: cells', () => {
    let spelledRows = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...RESOURCES),
        options,
        fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 6 }),
        fc.array(fc.array(text, { minLength: 7, maxLength: 7 }), { minLength: 1, maxLength: 4 }),
        (resource, how, names, rows) => {
          const way = both(resource, { ...how, strict: false });
          const header = [`${resource}Id`, ...names];
          const slots = header.map((name) => way.columns.slotOf(name) as Slot);
          const spell = way.speller.forHeader(slots);
          for (const [first, ...rest] of rows) {
            const cells = [first || 'k', ...rest].slice(0, header.length).filter((cell) => cell.isWellFormed());
            if (cells.length < header.length) continue;
            const spelled = shown(spell?.(cells)) ?? null;
            if (spelled === null) continue;
            expect(spelled).toEqual(theLongWay(way, way.converter.ofCells(cells, header, slots)));
            spelledRows += 1;
          }
        },
      ),
      { numRuns: runs(3_000) },
    );
    expect(spelledRows).toBeGreaterThan(100);
  });

  test('are rows as they mostly are', () => {
    const profile = both('profile', { source: 'CRM' });
    for (const line of [
      '{"profileId":"1","source":"Shop","firstName":"Ada","loyalty_tier":"gold","n":1.5,"x":null}',
      '{"profileid":1,"firstname":"Zo\\u00eb","created":"2024-05-01 12:00:00","attributes":{"a":[1],"b":"c"}}',
      '{"profileid":"1","profile":{"firstname":"Ada","tier":"gold"}}',
    ]) {
      const { spelled, converted } = byRecord(profile, line);
      expect(spelled).not.toBeNull();
      expect(spelled).toEqual(converted);
    }
    const sale = byRecord(
      both('conversion'),
      '{"conversionid":"1","source":"s","total":"9,95","items":[{"itemid":5}]}',
    );
    expect(sale.spelled).toEqual(sale.converted);
    expect(sale.spelled?.body).toMatchObject({ conversion: { total: 9.95, items: [{ itemid: '5' }] } });
    const event = byRecord(
      both('interaction'),
      '{"interactionid":"1","source":"s","objecttype":"mail","event":"open"}',
    );
    expect(event.spelled).toEqual(event.converted);
    expect(event.spelled?.body).toMatchObject({ objecttype: 'mail', interaction: { event: 'open' } });
  });

  test.each([
    ['no id', '{"source":"s"}'],
    ['no source', '{"profileId":"1"}'],
    ['an id that can not be', '{"profileId":"..","source":"s"}'],
    ['a field twice', '{"profileId":"1","profileid":"2","source":"s"}'],
    ['an attribute twice', '{"profileId":"1","source":"s","attributes":{"a":1},"a":2}'],
    ['an attribute that is a field', '{"profileId":"1","source":"s","attributes":{"email":"x"}}'],
    ['a time that is none', '{"profileId":"1","source":"s","created":"soon"}'],
    [
      'an attribute of an item that is a field',
      '{"conversionId":"1","source":"s","items":[{"itemid":5,"attributes":{"name":"x"}}]}',
    ],
    ['half a character', '{"profileId":"1","source":"s","name":"\\ud800"}'],
  ])('is nothing of a row with %s, which the long way refuses', (_, line) => {
    const resource = line.includes('conversion') ? 'conversion' : 'profile';
    expect(byRecord(both(resource), line)).toEqual({ spelled: null, converted: null });
  });

  test('stays right when each row has names of its own', () => {
    const way = both('profile', { source: 's' });
    for (let i = 0; i < 25_000; i++) {
      const { spelled, converted } = byRecord(way, `{"profileId":"${i}","name${i}":1,"attributes":{"a${i}":2}}`);
      if (spelled !== null) expect(spelled).toEqual(converted);
      expect(converted).not.toBeNull();
    }
  });
});
