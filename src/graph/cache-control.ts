import {
  type DocumentNode,
  type FieldNode,
  type GraphQLField,
  type GraphQLSchema,
  getArgumentValues,
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
  variables: Readonly<Record<string, unknown>>,
  context: GatewayContext,
) => string | undefined;

/** Principals whose answers are the same for everybody whom a router serves. */
const EVERYBODY: ReadonlySet<string> = new Set(['open', 'router']);

/** What the text of a document tells. */
interface Ages {
  /** Seconds; 0 where no entity is read, or one that may not be kept. */
  readonly shortest: number;
  /** Fields whose arguments name the types of what they give. */
  readonly entities: readonly { readonly definition: GraphQLField<unknown, unknown>; readonly node: FieldNode }[];
}

/**
 * An answer may be kept as long as that of its types which must be freshest. Types are counted by the text of the document,
 * its unused fragments included, which can only make it shorter, and by the representations of entities.
 *
 * @param hasOneProject whether callers can't ask for different projects by a header, which a router's cache does not see
 */
export function createCacheControl(
  schema: GraphQLSchema,
  maxAges: MaxAges,
  hasOneProject: boolean,
): CacheControlOf | undefined {
  if (Object.keys(maxAges).length === 0) return undefined;
  const known = new WeakMap<DocumentNode, Ages>();
  return (document, { operation }, variables, { session }) => {
    if (operation !== 'query') return undefined;
    let ages = known.get(document);
    if (ages === undefined) {
      ages = agesOf(schema, document, maxAges);
      known.set(document, ages);
    }
    const age = ages.entities.reduce(
      (shortest, { definition, node }) =>
        Math.min(shortest, ageOfRepresentations(definition, node, variables, maxAges)),
      ages.shortest,
    );
    if (age === 0) return undefined;
    return `${hasOneProject && EVERYBODY.has(session.principal.id) ? 'public' : 'private'}, max-age=${age}`;
  };
}

function agesOf(schema: GraphQLSchema, document: DocumentNode, maxAges: MaxAges): Ages {
  const found = new Set<Resource>();
  const entities: Ages['entities'][number][] = [];
  const types = new TypeInfo(schema);
  const see = (name: string | undefined): void => {
    const resource = name === undefined ? undefined : RESOURCE_OF_TYPE.get(name);
    if (resource) found.add(resource);
  };
  visit(
    document,
    visitWithTypeInfo(types, {
      enter(node) {
        if (node.kind === Kind.FIELD) {
          const name = getNamedType(types.getType())?.name;
          const definition = types.getFieldDef();
          if (name === '_Entity' && definition) entities.push({ definition, node });
          see(name);
        }
        if (node.kind === Kind.INLINE_FRAGMENT || node.kind === Kind.FRAGMENT_DEFINITION)
          see(node.typeCondition?.name.value);
      },
    }),
  );
  // Nothing but their __typename is asked of entities, which may be any.
  const resources = entities.length > 0 && found.size === 0 ? new Set(ENTITY_TYPES.values()) : found;
  const ages = [...resources].map((resource) => maxAges[resource] ?? 0);
  return { shortest: ages.length === 0 ? 0 : Math.min(...ages), entities };
}

/** Seconds for which the types may be kept that a router's representations name, whatever is asked of them. */
function ageOfRepresentations(
  definition: GraphQLField<unknown, unknown>,
  node: FieldNode,
  variables: Readonly<Record<string, unknown>>,
  maxAges: MaxAges,
): number {
  const { representations } = getArgumentValues(definition, node, variables) as { representations: readonly unknown[] };
  return representations.reduce((shortest: number, representation) => {
    const resource = ENTITY_TYPES.get((representation as { __typename?: string } | null)?.__typename ?? '');
    return resource === undefined ? shortest : Math.min(shortest, maxAges[resource] ?? 0);
  }, Number.POSITIVE_INFINITY);
}

const RESOURCE_OF_TYPE: ReadonlyMap<string, Resource> = new Map(
  [...ENTITY_TYPES.values()].flatMap((resource) =>
    ['', 'Connection'].map((suffix): [string, Resource] => [typeNameOf(resource) + suffix, resource]),
  ),
);
