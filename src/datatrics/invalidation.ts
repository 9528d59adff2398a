import type { Resource } from './endpoints.ts';

/** The cache tag of an answer. A write of this id, or for a list of any id, invalidates the answer. */
export function tagOf(project: string, resource: Resource, id: string | undefined): string {
  return id === undefined ? `${project}/${resource}` : `${project}/${resource}/${id}`;
}

/** A write that succeeded, or may have taken effect. */
export interface Write {
  readonly project: string;
  readonly resource: Resource;
  readonly ids: readonly string[];
}

/** The cache tags that a write invalidates: all lists of the resource, and the written records in every source. */
export function tagsOfWrite({ project, resource, ids }: Write): string[] {
  return [undefined, ...ids].map((id) => tagOf(project, resource, id));
}
