import { filterSchema, printSchemaWithDirectives } from '@graphql-tools/utils';
import type { GraphQLSchema } from 'graphql';
import { Masking, type MaskOptions } from '../datatrics/masking.ts';
import { createRecordTypes, fieldTablesOf, withPersonalFields } from '../datatrics/records/custom-fields.ts';
import { createBuilder } from './builder.ts';
import { addDirectives, type OptionalDirective } from './directives.ts';
import { defineEntityQueries } from './entities.ts';
import { defineSchema, type SchemaOptions } from './schema.ts';

export { createCacheControl } from './cache-control.ts';
export { cacheTagExtensions } from './entities.ts';

export interface SubgraphOptions extends SchemaOptions {
  /** Directives besides those that every router supports. Default: none. */
  readonly directives?: readonly OptionalDirective[];
  /** Which fields are personal. Default: the documented personal fields, and the custom fields declared personal. */
  readonly masking?: MaskOptions;
}

const ALWAYS = ['key', 'shareable', 'tag', 'cost', 'listSize'];

/**
 * Builds the schema that `/subgraph` serves: the types of `/graphql` as an Apollo Federation v2 subgraph. It omits `node` and
 * `nodes`, which do not compose with those of other subgraphs.
 */
export function buildSubgraphSchema({ directives = [], masking, ...options }: SubgraphOptions = {}): GraphQLSchema {
  const custom = options.customFields ?? {};
  const builder = createBuilder();
  defineSchema(builder, options, (records) =>
    defineEntityQueries(builder, records, {
      hasCacheTags: directives.includes('cacheTag'),
      printSdl: () => printSubgraph(schema),
    }),
  );
  const version = directives.includes('cacheTag') ? 'v2.12' : 'v2.9';
  const imported = [...ALWAYS, ...directives].map((name) => `@${name}`);
  const link = { url: `https://specs.apollo.dev/federation/${version}`, import: imported };
  const schema = builder.toSchema({ sortSchema: false, extensions: { directives: { link } } });
  addDirectives(schema, new Set(directives), {
    masking: new Masking(masking ?? withPersonalFields({ mode: 'null', fields: [] }, custom)),
    tables: fieldTablesOf(createRecordTypes(custom)),
  });
  return schema;
}

/** Returns the subgraph's SDL with its directives, as routers and composition read it: without federation's own types and fields. */
export function printSubgraph(schema: GraphQLSchema): string {
  const isOwn = (name: string): boolean => !name.startsWith('_');
  const own = filterSchema({
    schema,
    typeFilter: isOwn,
    rootFieldFilter: (_operation, name) => isOwn(name),
  });
  return printSchemaWithDirectives(own);
}
