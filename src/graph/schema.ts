import { type GraphQLSchema, specifiedDirectives } from 'graphql';
import type { CustomFields } from '../datatrics/records/custom-fields.ts';
import type { DatatricsRecord } from '../datatrics/records/record.ts';
import { type Builder, createBuilder, type TypeRef } from './builder.ts';
import { CONTENT, defineContentType } from './content.ts';
import { CONVERSION, defineConversionItem, defineConversionItemInput } from './conversion.ts';
import { INCREMENTAL_DIRECTIVES } from './incremental.ts';
import { INTERACTION } from './interaction.ts';
import { defineMutationTypes } from './mutations.ts';
import { defineNodeQueries } from './node.ts';
import { PROFILE } from './profile.ts';
import { defineListTypes, defineProfileLinks, defineRecord } from './queries.ts';
import { defineScalars } from './scalars.ts';

export interface SchemaOptions {
  readonly customFields?: CustomFields;
}

/** Builds the schema that `/graphql` serves. */
export function buildSchema(options: SchemaOptions = {}): GraphQLSchema {
  const builder = createBuilder();
  defineSchema(builder, options, () => defineNodeQueries(builder));
  return builder.toSchema({ sortSchema: false, directives: [...specifiedDirectives, ...INCREMENTAL_DIRECTIVES] });
}

/**
 * Defines the types that both endpoints have.
 * @param afterQueries called with the four records' types after the queries are defined, to define more queries after them
 */
export function defineSchema(
  builder: Builder,
  { customFields = {} }: SchemaOptions,
  afterQueries: (records: TypeRef<DatatricsRecord>[]) => void,
): void {
  builder.queryType({
    description: 'All reads. A field that fails is null, with an error at its path; the other fields are not affected.',
  });
  defineScalars(builder);
  defineListTypes(builder);
  const profile = defineRecord(builder, PROFILE, customFields);
  defineContentType(builder);
  const content = defineRecord(builder, CONTENT, customFields);
  defineConversionItem(builder, content.type, customFields);
  const conversion = defineRecord(builder, CONVERSION, customFields);
  defineProfileLinks(builder, profile, 'conversion', conversion);
  const interaction = defineRecord(builder, INTERACTION, customFields);
  defineProfileLinks(builder, profile, 'interaction', interaction);
  afterQueries([profile.type, content.type, conversion.type, interaction.type]);

  const defineMutations = defineMutationTypes(builder);
  defineMutations(PROFILE, profile);
  defineMutations(CONTENT, content);
  defineConversionItemInput(builder, customFields);
  defineMutations(CONVERSION, conversion);
  defineMutations(INTERACTION, interaction);
}
