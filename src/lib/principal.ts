/**
 * On whose behalf, and in which Datatrics project, an operation runs. Whatever outlives one operation (in-flight calls,
 * what was learned of a project, caches) is keyed by `shareKey`, so that nothing crosses from one caller to another.
 */
export interface Principal {
  /** Stable, holds no secret: `open`, or a digest of the caller's own key. */
  readonly id: string;
  /** Datatrics project id, as it stands in upstream paths: letters, digits, `_` and `-`. */
  readonly project: string;
  /** The `x-apikey` that goes upstream. Never logged, never part of a key that is. */
  readonly apiKey: string;
  /** `id` and `project` joined so that no two pairs collide. */
  readonly shareKey: string;
}

/** Project ids that can stand in an upstream path without changing it. */
export const PROJECT_ID = /^[A-Za-z0-9_-]{1,64}$/;

export function createPrincipal(id: string, project: string, apiKey: string): Principal {
  return { id, project, apiKey, shareKey: `${project}/${id}` };
}
