import DirectivesPlugin from '@pothos/plugin-directives';
import FederationPlugin from '@pothos/plugin-federation';
import {
  type GraphQLObjectType,
  type GraphQLScalarType,
  type GraphQLSchema,
  type GraphQLUnionType,
  getNamedType,
  graphql,
  valueFromASTUntyped,
} from 'graphql';
import { typeNameOf } from '../datatrics/keys.ts';
import { Masking, type MaskOptions } from '../datatrics/masking.ts';
import { createRecordTypes, fieldTablesOf, withPersonalFields } from '../datatrics/records/custom-fields.ts';
import type { DatatricsRecord } from '../datatrics/records/record.ts';
import { createBuilder } from './builder.ts';
import { costOfEntities } from './cost.ts';
import GatewayDirectivesPlugin from './directives.ts';
import { resolveEntities, resolveTaggedEntities } from './entities.ts';
import { withTextNumbers } from './number-literals.ts';
import type { OptionalDirective } from './optional-directives.ts';
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
  const builder = createBuilder({
    plugins: [DirectivesPlugin, FederationPlugin, GatewayDirectivesPlugin],
    optionalDirectives: new Set(directives),
    personalFields: {
      masking: new Masking(masking ?? withPersonalFields({ mode: 'null', fields: [] }, custom)),
      tables: fieldTablesOf(createRecordTypes(custom)),
    },
  });
  defineSchema(builder, options);
  const schema = builder.toSubGraphSchema({
    linkUrl: `https://specs.apollo.dev/federation/${directives.includes('cacheTag') ? 'v2.12' : 'v2.9'}`,
    // Pothos does not find the directives that plugins add.
    federationDirectives: [...ALWAYS, ...directives].map((name) => `@${name}`),
  });

  const any = schema.getType('_Any') as GraphQLScalarType;
  any.parseLiteral = (literal, variables) => valueFromASTUntyped(withTextNumbers(literal), variables);

  const entities = (schema.getQueryType() as GraphQLObjectType).getFields()._entities;
  if (!entities) throw new Error('The subgraph has no entities.');
  entities.resolve = directives.includes('cacheTag') ? resolveTaggedEntities : resolveEntities;
  entities.extensions = { ...entities.extensions, ...costOfEntities() };
  (getNamedType(entities.type) as GraphQLUnionType).resolveType = (record: DatatricsRecord) =>
    typeNameOf(record.key.resource);
  return schema;
}

/** Returns the subgraph's SDL with its directives, as routers and composition read it. */
export async function printSubgraph(schema: GraphQLSchema): Promise<string> {
  const { data } = await graphql({ schema, source: '{ _service { sdl } }' });
  return (data as { _service: { sdl: string } })._service.sdl;
}
