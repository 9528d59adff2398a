import { type GraphQLSchema, specifiedDirectives } from 'graphql';
import type { CustomFields } from '../datatrics/records/custom-fields.ts';
import type { DatatricsRecord } from '../datatrics/records/record.ts';
import { type Builder, createBuilder, type TypeRef } from './builder.ts';
import { defineContent, defineContentMutations } from './content.ts';
import { defineConversion, defineConversionMutations } from './conversion.ts';
import { INCREMENTAL_DIRECTIVES } from './incremental.ts';
import { defineInteraction, defineInteractionMutations } from './interaction.ts';
import { defineMutationTypes } from './mutations.ts';
import { defineNodeQueries } from './node.ts';
import { defineProfile, defineProfileMutations } from './profile.ts';
import { defineListTypes } from './queries.ts';
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
 *
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
  const profile = defineProfile(builder, customFields);
  const content = defineContent(builder, customFields);
  const conversion = defineConversion(builder, profile, content, customFields);
  const interaction = defineInteraction(builder, profile, customFields);
  afterQueries([profile.Profile, content.Content, conversion.Conversion, interaction.Interaction]);

  const mutations = defineMutationTypes(builder);
  defineProfileMutations(mutations, profile);
  defineContentMutations(builder, mutations, content);
  defineConversionMutations(builder, mutations, conversion);
  defineInteractionMutations(mutations, interaction);
}
