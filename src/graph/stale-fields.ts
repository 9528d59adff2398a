import { type GraphQLFieldResolver, type GraphQLSchema, isObjectType, responsePathAsArray } from 'graphql';
import type { Staleness } from '../upstream/freshness.ts';
import type { GatewayContext } from './context.ts';

type Resolver = GraphQLFieldResolver<unknown, GatewayContext>;

/**
 * Records the path of every field that used a stale API response, for `extensions.freshness`. It wraps the resolvers of all
 * fields that call the API (those with a cost), and gives each a session that knows the field's path.
 * @param schema is modified
 */
export function watchFreshness(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      if (field.extensions.cost !== undefined && field.resolve) field.resolve = watchField(field.resolve as Resolver);
    }
  }
  return schema;
}

function watchField(resolve: Resolver): Resolver {
  return function resolveWatched(source, args, context, info) {
    const { freshness } = context.operation;
    if (freshness === undefined) return resolve(source, args, context, info);
    const { path } = info;
    const onStale = (staleness: Staleness): void => freshness.noteField(responsePathAsArray(path), staleness);
    return resolve(source, args, { ...context, session: context.session.watched(onStale) }, info);
  };
}
