import {
  buildASTSchema,
  type DefinitionNode,
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
import { ConversionItem } from '../../src/datatrics/records/conversion.ts';
import type { FieldTable } from '../../src/datatrics/records/fields.ts';
import { RECORD_TYPES } from '../../src/datatrics/records/record-types.ts';
import { buildSchema } from '../../src/graph/schema.ts';

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
    ['Query.profile', 'GET /profile/{profileId}'],
    ['Query.contents', 'GET /content'],
    ['Query.conversions', 'GET /sale'],
    ['Query.interactions', 'GET /interaction'],
  ])('of %s names the REST API’s `%s`', (place, restName) => {
    expect(byPlace.get(place)).toContain(`\`${restName}\``);
  });
});
