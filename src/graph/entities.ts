import type { GraphQLFieldResolver } from 'graphql';
import { canonicalKey } from '../datatrics/keys.ts';
import type { DatatricsRecord } from '../datatrics/records/record.ts';
import type { Session } from '../datatrics/session.ts';
import { toError } from '../lib/error.ts';
import type { Operation } from '../upstream/operation.ts';
import type { GatewayContext } from './context.ts';
import { cacheTagOf } from './directives.ts';
import { keyOfRepresentation } from './representation.ts';

interface Args {
  readonly representations: readonly unknown[];
}

/**
 * Resolves `_entities`: one record per representation, in the same order. All loads start in one tick, so that the loaders can
 * deduplicate and batch them. A failed load becomes an `Error` in the list and does not affect the others. It is not a
 * rejected promise, because that makes graphql-jit return a list of the wrong length.
 */
export const resolveEntities: GraphQLFieldResolver<unknown, GatewayContext, Args> = (
  _root,
  { representations },
  { session },
) => Promise.all(representations.map((one) => resolveEntity(session, one).catch(toError)));

async function resolveEntity(session: Session, representation: unknown): Promise<DatatricsRecord | null> {
  const key = keyOfRepresentation(session.principal.project, representation);
  if (key === null) return null;
  const record = await session.load(key);
  // Routers merge the result with data of other subgraphs for this key, so a record with another key must not replace it.
  return record && canonicalKey(record.key) === canonicalKey(key) ? record : null;
}

/** Cache tags by operation. The context cannot be the key, because `watchFreshness` gives fields contexts of their own. */
const cacheTags = new WeakMap<Operation, string[][]>();

/** Resolves `_entities` and records the cache tags of the records for `entityExtensions`. */
export const resolveTaggedEntities: typeof resolveEntities = async (root, args, context, info) => {
  const records = (await resolveEntities(root, args, context, info)) as (DatatricsRecord | Error | null)[];
  const tags = records.map((record) =>
    record === null || record instanceof Error ? [] : [cacheTagOf(record.key.resource), record.id],
  );
  const { operation } = context;
  cacheTags.set(operation, [...(cacheTags.get(operation) ?? []), ...tags]);
  return records;
};

/**
 * Response extensions with the cache tags of each entity, in the order of the representations; undefined without entities.
 * https://www.apollographql.com/docs/graphos/routing/performance/caching/response-caching/invalidation
 */
export function entityExtensions(context: GatewayContext): { apolloEntityCacheTags: string[][] } | undefined {
  const tags = cacheTags.get(context.operation);
  return tags && { apolloEntityCacheTags: tags };
}
