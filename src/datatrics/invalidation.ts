import type { Principal } from '../auth/principal.ts';
import type { Endpoint, Resource } from './endpoints.ts';
import { DatatricsError } from './errors.ts';
import type { CallArgs } from './paths.ts';
import { RawJson } from './raw-json.ts';
import { type JsonObject, readText } from './records/fields.ts';

/** Tags an answer for the cache: a write of this id, or of any id for a list, makes it out of date. */
export function tagOf(project: string, resource: Resource, id: string | undefined): string {
  return id === undefined ? `${project}/${resource}` : `${project}/${resource}/${id}`;
}

/** Tags of what a write makes out of date, whatever the source: all lists of the resource, and the records that it names. */
export function tagsOfWrite(
  endpoint: Endpoint,
  { id }: CallArgs,
  body: JsonObject | RawJson,
  project: string,
): string[] {
  const { resource } = endpoint;
  const ids =
    id !== undefined
      ? [id]
      : body instanceof RawJson
        ? body.ids
        : 'body' in endpoint
          ? [readText(body[endpoint.body.idKey]) ?? '']
          : [];
  return [tagOf(project, resource, undefined), ...new Set(ids.map((one) => tagOf(project, resource, one)))];
}

/** The part of a path that all calls of a resource have. */
export function resourcePath(endpoint: Endpoint, { project }: Principal): string {
  return endpoint.path.replace('{project}', project).split('/').slice(0, 4).join('/');
}

/** Statuses of a refusal before anything is written. */
const NOT_WRITTEN: ReadonlySet<number | undefined> = new Set([401, 403, 404, 429]);

/** Whether a write may have been carried out though it failed. */
export function mayBeWritten(error: unknown): boolean {
  return !(error instanceof DatatricsError) || (error.sent && !NOT_WRITTEN.has(error.status));
}
