import type { GraphQLSchema } from 'graphql';
import type { CustomFields } from '../datatrics/custom-fields.ts';
import { createBuilder } from './builder.ts';
import { defineContent } from './content.ts';
import { defineContentMutations } from './content-mutations.ts';
import { defineConversion } from './conversion.ts';
import { defineConversionMutations } from './conversion-mutations.ts';
import { defineInteraction } from './interaction.ts';
import { defineInteractionMutations } from './interaction-mutations.ts';
import { defineListTypes } from './lists.ts';
import { defineMutationTypes } from './mutations.ts';
import { defineNodeQueries } from './node.ts';
import { defineProfile } from './profile.ts';
import { defineProfileMutations } from './profile-mutations.ts';
import { defineScalars } from './scalars.ts';

export interface SchemaOptions {
  /** Fields that the configuration declares; none by default. */
  readonly customFields?: CustomFields;
}

/** Builds the schema that `/graphql` serves. */
export function buildSchema({ customFields = {} }: SchemaOptions = {}): GraphQLSchema {
  const builder = createBuilder();
  builder.queryType({
    description: 'Everything that can be read. What fails on its own is null, with an error at its path.',
  });
  defineScalars(builder);
  const lists = defineListTypes(builder);
  const profile = defineProfile(builder, lists, customFields);
  const content = defineContent(builder, lists, customFields);
  const conversion = defineConversion(builder, lists, profile, content, customFields);
  const interaction = defineInteraction(builder, lists, profile, customFields);
  defineNodeQueries(builder);

  const mutations = defineMutationTypes(builder);
  defineProfileMutations(builder, mutations, profile, customFields);
  defineContentMutations(builder, mutations, content, customFields);
  defineConversionMutations(builder, mutations, conversion, customFields);
  defineInteractionMutations(builder, mutations, interaction, customFields);
  return builder.toSchema({ sortSchema: false });
}
