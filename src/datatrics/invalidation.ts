import type { Principal } from '../auth/principal.ts';
import type { Endpoint, Resource } from './endpoints.ts';
import { DatatricsError } from './errors.ts';
import type { CallArgs } from './paths.ts';
import { RawJson } from './raw-json.ts';
import { type JsonObject, readText } from './records/fields.ts';

/** The cache tag of an answer. A write of this id, or for a list of any id, invalidates the answer. */
export function tagOf(project: string, resource: Resource, id: string | undefined): string {
  return id === undefined ? `${project}/${resource}` : `${project}/${resource}/${id}`;
}

/** A write that succeeded, or may have taken effect. */
export interface Write {
  readonly project: string;
  readonly resource: Resource;
  /** Ids of the records in their sources, each once. */
  readonly ids: readonly string[];
}

export function writeOf(endpoint: Endpoint, { id }: CallArgs, body: JsonObject | RawJson, project: string): Write {
  const { resource } = endpoint;
  const ids =
    id !== undefined
      ? [id]
      : body instanceof RawJson
        ? body.ids
        : 'body' in endpoint
          ? [readText(body[endpoint.body.idKey]) ?? '']
          : [];
  return { project, resource, ids: [...new Set(ids)] };
}

/** The cache tags that a write invalidates: all lists of the resource, and the written records in every source. */
export function tagsOfWrite({ project, resource, ids }: Write): string[] {
  return [undefined, ...ids].map((id) => tagOf(project, resource, id));
}

/** The first part of a path, common to all calls of a resource: `/project/1/profile`. */
export function resourcePath(endpoint: Endpoint, { project }: Principal): string {
  return endpoint.path.replace('{project}', project).split('/').slice(0, 4).join('/');
}

/** Statuses with which the API refuses a write before it writes anything. */
const NOT_WRITTEN: ReadonlySet<number | undefined> = new Set([401, 403, 404, 429]);

/** Whether a failed write may have taken effect. */
export function mayHaveWritten(error: unknown): boolean {
  return !(error instanceof DatatricsError) || (error.sent && !NOT_WRITTEN.has(error.status));
}
