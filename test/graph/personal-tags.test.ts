import {
  type DirectiveNode,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isObjectType,
  Kind,
  parse,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { SCOPES } from '../../src/auth/scopes.ts';
import { createRecordTypes, fieldTablesOf } from '../../src/datatrics/records/custom-fields.ts';
import { buildSchema } from '../../src/graph/schema.ts';
import { createFolder } from '../helpers/files.ts';
import { startWithUpstream } from '../helpers/gateway.ts';
import { createTokenFile, scopesWithout } from '../helpers/token-file.ts';

const CUSTOM = {
  Profile: {
    mobile: { type: 'String', from: 'phone', personal: true },
    bornAt: { type: 'DateTime', from: 'birth', personal: true },
    visits: { type: 'Int', from: 'visits', personal: true },
    tier: { type: 'String', from: 'loyalty_tier' },
    mail: { type: 'String', from: 'e_mail' },
  },
  Content: { author: { type: 'String', from: 'author', personal: true }, price: { type: 'Float', from: 'price' } },
  Conversion: { receiver: { type: 'ID', from: 'receiver_id', personal: true } },
  ConversionItem: { gift: { type: 'String', from: 'gift_for', personal: true } },
  Interaction: { device: { type: 'String', from: 'device', personal: true } },
} as const;

/** Tagged elements of a subgraph's schema: `Profile.email`. */
function taggedIn(sdl: string): string[] {
  const isTagged = ({ directives }: { directives?: readonly DirectiveNode[] }): boolean =>
    directives?.some((one) => one.name.value === 'tag' && JSON.stringify(one).includes('"pii"')) === true;
  return parse(sdl)
    .definitions.flatMap((definition) => {
      if (!('name' in definition) || definition.name === undefined) return [];
      const parent = definition.name.value;
      const parts =
        definition.kind === Kind.OBJECT_TYPE_DEFINITION || definition.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION
          ? (definition.fields ?? [])
          : definition.kind === Kind.ENUM_TYPE_DEFINITION
            ? (definition.values ?? [])
            : [];
      return parts.filter(isTagged).map(({ name }) => `${parent}.${name.value}`);
    })
    .sort();
}

const { write } = createFolder();
const file = write('gateway.json', { customFields: CUSTOM });
const tokens = createTokenFile();
const headers = tokens.add('reader', scopesWithout('pii:read'));
const router = tokens.add('router', SCOPES);
const tables = fieldTablesOf(createRecordTypes(CUSTOM));

/** A record with something in every typed field, none of which looks like an address. */
function row(type: keyof typeof tables): Record<string, unknown> {
  const values = Object.values(tables[type]).map(({ kind, rest }) => [
    rest,
    kind === 'time' ? '2024-01-01 00:00:00' : kind === 'number' ? 7 : kind === 'items' ? [row('ConversionItem')] : 'x',
  ]);
  return { ...Object.fromEntries(values), source: 'S', [`${type.toLowerCase()}id`]: '1' };
}

const PATHS = { profile: 'Profile', content: 'Content', sale: 'Conversion', interaction: 'Interaction' } as const;
const gateway = await startWithUpstream(
  ({ path }) => {
    const [, name = ''] = /project\/1\/(\w+)/.exec(path) ?? [];
    const one = { ...row(PATHS[name as keyof typeof PATHS]), itemid: '1', conversionid: '1' };
    return { items: [one], total_items: 1, total_pages: 1 };
  },
  { ...tokens.settings, GATEWAY_CONFIG: file, PII_FIELDS: 'country,objecttype,occurredAt', DATATRICS_FILTERS: 'on' },
);
const { body } = await gateway.subgraph('{ _service { sdl } }', {}, router);
const tagged = new Set(taggedIn(body.data._service.sdl));
const schema = buildSchema({ customFields: CUSTOM });
const LISTS = { Profile: 'profiles', Content: 'contents', Conversion: 'conversions', Interaction: 'interactions' };

test('the tags of personal data are those of the one list of personal fields', () => {
  expect([...tagged]).toEqual(
    [
      ...['attributes', 'bornAt', 'country', 'email', 'firstName', 'lastName', 'mail', 'mobile', 'name', 'visits'].map(
        (name) => `Profile.${name}`,
      ),
      ...['attributes', 'author', 'objectType'].map((name) => `Content.${name}`),
      ...['attributes', 'email', 'receiver'].map((name) => `Conversion.${name}`),
      ...['attributes', 'gift'].map((name) => `ConversionItem.${name}`),
      ...['attributes', 'device', 'objectType', 'occurredAt'].map((name) => `Interaction.${name}`),
      ...['bornAt', 'email', 'mail', 'mobile'].map((name) => `ProfileFilter.${name}`),
      ...['author'].map((name) => `ContentFilter.${name}`),
      ...['email', 'receiver'].map((name) => `ConversionFilter.${name}`),
      ...['device', 'occurredAt'].map((name) => `InteractionFilter.${name}`),
      ...['EMAIL', 'NAME'].map((name) => `ProfileOrderField.${name}`),
      ...['EMAIL'].map((name) => `ConversionOrderField.${name}`),
      ...['OCCURRED_AT'].map((name) => `InteractionOrderField.${name}`),
    ].sort(),
  );
});

describe.each(Object.entries(LISTS))('without pii:read, of a %s', (type, list) => {
  const read = async (args: string, selection: string) =>
    gateway.query(`{ ${list}(first: 1${args}) { nodes { ${selection} } } }`, {}, headers);

  test('the masked fields are those with the tag', async () => {
    const holder = schema.getType(type);
    if (!isObjectType(holder)) throw new Error(`${type} is no object`);
    for (const field of Object.values(holder.getFields())) {
      if (!isLeafType(getNamedType(field.type)) || field.name === 'attributes') continue;
      const answer = await read('', field.name);
      expect([answer.status, answer.body.errors]).toEqual([200, undefined]);
      const isMasked = answer.body.extensions?.masked !== undefined;
      expect([field.name, isMasked]).toEqual([field.name, tagged.has(`${type}.${field.name}`)]);
    }
  });

  test('filters and orders are refused for the fields with the tag', async () => {
    const filter = schema.getType(`${type}Filter`);
    const order = schema.getType(`${type}OrderField`);
    if (!isInputObjectType(filter) || !isEnumType(order)) throw new Error(`${type} has no filter or order`);
    for (const { name, type: input } of Object.values(filter.getFields())) {
      const value = isInputObjectType(input) ? '{ gte: "2024-01-01T00:00:00Z" }' : '"x"';
      const { status } = await read(`, filter: { ${name}: ${value} }`, 'id');
      expect([name, status]).toEqual([name, tagged.has(`${type}Filter.${name}`) ? 403 : 200]);
    }
    for (const { name } of order.getValues()) {
      const { status } = await read(`, orderBy: { field: ${name}, direction: ASC }`, 'id');
      expect([name, status]).toEqual([name, tagged.has(`${type}OrderField.${name}`) ? 403 : 200]);
    }
  });
});

test('without configuration, the documented fields have it', async () => {
  const plain = await startWithUpstream(() => ({}));
  const answer = await plain.subgraph('{ _service { sdl } }');
  const names =
    'Conversion.attributes Conversion.email ConversionFilter.email ConversionItem.attributes ConversionOrderField.EMAIL ' +
    'Interaction.attributes Profile.attributes Profile.email Profile.firstName Profile.lastName Profile.name ' +
    'ProfileFilter.email ProfileOrderField.EMAIL ProfileOrderField.NAME';
  expect(taggedIn(answer.body.data._service.sdl)).toEqual(names.split(' '));
});
