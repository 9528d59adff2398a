import { type GraphQLFieldResolver, type GraphQLSchema, isObjectType, responsePathAsArray } from 'graphql';
import type { Staleness } from '../upstream/freshness.ts';
import type { GatewayContext } from './context.ts';

type Resolver = GraphQLFieldResolver<unknown, GatewayContext>;

/**
 * Lets every field that reads the API tell which stale answers went into it, for `extensions.freshness`. Such a field has
 * a cost; it is given a session of its own that knows its path.
 *
 * @param schema is changed
 */
export function watchFreshness(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      if (field.extensions.cost !== undefined && field.resolve) field.resolve = watched(field.resolve as Resolver);
    }
  }
  return schema;
}

function watched(resolve: Resolver): Resolver {
  return function resolveWatched(source, args, context, info) {
    const { freshness } = context.operation;
    if (freshness === undefined) return resolve(source, args, context, info);
    const { path } = info;
    const note = (staleness: Staleness): void => freshness.noteField(responsePathAsArray(path), staleness);
    return resolve(source, args, { ...context, session: context.session.watched(note) }, info);
  };
}
