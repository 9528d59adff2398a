import {
  type DocumentNode,
  type GraphQLSchema,
  getNamedType,
  Kind,
  type OperationDefinitionNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import type { Resource } from '../datatrics/endpoints.ts';
import { ENTITY_TYPES, typeNameOf } from '../datatrics/keys.ts';
import type { GatewayContext } from './context.ts';

/** Seconds for which what was read of a type may be kept; types that are not named may not be kept at all. */
export type MaxAges = Readonly<Partial<Record<Resource, number>>>;

/** Tells `Cache-Control` of an answer without errors; undefined where nothing of it may be kept. */
export type CacheControlOf = (
  document: DocumentNode,
  operation: OperationDefinitionNode,
  context: GatewayContext,
) => string | undefined;

/** Principals whose answers are the same for everybody whom a router serves. */
const EVERYBODY: ReadonlySet<string> = new Set(['open', 'router']);

/**
 * An answer may be kept as long as that of its types which must be freshest. Types are counted by the text of the document,
 * its unused fragments included, which can only make it shorter.
 *
 * @param hasOneProject whether callers can't ask for different projects by a header, which a router's cache does not see
 */
export function createCacheControl(
  schema: GraphQLSchema,
  maxAges: MaxAges,
  hasOneProject: boolean,
): CacheControlOf | undefined {
  if (Object.keys(maxAges).length === 0) return undefined;
  const known = new WeakMap<DocumentNode, number>();
  return (document, { operation }, { session }) => {
    if (operation !== 'query') return undefined;
    let age = known.get(document);
    if (age === undefined) {
      age = shortest(schema, document, maxAges);
      known.set(document, age);
    }
    if (age === 0) return undefined;
    return `${hasOneProject && EVERYBODY.has(session.principal.id) ? 'public' : 'private'}, max-age=${age}`;
  };
}

/** Seconds; 0 where no entity is read, or one that may not be kept. */
function shortest(schema: GraphQLSchema, document: DocumentNode, maxAges: MaxAges): number {
  const ages = [...resourcesOf(schema, document)].map((resource) => maxAges[resource] ?? 0);
  return ages.length === 0 ? 0 : Math.min(...ages);
}

function resourcesOf(schema: GraphQLSchema, document: DocumentNode): Set<Resource> {
  const found = new Set<Resource>();
  let hasEntities = false;
  const types = new TypeInfo(schema);
  const see = (name: string | undefined): void => {
    if (name === '_Entity') hasEntities = true;
    const resource = name === undefined ? undefined : RESOURCE_OF_TYPE.get(name);
    if (resource) found.add(resource);
  };
  visit(
    document,
    visitWithTypeInfo(types, {
      enter(node) {
        if (node.kind === Kind.FIELD) see(getNamedType(types.getType())?.name);
        if (node.kind === Kind.INLINE_FRAGMENT || node.kind === Kind.FRAGMENT_DEFINITION)
          see(node.typeCondition?.name.value);
      },
    }),
  );
  // Nothing but their __typename is asked of entities, which may be any.
  if (hasEntities && found.size === 0) return new Set(ENTITY_TYPES.values());
  return found;
}

const RESOURCE_OF_TYPE: ReadonlyMap<string, Resource> = new Map(
  [...ENTITY_TYPES.values()].flatMap((resource) =>
    ['', 'Connection'].map((suffix): [string, Resource] => [typeNameOf(resource) + suffix, resource]),
  ),
);
