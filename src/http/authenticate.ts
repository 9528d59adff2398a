import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { badInput, GatewayError } from '../lib/error.ts';
import { createPrincipal, PROJECT_ID, type Principal } from '../lib/principal.ts';

/** Tells who asks, from a request's headers; throws `UNAUTHENTICATED` or `BAD_USER_INPUT`. */
export type Authenticate = (headers: IncomingHttpHeaders) => Principal;

export type AuthOptions =
  /** Nobody is asked who they are; all calls are made with the configured key. */
  | { readonly mode: 'open'; readonly project: string; readonly apiKey: string }
  /** The caller's own key goes upstream, to the project that the caller names or the configured one. */
  | { readonly mode: 'passthrough'; readonly project: string | undefined };

export function createAuthenticate(options: AuthOptions): Authenticate {
  if (options.mode === 'open') {
    const everybody = createPrincipal('open', options.project, options.apiKey);
    return () => everybody;
  }
  return (headers) => {
    const apiKey = headers['x-apikey'];
    if (typeof apiKey !== 'string' || apiKey === '') {
      throw new GatewayError('UNAUTHENTICATED', 'Send your Datatrics API key as x-apikey.');
    }
    if (!/^[\x21-\x7e]{1,512}$/.test(apiKey)) {
      throw new GatewayError('UNAUTHENTICATED', 'The x-apikey header holds something else than a key.');
    }
    const named = headers['x-datatrics-project'];
    const project = typeof named === 'string' && named !== '' ? named : options.project;
    if (project === undefined) throw badInput('Name the project as x-datatrics-project: none is configured.');
    if (!PROJECT_ID.test(project)) {
      throw badInput('x-datatrics-project must be a project id of letters, digits, _ and -.');
    }
    return createPrincipal(digest(apiKey), project, apiKey);
  };
}

/** Tells callers apart without holding their key; the same in every instance, so that they can count together. */
function digest(apiKey: string): string {
  return createHash('sha256').update(`datatrics-gateway caller\n${apiKey}`).digest('base64url').slice(0, 22);
}
