import { isEnumType, isInputObjectType, isInterfaceType, isObjectType } from 'graphql';
import { expect, it } from 'vitest';
import { ConversionItem } from '../../src/datatrics/records/conversion.ts';
import type { FieldTable } from '../../src/datatrics/records/fields.ts';
import { RECORD_TYPES } from '../../src/datatrics/records/record-types.ts';
import { buildSchema } from '../../src/graph/schema.ts';

// `test/generated.test.ts` compares the types with the committed schema, and `npm run check:schema` finds breaking changes.

const schema = buildSchema();

type Described = { readonly name: string; readonly description?: string | null | undefined };

/** Every place that can have a description, as `Type.field(argument)`, with the one it has. */
const places = new Map<string, string>();
const add = (place: string, { description }: Described): unknown => places.set(place, description?.trim() ?? '');
for (const type of Object.values(schema.getTypeMap())) {
  if (type.name.startsWith('__') || ['ID', 'String', 'Int', 'Float', 'Boolean'].includes(type.name)) continue;
  add(type.name, type);
  if (isEnumType(type)) for (const value of type.getValues()) add(`${type}.${value.name}`, value);
  if (!isInputObjectType(type) && !isObjectType(type) && !isInterfaceType(type)) continue;
  for (const field of Object.values(type.getFields())) {
    add(`${type}.${field.name}`, field);
    for (const argument of 'args' in field ? field.args : []) add(`${type}.${field.name}(${argument.name})`, argument);
  }
}

it('gives every order each field once', () => {
  for (const name of ['Profile', 'Content', 'Conversion', 'Interaction']) {
    const type = schema.getType(`${name}OrderField`);
    const values = isEnumType(type) ? type.getValues() : [];
    expect(values.map((value) => value.name)).toEqual(expect.arrayContaining(['CREATED_AT', 'UPDATED_AT']));
    expect(new Set(values.map((value) => value.value)).size).toBe(values.length);
  }
});

it('describes every type, field, argument, input field and enum value', () => {
  expect(places.size).toBeGreaterThan(150);
  expect([...places].filter(([, text]) => text === '')).toEqual([]);
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
  ['Content.contentId', 'itemid'],
  ['Content.contentId', 'id'],
  ['Conversion', 'sale'],
  ['ContentType.ITEM', 'item'],
  ['OrderDirection.DESC', 'order=-1'],
  ['ProfileOrderField.CREATED_AT', 'sort=created'],
  ['InteractionOrderField.OCCURRED_AT', 'sort=datetime'],
  ['Query.profile', 'GET /profile/{profileId}'],
  ['Query.conversions', 'GET /sale'],
  ['Mutation.updateContent', 'PUT /content/{contentId}'],
])('names in the description of %s the REST API’s `%s`', (place, restName) => {
  expect(places.get(place)).toContain(`\`${restName}\``);
});
