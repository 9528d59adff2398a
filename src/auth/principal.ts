import { ALL_SCOPES, type ScopeSet } from './scopes.ts';

/**
 * The caller, Datatrics project and scopes of an operation. All state that outlives one operation has `shareKey` as its key, so
 * that no data passes from one caller to another, or from one with access to personal data to one without.
 */
export interface Principal {
  /** Stable id without secrets: `open`, a digest of the caller's own key, the id of a token, or a JWT's subject. */
  readonly id: string;
  /** Datatrics project id, as in upstream paths: letters, digits, `_` and `-`. */
  readonly project: string;
  /** The `x-apikey` for upstream calls. Never logged, and never part of a key that is logged. */
  readonly apiKey: string;
  readonly scopes: ScopeSet;
  /** Project, scopes and id, joined so that different principals have different keys. The project comes first. */
  readonly shareKey: string;
}

/** Valid project ids. They cannot change the structure of an upstream path. */
export const PROJECT_ID = /^[A-Za-z0-9_-]{1,64}$/;

export function createPrincipal(id: string, project: string, apiKey: string, scopes: ScopeSet = ALL_SCOPES): Principal {
  return { id, project, apiKey, scopes, shareKey: `${project}/${scopes}/${id}` };
}
