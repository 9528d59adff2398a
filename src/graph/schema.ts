import type { GraphQLSchema } from 'graphql';
import { createBuilder } from './builder.ts';
import { defineContent } from './content.ts';
import { defineConversion } from './conversion.ts';
import type { CustomFields } from './custom-fields.ts';
import { defineInteraction } from './interaction.ts';
import { defineListTypes } from './lists.ts';
import { defineNodeQueries } from './node.ts';
import { defineProfile } from './profile.ts';
import { defineScalars } from './scalars.ts';

export interface SchemaOptions {
  /** Fields that the configuration declares; none by default. */
  readonly customFields?: CustomFields;
}

/** Builds the schema that `/graphql` serves. */
export function buildSchema({ customFields = {} }: SchemaOptions = {}): GraphQLSchema {
  const builder = createBuilder();
  builder.queryType({ description: 'Everything that can be read. What fails on its own is null, with an error at its path.' });
  defineScalars(builder);
  const lists = defineListTypes(builder);
  const profile = defineProfile(builder, lists, customFields);
  const content = defineContent(builder, lists, customFields);
  defineConversion(builder, lists, profile, content);
  defineInteraction(builder, lists, profile);
  defineNodeQueries(builder);
  return builder.toSchema({ sortSchema: false });
}
