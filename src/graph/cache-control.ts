import { getArgumentValues } from 'graphql';
import type { Resource } from '../datatrics/endpoints.ts';
import { ENTITY_TYPES } from '../datatrics/keys.ts';
import type { GatewayContext } from './context.ts';
import type { UsedField } from './operation-facts.ts';
import type { PreparedOperation } from './prepared-operation.ts';

/** Seconds for which what was read of a type may be kept; types that are not named may not be kept at all. */
export type MaxAges = Readonly<Partial<Record<Resource, number>>>;

/** Tells `Cache-Control` of an answer without errors; undefined where nothing of it may be kept. */
export type CacheControlOf = (
  operation: PreparedOperation,
  variables: Readonly<Record<string, unknown>>,
  context: GatewayContext,
) => string | undefined;

/** Principals whose answers are the same for everybody whom a router serves. */
const EVERYBODY: ReadonlySet<string> = new Set(['open', 'router']);

/**
 * An answer may be kept as long as that of its types which must be freshest. The types are those that the operation's text
 * touches, and those that the representations of entities name.
 *
 * @param hasOneProject whether callers can't ask for different projects by a header, which a router's cache does not see
 */
export function createCacheControl(maxAges: MaxAges, hasOneProject: boolean): CacheControlOf | undefined {
  if (Object.keys(maxAges).length === 0) return undefined;
  return ({ node, facts: { resources, entities } }, variables, { session }) => {
    if (node.operation !== 'query') return undefined;
    // Where only the __typename of entities is selected, they may be of any type.
    const touched = entities.length > 0 && resources.size === 0 ? new Set(ENTITY_TYPES.values()) : resources;
    const ages = [
      ...[...touched].map((resource) => maxAges[resource] ?? 0),
      ...entities.map((field) => ageOfRepresentations(field, variables, maxAges)),
    ];
    const age = ages.length === 0 ? 0 : Math.min(...ages);
    if (age === 0) return undefined;
    return `${hasOneProject && EVERYBODY.has(session.principal.id) ? 'public' : 'private'}, max-age=${age}`;
  };
}

/** Seconds for which the types may be kept that a router's representations name, whatever is asked of them. */
function ageOfRepresentations(
  { definition, node }: UsedField,
  variables: Readonly<Record<string, unknown>>,
  maxAges: MaxAges,
): number {
  const { representations } = getArgumentValues(definition, node, variables) as { representations: readonly unknown[] };
  return representations.reduce((shortest: number, representation) => {
    const resource = ENTITY_TYPES.get((representation as { __typename?: string } | null)?.__typename ?? '');
    return resource === undefined ? shortest : Math.min(shortest, maxAges[resource] ?? 0);
  }, Number.POSITIVE_INFINITY);
}
