import { RESOURCES, type Resource } from '../datatrics/endpoints.ts';

/**
 * Cache tags of the subgraph. A router stores them with an answer, and removes the answers that have a given tag.
 * https://www.apollographql.com/docs/graphos/routing/performance/caching/response-caching/invalidation
 *
 * A tag has no source and no project: they are not among the arguments and key fields that a tag in the schema may use. So a
 * write removes the records with its id in every source and project.
 */

/** On every answer that is a record or a list of this type. */
export function typeTagOf(resource: Resource): string {
  return `datatrics-${resource}`;
}

/** On every answer that changes with any write of this type: its lists, and answers that link to its records. */
export function listTagOf(resource: Resource): string {
  return `datatrics-${RESOURCES[resource].plural}`;
}

/** @param id in the source */
export function recordTagOf(resource: Resource, id: string): string {
  return `${typeTagOf(resource)}-${id}`;
}

/** The formats of `@cacheTag` on a root field; none for a field that reads no records. */
export function rootTagFormats(field: string): string[] {
  for (const [name, { plural }] of Object.entries(RESOURCES)) {
    const resource = name as Resource;
    if (field === resource) return [typeTagOf(resource), recordTagOf(resource, `{$args.${resource}Id}`)];
    if (field === plural) return [typeTagOf(resource), listTagOf(resource)];
  }
  return [];
}
