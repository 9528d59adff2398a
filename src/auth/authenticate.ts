import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { badInput, GatewayError } from '../lib/error.ts';
import { type Claims, invalidToken } from './jwt.ts';
import { createPrincipal, PROJECT_ID, type Principal } from './principal.ts';
import { ALL_SCOPES, type ScopeSet, scopeSet } from './scopes.ts';
import type { TokenStore } from './static-tokens.ts';

/**
 * Tells who asks, from a request's headers; throws, or rejects with, `UNAUTHENTICATED`, `FORBIDDEN` or `BAD_USER_INPUT`.
 * Not a promise where nothing has to be waited for.
 */
export type Authenticate = (headers: IncomingHttpHeaders) => Principal | Promise<Principal>;

/** The projects that this gateway knows, and which of them is meant when none is named. */
export interface Projects {
  /** Keys by project. */
  readonly keys: ReadonlyMap<string, string>;
  readonly configured: string | undefined;
}

export type AuthOptions = Projects &
  (
    | /** Nobody is asked who they are; calls are made with the configured keys. */
    { readonly mode: 'open'; readonly hosts: ReadonlySet<string> | undefined }
    /** The caller's own key goes upstream, to the project that the caller names or the configured one. */
    | { readonly mode: 'passthrough' }
    /** Callers bring a token; calls are made with the configured keys. */
    | {
        readonly mode: 'managed';
        readonly tokens: TokenStore | undefined;
        readonly checkJwt: ((token: string) => Promise<Claims> | Claims) | undefined;
      }
  );

export function createAuthenticate(options: AuthOptions): Authenticate {
  switch (options.mode) {
    case 'open':
      return authenticateAnybody(options);
    case 'passthrough':
      return authenticateByKey(options);
    default:
      return authenticateByToken(options);
  }
}

function authenticateAnybody(options: Projects & { readonly hosts: ReadonlySet<string> | undefined }): Authenticate {
  const everybody = new Map(
    [...options.keys].map(([project, apiKey]) => [project, createPrincipal('open', project, apiKey)]),
  );
  const projects = [...everybody.keys()];
  const { hosts } = options;
  /** The latest `Host` that was right: nearly all requests have the same. */
  let right: string | undefined;
  return (headers) => {
    // A web page can give its own name the address of this machine; then the browser sends that name.
    if (hosts && headers.host !== right) {
      if (!hosts.has(hostName(headers.host))) throw wrongHost();
      right = headers.host;
    }
    const chosen = projects.length === 1 ? (projects[0] as string) : chooseProject(headers, projects, options);
    return everybody.get(chosen) as Principal;
  };
}

function wrongHost(): GatewayError {
  return new GatewayError(
    'FORBIDDEN',
    'With AUTH_MODE open, requests must name localhost, 127.0.0.1, [::1] or HOST as their host.',
  );
}

function hostName(host: string | undefined): string {
  return (host ?? '').toLowerCase().replace(/:\d+$/, '');
}

function authenticateByKey(options: Projects): Authenticate {
  return (headers) => {
    const apiKey = headers['x-apikey'];
    if (typeof apiKey !== 'string' || apiKey === '') {
      throw new GatewayError('UNAUTHENTICATED', 'Send your Datatrics API key as x-apikey.');
    }
    if (!/^[\x21-\x7e]{1,512}$/.test(apiKey)) {
      throw new GatewayError(
        'UNAUTHENTICATED',
        'The x-apikey header is not a valid key: 1 to 512 visible ASCII characters.',
      );
    }
    const project = namedProject(headers) ?? options.configured;
    if (project === undefined) throw badInput('Set the header x-datatrics-project: no project is configured.');
    return createPrincipal(digest(apiKey), project, apiKey);
  };
}

/** Tells callers apart without holding their key; the same in every instance, so that they can count together. */
function digest(apiKey: string): string {
  return createHash('sha256').update(`datatrics-gateway caller\n${apiKey}`).digest('base64url').slice(0, 22);
}

function authenticateByToken(options: Extract<AuthOptions, { mode: 'managed' }>): Authenticate {
  /** Of each token that was found right, by the project that is named with it; they go with what is known of the token. */
  const principals = new WeakMap<object, Map<string, Principal>>();

  function principalFor(
    known: object,
    id: string,
    projects: readonly string[],
    scopes: readonly string[],
    headers: IncomingHttpHeaders,
  ): Principal {
    let mine = principals.get(known);
    if (mine === undefined) {
      mine = new Map();
      principals.set(known, mine);
    }
    const named = namedProject(headers) ?? '';
    let principal = mine.get(named);
    if (principal === undefined) {
      principal = principalOf(id, projects, scopeSet(scopes), headers, options);
      mine.set(named, principal);
    }
    return principal;
  }

  return (headers) => {
    const token = /^Bearer +([\x21-\x7e]+) *$/i.exec(headers.authorization ?? '')?.[1];
    if (token === undefined) {
      throw new GatewayError('UNAUTHENTICATED', 'Send your token as Authorization: Bearer.');
    }
    // A JSON Web Token has three parts of its own; a static one is told by its first.
    const known = options.tokens?.find(token);
    if (known) return principalFor(known, `token:${known.id}`, known.projects, known.scopes, headers);
    if (!options.checkJwt) throw invalidToken();
    const claims = options.checkJwt(token);
    const toPrincipal = (found: Claims): Principal =>
      principalFor(found, `jwt:${found.sub}`, found.projects, found.scopes, headers);
    return claims instanceof Promise ? claims.then(toPrincipal) : toPrincipal(claims);
  };
}

/**
 * A principal of a gateway that holds the keys, in the project that the request names or means.
 * @throws GatewayError `FORBIDDEN` for a project that is not theirs, or not this gateway's: no difference is told
 */
export function principalOf(
  id: string,
  allowed: readonly string[],
  scopes: ScopeSet,
  headers: IncomingHttpHeaders,
  options: Projects,
): Principal {
  const mine = allowed.filter((project) => options.keys.has(project));
  const project = chooseProject(headers, mine, options);
  return createPrincipal(id, project, options.keys.get(project) as string, scopes & ALL_SCOPES);
}

/** The project that the request names, else the configured one, else the only one. */
function chooseProject(headers: IncomingHttpHeaders, mine: readonly string[], { configured }: Projects): string {
  const named = namedProject(headers);
  const chosen = named ?? (configured !== undefined && mine.includes(configured) ? configured : undefined);
  if (chosen !== undefined) {
    if (mine.includes(chosen)) return chosen;
    throw new GatewayError('FORBIDDEN', 'This caller may not use the project.');
  }
  const [only] = mine;
  if (only === undefined) throw new GatewayError('FORBIDDEN', 'This caller may use no project of this gateway.');
  if (mine.length > 1) throw badInput('Set the header x-datatrics-project: this caller has several projects.');
  return only;
}

function namedProject(headers: IncomingHttpHeaders): string | undefined {
  const named = headers['x-datatrics-project'];
  if (typeof named !== 'string' || named === '') return undefined;
  if (!PROJECT_ID.test(named)) throw badInput('x-datatrics-project must be a project id of letters, digits, _ and -.');
  return named;
}
