import {
  buildASTSchema,
  type DefinitionNode,
  execute,
  type GraphQLNamedType,
  GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  Kind,
  lexicographicSortSchema,
  parse,
  print,
  printSchema,
  visit,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { type Mask, Masking } from '../../src/datatrics/masking.ts';
import { ConversionItem } from '../../src/datatrics/records/conversion.ts';
import { createRecordTypes } from '../../src/datatrics/records/custom-fields.ts';
import type { FieldTable, JsonObject } from '../../src/datatrics/records/fields.ts';
import { type DatatricsRecord, decodeRecord } from '../../src/datatrics/records/record.ts';
import { RECORD_TYPES } from '../../src/datatrics/records/record-types.ts';
import { buildSchema, type SchemaOptions } from '../../src/graph/schema.ts';

const schema = buildSchema();

const PAGING = 'first: Int, after: String, last: Int, before: String';

function connection(name: string): string {
  return `
    type ${name}Connection { edges: [${name}Edge!]!  nodes: [${name}]!  pageInfo: PageInfo!  totalCount: Int }
    type ${name}Edge { cursor: String!  node: ${name} }
    input ${name}Order { field: ${name}OrderField!  direction: OrderDirection! }
    enum ${name}OrderField { CREATED_AT UPDATED_AT }`;
}

const EXPECTED = `
  scalar DateTime
  scalar JSONObject
  interface Node { id: ID! }
  type PageInfo { hasNextPage: Boolean!  hasPreviousPage: Boolean!  startCursor: String  endCursor: String }
  enum OrderDirection { ASC DESC }
  input DateTimeRange { gte: DateTime  lte: DateTime }

  type Query {
    node(id: ID!): Node
    nodes(ids: [ID!]!): [Node]!
    profile(profileId: ID!, source: String): Profile
    profiles(source: String, ${PAGING}, orderBy: ProfileOrder, filter: ProfileFilter): ProfileConnection
    content(contentId: ID!, source: String, type: ContentType! = ITEM): Content
    contents(
      type: ContentType! = ITEM, source: String, ${PAGING}, orderBy: ContentOrder, filter: ContentFilter
    ): ContentConnection
    conversion(conversionId: ID!, source: String): Conversion
    conversions(source: String, ${PAGING}, orderBy: ConversionOrder, filter: ConversionFilter): ConversionConnection
    interaction(interactionId: ID!, source: String): Interaction
    interactions(source: String, ${PAGING}, orderBy: InteractionOrder, filter: InteractionFilter): InteractionConnection
  }

  type Profile implements Node {
    id: ID!  profileId: ID!  source: String!
    name: String  firstName: String  lastName: String  email: String  country: String
    createdAt: DateTime  updatedAt: DateTime  attributes: JSONObject
    conversions(source: String, ${PAGING}): ConversionConnection
    interactions(source: String, event: String, ${PAGING}): InteractionConnection
  }
  ${connection('Profile')}
  input ProfileFilter { createdAt: DateTimeRange  updatedAt: DateTimeRange  email: String }

  type Content implements Node {
    id: ID!  contentId: ID!  source: String!  type: ContentType!
    name: String  description: String  shortDescription: String  url: String  imageUrl: String
    itemType: String  objectType: String  createdAt: DateTime  updatedAt: DateTime  attributes: JSONObject
  }
  enum ContentType { ITEM CATEGORY }
  ${connection('Content')}
  input ContentFilter { createdAt: DateTimeRange  updatedAt: DateTimeRange  itemType: String }

  type Conversion implements Node {
    id: ID!  conversionId: ID!  source: String!  profileId: ID  email: String  total: Float
    createdAt: DateTime  updatedAt: DateTime  items: [ConversionItem!]!  attributes: JSONObject
    profile(source: String): Profile
  }
  type ConversionItem {
    itemId: ID  name: String  price: Float  quantity: Float  total: Float  attributes: JSONObject
    content(source: String, type: ContentType! = ITEM): Content
  }
  ${connection('Conversion')}
  input ConversionFilter { createdAt: DateTimeRange  updatedAt: DateTimeRange  email: String  profileId: ID }

  type Interaction implements Node {
    id: ID!  interactionId: ID!  source: String!  objectType: String
    event: String  occurredAt: DateTime  profileId: ID  emailId: ID  attributes: JSONObject
    profile(source: String): Profile
  }
  ${connection('Interaction')}
  input InteractionFilter { occurredAt: DateTimeRange  event: String  profileId: ID }
`;

/** Definitions as text by name, in one order, without descriptions; of order fields only those that every list has. */
function definitionsOf(full: GraphQLSchema): Record<string, string> {
  const reading = new GraphQLSchema({ query: full.getQueryType() });
  const document = visit(parse(printSchema(lexicographicSortSchema(reading))), {
    enter(node) {
      // `@specifiedBy` alone.
      if (node.kind === Kind.DIRECTIVE) return null;
      if (!('description' in node)) return undefined;
      const { description: _, ...rest } = node;
      if (rest.kind !== Kind.ENUM_TYPE_DEFINITION || !rest.name.value.endsWith('OrderField')) return rest;
      return { ...rest, values: rest.values?.filter(({ name }) => /^(CREATED|UPDATED)_AT$/.test(name.value)) };
    },
  });
  return Object.fromEntries(
    document.definitions.map((node: DefinitionNode) => ['name' in node ? node.name?.value : '', print(node)]),
  );
}

/** All types that are ours. */
function ownTypes(full: GraphQLSchema): GraphQLNamedType[] {
  return Object.values(full.getTypeMap()).filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type));
}

/** Every place that can have a description, as `Type.field(argument)`, with the one it has. */
function describedPlaces(full: GraphQLSchema): [string, string | null | undefined][] {
  return ownTypes(full).flatMap((type): [string, string | null | undefined][] => {
    const own: [string, string | null | undefined] = [type.name, type.description];
    if (isEnumType(type)) {
      return [
        own,
        ...type.getValues().map((v): [string, typeof v.description] => [`${type}.${v.name}`, v.description]),
      ];
    }
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields());
      return [own, ...fields.map((f): [string, typeof f.description] => [`${type}.${f.name}`, f.description])];
    }
    if (!isObjectType(type) && !isInterfaceType(type)) return [own];
    const fields = Object.values(type.getFields()).flatMap((field): [string, typeof field.description][] => [
      [`${type}.${field.name}`, field.description],
      ...field.args.map((arg): [string, typeof arg.description] => [
        `${type}.${field.name}(${arg.name})`,
        arg.description,
      ]),
    ]);
    return [own, ...fields];
  });
}

describe('the reading part of the schema', () => {
  const expected = definitionsOf(buildASTSchema(parse(EXPECTED)));
  const built = definitionsOf(schema);

  it('has just the promised types', () => {
    expect(Object.keys(built)).toEqual(Object.keys(expected));
  });

  it.each(Object.keys(expected))('has %s with the promised fields, arguments, nullability and defaults', (name) => {
    expect(built[name]).toBe(expected[name]);
  });

  it('gives every entity an order by the times that all lists have, and each further one once', () => {
    for (const name of ['Profile', 'Content', 'Conversion', 'Interaction']) {
      const type = schema.getType(`${name}OrderField`);
      const values = isEnumType(type) ? type.getValues() : [];
      expect(values.map((value) => value.name)).toEqual(expect.arrayContaining(['CREATED_AT', 'UPDATED_AT']));
      expect(new Set(values.map((value) => value.value)).size).toBe(values.length);
    }
  });
});

describe('the descriptions', () => {
  const places = describedPlaces(schema);
  const byPlace = new Map(places);

  it('stand on every type, field, argument, input field and enum value', () => {
    expect(places.length).toBeGreaterThan(150);
    expect(places.filter(([, text]) => !text?.trim()).map(([place]) => place)).toEqual([]);
  });

  const tables: [string, FieldTable][] = [
    ['Profile', RECORD_TYPES.profile.fields],
    ['Content', RECORD_TYPES.content.fields],
    ['Conversion', RECORD_TYPES.conversion.fields],
    ['ConversionItem', ConversionItem.fields],
    ['Interaction', RECORD_TYPES.interaction.fields],
  ];
  const renamed = tables.flatMap(([type, fields]) =>
    Object.entries(fields).flatMap(([name, { rest, alias }]) =>
      [rest, alias].filter((other) => other !== undefined && other !== name).map((other) => [`${type}.${name}`, other]),
    ),
  ) as [string, string][];

  it.each([
    ...renamed,
    ['Profile.profileId', 'profileid'],
    ['Content.contentId', 'itemid'],
    ['Content.contentId', 'id'],
    ['Conversion.conversionId', 'conversionid'],
    ['Interaction.interactionId', 'interactionid'],
    ['Conversion', 'sale'],
    ['ContentType.ITEM', 'item'],
    ['ContentType.CATEGORY', 'category'],
    ['OrderDirection.ASC', 'order=1'],
    ['OrderDirection.DESC', 'order=-1'],
    ['ProfileOrderField.CREATED_AT', 'sort=created'],
    ['InteractionOrderField.OCCURRED_AT', 'sort=datetime'],
    ['Query.profile', 'GET /profile/{profileid}'],
    ['Query.contents', 'GET /content'],
    ['Query.conversions', 'GET /sale'],
    ['Query.interactions', 'GET /interaction'],
  ])('of %s names the REST API’s `%s`', (place, restName) => {
    expect(byPlace.get(place)).toContain(`\`${restName}\``);
  });
});

describe('declared custom fields', () => {
  const options: SchemaOptions = {
    customFields: {
      Profile: {
        company: { type: 'String', from: 'company', description: 'Where they work.' },
        shopId: { type: 'ID', from: 'shop id' },
        spent: { type: 'Float', from: 'lifetime_value' },
        newsletter: { type: 'Boolean', from: 'optin' },
        bornOn: { type: 'DateTime', from: 'dateofbirth' },
      },
      Content: { price: { type: 'Float', from: 'price' } },
    },
  };
  const custom = buildSchema(options);
  const recordTypes = createRecordTypes(options.customFields ?? {});

  /** A session that has one record of each kind: what the schema makes of it is looked at, not how it is fetched. */
  function contextWith(raw: JsonObject, mask?: Mask): object {
    const context = { project: '1', timeZone: 'UTC', mask };
    const find = (resource: 'profile' | 'content', _id: string, source: string, type?: 'ITEM') =>
      decodeRecord<DatatricsRecord>(recordTypes[resource], raw, { source, type }, context);
    return { session: { find } };
  }

  async function read(query: string, raw: JsonObject): Promise<unknown> {
    const { data, errors } = await execute({ schema: custom, document: parse(query), contextValue: contextWith(raw) });
    expect(errors).toBeUndefined();
    return JSON.parse(JSON.stringify(data));
  }

  const PROFILE = '{ profile(profileId: "7", source: "shop") { company shopId spent newsletter bornOn } }';

  it('are masked like attributes for a reader who may not see personal data', async () => {
    const mask = new Masking({ mode: 'partial', fields: ['date_of_birth'] }).for('1');
    const raw = { profileid: '7', company: 'ada@mail.example', 'shop id': '3', dateofbirth: '1815-12-10 00:00:00' };
    const { data } = await execute({ schema: custom, document: parse(PROFILE), contextValue: contextWith(raw, mask) });
    expect(data?.profile).toMatchObject({ company: 'a***@m***', shopId: '3', bornOn: null });
    expect([...mask.masked].sort()).toEqual(['Profile.bornOn', 'Profile.company']);
  });

  it('stand on their types, nullable, with the declared description or the REST name', () => {
    const type = custom.getType('Profile');
    const fields = isObjectType(type) ? type.getFields() : {};
    const told = Object.keys(options.customFields?.Profile ?? {}).map((name) => [
      name,
      String(fields[name]?.type),
      fields[name]?.description,
    ]);
    expect(told).toEqual([
      ['company', 'String', 'Where they work.'],
      ['shopId', 'ID', expect.stringContaining('`shop id`')],
      ['spent', 'Float', expect.stringContaining('`lifetime_value`')],
      ['newsletter', 'Boolean', expect.stringContaining('`optin`')],
      ['bornOn', 'DateTime', expect.stringContaining('`dateofbirth`')],
    ]);
  });

  it('are read by their REST names, at the top or under metadata, as leniently as the documented ones', async () => {
    const raw = {
      profileid: 7,
      company: 'Acme',
      'shop id': 12,
      metadata: { lifetime_value: '1.024,50', optin: '1', dateofbirth: '1980-01-01' },
    };
    expect(await read(PROFILE, raw)).toEqual({
      profile: { company: 'Acme', shopId: '12', spent: 1024.5, newsletter: true, bornOn: '1980-01-01T00:00:00.000Z' },
    });
    expect(
      await read('{ content(contentId: "9", source: "shop") { price } }', { id: '9', metadata: { price: '24,99' } }),
    ).toEqual({ content: { price: 24.99 } });
  });

  it('are null where a record has nothing, or something of another sort', async () => {
    const nothing = { company: null, shopId: null, spent: null, newsletter: null, bornOn: null };
    expect(await read(PROFILE, { profileid: '7' })).toEqual({ profile: nothing });
    const odd = { company: {}, 'shop id': [], lifetime_value: 'much', optin: 'maybe', dateofbirth: '0000-00-00' };
    expect(await read(PROFILE, { profileid: '7', ...odd })).toEqual({ profile: nothing });
  });

  it.each([
    [true, true],
    [1, true],
    ['1', true],
    ['true', true],
    [false, false],
    [0, false],
    ['0', false],
    ['false', false],
  ])('read %j as the Boolean %j', async (sent, value) => {
    const query = '{ profile(profileId: "7", source: "shop") { newsletter } }';
    expect(await read(query, { profileid: '7', optin: sent })).toEqual({ profile: { newsletter: value } });
  });

  it('change nothing else, and nothing at all where there are none', () => {
    const changed = definitionsOf(custom);
    const plain = definitionsOf(schema);
    const names = Object.keys(plain).filter((name) => changed[name] !== plain[name]);
    expect(names.sort()).toEqual(['Content', 'Profile', 'ProfileFilter']);
    for (const options of [{}, { customFields: {} }, { customFields: { Profile: {} } }]) {
      expect(printSchema(buildSchema(options))).toBe(printSchema(schema));
    }
  });
});
