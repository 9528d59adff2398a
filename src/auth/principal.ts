import { ALL_SCOPES, type ScopeSet } from './scopes.ts';

/**
 * On whose behalf, in which Datatrics project and with which rights an operation runs. Whatever outlives one operation
 * (in-flight calls, what was learned of a project, caches) is keyed by `shareKey`, so that nothing crosses from one caller
 * to another, nor from one who may see personal data to one who may not.
 */
export interface Principal {
  /** Stable, holds no secret: `open`, a digest of the caller's own key, the id of a token, or a JWT's subject. */
  readonly id: string;
  /** Datatrics project id, as it stands in upstream paths: letters, digits, `_` and `-`. */
  readonly project: string;
  /** The `x-apikey` that goes upstream. Never logged, never part of a key that is. */
  readonly apiKey: string;
  readonly scopes: ScopeSet;
  /** Project, scopes and id joined so that no two of them collide; the project comes first. */
  readonly shareKey: string;
}

/** Project ids that can stand in an upstream path without changing it. */
export const PROJECT_ID = /^[A-Za-z0-9_-]{1,64}$/;

export function createPrincipal(id: string, project: string, apiKey: string, scopes: ScopeSet = ALL_SCOPES): Principal {
  return { id, project, apiKey, scopes, shareKey: `${project}/${scopes}/${id}` };
}
