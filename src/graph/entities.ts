import { type GraphQLFieldResolver, valueFromASTUntyped } from 'graphql';
import { canonicalKey, typeNameOf } from '../datatrics/keys.ts';
import type { DatatricsRecord } from '../datatrics/records/record.ts';
import type { Session } from '../datatrics/session.ts';
import { toError } from '../lib/error.ts';
import type { Operation } from '../upstream/operation.ts';
import type { Builder, TypeRef } from './builder.ts';
import type { GatewayContext } from './context.ts';
import { costOfEntities } from './cost.ts';
import { cacheTagOf } from './directives.ts';
import { withTextNumbers } from './number-literals.ts';
import { keyOfRepresentation } from './representation.ts';

interface Args {
  readonly representations: readonly unknown[];
}

/**
 * Defines what the Federation subgraph specification adds to `Query`: `_entities` and `_service`. The definitions are Pothos's
 * own, so that its plugins see these fields as they see all others.
 *
 * @param records the types that routers may ask for by their keys
 */
export function defineEntityQueries(
  builder: Builder,
  records: TypeRef<DatatricsRecord | Error>[],
  { hasCacheTags, printSdl }: { readonly hasCacheTags: boolean; readonly printSdl: () => string },
): void {
  const representation = builder.scalarType('_Any', {
    serialize: (value) => value,
    parseValue: (value) => value,
    parseLiteral: (literal, variables) => valueFromASTUntyped(withTextNumbers(literal), variables),
  });
  const entity = builder.unionType('_Entity', {
    types: records,
    // Execution reports an Error in the list before it asks for its type.
    resolveType: (record) => (record instanceof Error ? undefined : typeNameOf(record.key.resource)),
  });
  const service = builder.objectRef<{ readonly sdl: string }>('_Service').implement({
    fields: (t) => ({ sdl: t.exposeString('sdl', { nullable: true }) }),
  });
  let sdl: string | undefined;
  const resolve = hasCacheTags ? resolveTaggedEntities : resolveEntities;
  builder.queryFields((t) => ({
    _entities: t.field({
      type: [entity],
      nullable: { list: false, items: true },
      extensions: costOfEntities(),
      args: { representations: t.arg({ type: [representation], required: true }) },
      resolve: (root, args, context, info) => resolve(root, args, context, info),
    }),
    _service: t.field({
      type: service,
      resolve: () => {
        sdl ??= printSdl();
        return { sdl };
      },
    }),
  }));
}

/**
 * Resolves `_entities`: one record per representation, in the same order. All loads start in one tick, so that the loaders can
 * deduplicate and batch them. A failed load becomes an `Error` in the list and does not affect the others. It is not a
 * rejected promise, because that makes graphql-jit return a list of the wrong length.
 */
const resolveEntities: GraphQLFieldResolver<
  unknown,
  GatewayContext,
  Args,
  Promise<(DatatricsRecord | Error | null)[]>
> = (_root, { representations }, { session }) =>
  Promise.all(representations.map((one) => resolveEntity(session, one).catch(toError)));

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
const resolveTaggedEntities: typeof resolveEntities = async (root, args, context, info) => {
  const records = await resolveEntities(root, args, context, info);
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
