import { type GraphQLFieldResolver, valueFromASTUntyped } from 'graphql';
import { canonicalKey, typeNameOf } from '../datatrics/keys.ts';
import type { DatatricsRecord } from '../datatrics/records/record.ts';
import type { Session } from '../datatrics/session.ts';
import { toError } from '../lib/error.ts';
import type { Operation } from '../upstream/operation.ts';
import type { Builder, TypeRef } from './builder.ts';
import { listTagOf, recordTagOf, typeTagOf } from './cache-tags.ts';
import type { GatewayContext } from './context.ts';
import { costOfEntities } from './cost.ts';
import { withTextNumbers } from './number-literals.ts';
import type { PreparedOperation } from './prepared-operation.ts';
import { keyOfRepresentation } from './representation.ts';

interface Args {
  readonly representations: readonly unknown[];
}

/**
 * Defines what the Federation subgraph specification adds to `Query`: `_entities` and `_service`. The definitions are Pothos's
 * own, so that its plugins see these fields as they see all others.
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

/** Resolves `_entities` and records the cache tags of the records for `cacheTagExtensions`. */
const resolveTaggedEntities: typeof resolveEntities = async (root, args, context, info) => {
  const records = await resolveEntities(root, args, context, info);
  const tags = records.map((record) => (record === null || record instanceof Error ? [] : tagsOf(record)));
  const { operation } = context;
  cacheTags.set(operation, [...(cacheTags.get(operation) ?? []), ...tags]);
  return records;
};

function tagsOf({ key, id }: DatatricsRecord): string[] {
  return [typeTagOf(key.resource), id, recordTagOf(key.resource, key.id)];
}

/**
 * Response extensions with the cache tags that the schema cannot express: those of each entity, in the order of the
 * representations, and those of records that an answer links to. Undefined without any.
 */
export function cacheTagExtensions({ operation }: GatewayContext, { node, facts }: PreparedOperation) {
  if (node.operation !== 'query') return undefined;
  const linked = [...facts.linked].map(listTagOf);
  const entities = cacheTags.get(operation);
  if (entities) {
    return { apolloEntityCacheTags: entities.map((tags) => (tags.length > 0 ? [...tags, ...linked] : tags)) };
  }
  return linked.length > 0 ? { apolloCacheTags: linked } : undefined;
}
