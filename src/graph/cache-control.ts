import { getArgumentValues } from 'graphql';
import type { Resource } from '../datatrics/endpoints.ts';
import { ENTITY_TYPES } from '../datatrics/keys.ts';
import type { GatewayContext } from './context.ts';
import type { PreparedOperation } from './prepared-operation.ts';
import type { UsedField, Variables } from './selections.ts';

/** `max-age` in seconds by resource. Caches must not store answers with other resources. */
export type MaxAges = Readonly<Partial<Record<Resource, number>>>;

/** Returns `Cache-Control` for an answer without errors; undefined when caches must not store it. */
export type CacheControlOf = (
  operation: PreparedOperation,
  variables: Variables,
  context: GatewayContext,
) => string | undefined;

/** Ids of principals whose answers are the same for all clients of a router. */
const EVERYBODY: ReadonlySet<string> = new Set(['open', 'router']);

/**
 * Creates the function that computes `Cache-Control`, or undefined when no resource has a `max-age`. An answer's `max-age` is
 * the smallest of its resources, which come from the operation's fields and from the representations of entities.
 * @param hasOneProject whether all callers use the same project. Otherwise a header selects it, and a router's cache would not
 *   distinguish projects
 */
export function createCacheControl(maxAges: MaxAges, hasOneProject: boolean): CacheControlOf | undefined {
  if (Object.keys(maxAges).length === 0) return undefined;
  return ({ node, facts: { resources, scoped } }, variables, { session }) => {
    if (node.operation !== 'query') return undefined;
    const entities = scoped.filter(({ definition }) => definition.name === '_entities');
    // When an operation selects only the `__typename` of entities, they can have any type.
    const used = entities.length > 0 && resources.size === 0 ? ENTITY_TYPES.values() : resources;
    const asked = entities.flatMap((field) => resourcesAsked(field, variables));
    const age = Math.min(...[...used, ...asked].map((resource) => maxAges[resource] ?? 0));
    if (age === 0 || !Number.isFinite(age)) return undefined;
    return `${hasOneProject && EVERYBODY.has(session.principal.id) ? 'public' : 'private'}, max-age=${age}`;
  };
}

/** The types of the representations that a router sent, even those of which it selects no field. */
function resourcesAsked({ definition, node }: UsedField, variables: Variables): Resource[] {
  const { representations } = getArgumentValues(definition, node, variables) as { representations: readonly unknown[] };
  return representations.flatMap(
    (one) => ENTITY_TYPES.get((one as { __typename?: string } | null)?.__typename ?? '') ?? [],
  );
}
