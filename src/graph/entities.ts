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
 * Resolves `_entities`: one record per representation, in their order. Everything is asked of the session in one tick, so
 * that each distinct record is read once and reads can go together. One that can't be read stands as its error, and
 * leaves the others: a promise of its own that rejects would cost the compiled engine a place in the list.
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
  // Routers put what comes back together with what others know of this key: another record must not stand in for it.
  return record && canonicalKey(record.key) === canonicalKey(key) ? record : null;
}

/** By operation: a field may be given a context of its own. */
const tagged = new WeakMap<Operation, string[][]>();

/** `resolveEntities`, which also notes the records' cache tags for `entityExtensions`. */
export const resolveTaggedEntities: typeof resolveEntities = async (root, args, context, info) => {
  const records = (await resolveEntities(root, args, context, info)) as (DatatricsRecord | Error | null)[];
  const tags = records.map((record) =>
    record === null || record instanceof Error ? [] : [cacheTagOf(record.key.resource), record.id],
  );
  const { operation } = context;
  tagged.set(operation, [...(tagged.get(operation) ?? []), ...tags]);
  return records;
};

/**
 * Extensions of an answer with entities: the cache tags of each, in the order of the representations,
 * https://www.apollographql.com/docs/graphos/routing/performance/caching/response-caching/invalidation
 */
export function entityExtensions(context: GatewayContext): { apolloEntityCacheTags: string[][] } | undefined {
  const tags = tagged.get(context.operation);
  return tags && { apolloEntityCacheTags: tags };
}
