import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { badInput, GatewayError } from '../lib/error.ts';
import { type Claims, createJwtCheck, invalidToken, type JwtOptions } from './jwt.ts';
import { createPrincipal, PROJECT_ID, type Principal } from './principal.ts';
import { scopeSet } from './scopes.ts';
import { createFindToken } from './static-tokens.ts';

/**
 * Returns the principal of a request; a promise only when the check is asynchronous.
 * @throws GatewayError `UNAUTHENTICATED`, `FORBIDDEN` or `BAD_USER_INPUT`; the promise rejects with the same errors
 */
export type Authenticate = (headers: IncomingHttpHeaders) => Principal | Promise<Principal>;

export interface Projects {
  /** API keys by project id. */
  readonly keys: ReadonlyMap<string, string>;
  /** The default project of a request that names none. */
  readonly configured: string | undefined;
}

export interface AuthSettings {
  readonly authMode: AuthMode;
  /** Null: the sandbox. */
  readonly upstream: object | null;
  readonly host: string;
  readonly tokensFile: string | undefined;
  readonly jwt: JwtOptions | undefined;
}

/**
 * - `open`: no authentication; calls use the configured keys
 * - `passthrough`: calls use the caller's own key, for the project that the caller names or the configured one
 * - `managed`: callers send a token; calls use the configured keys
 */
export type AuthMode = 'open' | 'passthrough' | 'managed';

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/**
 * @param onProblem called with the problem when the changed token file cannot be read
 * @throws Error when the token file cannot be read at the start
 */
export function createAuthenticate(
  { authMode, upstream, host, tokensFile, jwt }: AuthSettings,
  projects: Projects,
  onProblem: (problem: string) => void,
): Authenticate {
  switch (authMode) {
    case 'open':
      // The sandbox has no real data, so any web page may read it.
      return createOpen(projects, upstream === null ? undefined : new Set([...LOOPBACK_NAMES, host.toLowerCase()]));
    case 'passthrough':
      return createPassthrough(projects);
    case 'managed': {
      const findToken = tokensFile === undefined ? undefined : createFindToken(tokensFile, onProblem);
      return createManaged(projects, findToken, jwt && createJwtCheck(jwt));
    }
  }
}

/** @param hosts allowed `Host` headers; undefined: all */
function createOpen(options: Projects, hosts: ReadonlySet<string> | undefined): Authenticate {
  const principals = new Map<string, Principal>();
  const projects = [...options.keys.keys()];
  return (headers) => {
    // Stops DNS rebinding: a web page can map its own host name to this machine's address, and the browser sends that name.
    if (hosts && !hosts.has(hostName(headers.host))) {
      throw new GatewayError(
        'FORBIDDEN',
        'With AUTH_MODE open, the Host header must be localhost, 127.0.0.1, [::1] or the value of HOST.',
      );
    }
    const chosen = projects.length === 1 ? (projects[0] as string) : chooseProject(headers, projects, options);
    let principal = principals.get(chosen);
    const apiKey = options.keys.get(chosen) as string;
    // A key may change while the gateway runs.
    if (principal?.apiKey !== apiKey) {
      principal = createPrincipal('open', chosen, apiKey);
      principals.set(chosen, principal);
    }
    return principal;
  };
}

function hostName(host = ''): string {
  return host.toLowerCase().replace(/:\d+$/, '');
}

function createPassthrough(options: Projects): Authenticate {
  return (headers) => {
    const apiKey = headers['x-apikey'];
    if (typeof apiKey !== 'string' || apiKey === '') {
      throw new GatewayError('UNAUTHENTICATED', 'Send your Datatrics API key in the header x-apikey.');
    }
    if (!/^[\x21-\x7e]{1,512}$/.test(apiKey)) {
      throw new GatewayError(
        'UNAUTHENTICATED',
        'The header x-apikey must be a key of 1 to 512 visible ASCII characters.',
      );
    }
    const project = namedProject(headers) ?? options.configured;
    if (project === undefined) throw badInput('Send the header x-datatrics-project: no project is configured.');
    // Identifies the caller without its key. All instances compute the same digest, so that they share rate limits.
    const digest = hash('sha256', `datatrics-gateway caller\n${apiKey}`, 'base64url').slice(0, 22);
    return createPrincipal(digest, project, apiKey);
  };
}

function createManaged(
  options: Projects,
  findToken: ReturnType<typeof createFindToken> | undefined,
  checkJwt: ReturnType<typeof createJwtCheck> | undefined,
): Authenticate {
  return (headers) => {
    const token = /^Bearer +([\x21-\x7e]+) *$/i.exec(headers.authorization ?? '')?.[1];
    if (token === undefined) {
      throw new GatewayError('UNAUTHENTICATED', 'Send your token in the header Authorization: Bearer <token>.');
    }
    // A static token has a prefix that no JSON Web Token has, so the token cannot be both.
    const known = findToken?.(token);
    if (known) return principalOf(`token:${known.id}`, known, headers, options);
    if (!checkJwt) throw invalidToken();
    const claims = checkJwt(token);
    const toPrincipal = (verified: Claims): Principal => principalOf(`jwt:${verified.sub}`, verified, headers, options);
    return claims instanceof Promise ? claims.then(toPrincipal) : toPrincipal(claims);
  };
}

/**
 * Creates a principal with this gateway's key for the project that the request names, or for the default project.
 * @throws GatewayError `FORBIDDEN`, with the same message for another's project and for one that does not exist
 */
export function principalOf(
  id: string,
  granted: { readonly projects: readonly string[]; readonly scopes: readonly string[] },
  headers: IncomingHttpHeaders,
  options: Projects,
): Principal {
  const mine = granted.projects.filter((project) => options.keys.has(project));
  const project = chooseProject(headers, mine, options);
  return createPrincipal(id, project, options.keys.get(project) as string, scopeSet(granted.scopes));
}

/** The project that the request names, else the configured one, else the caller's only one. */
function chooseProject(headers: IncomingHttpHeaders, mine: readonly string[], { configured }: Projects): string {
  const named = namedProject(headers);
  const chosen = named ?? (configured !== undefined && mine.includes(configured) ? configured : undefined);
  if (chosen !== undefined) {
    if (mine.includes(chosen)) return chosen;
    throw new GatewayError('FORBIDDEN', 'This caller may not use this project.');
  }
  const [only] = mine;
  if (only === undefined) throw new GatewayError('FORBIDDEN', 'This caller may not use any project of this gateway.');
  if (mine.length > 1) throw badInput('Send the header x-datatrics-project: this caller may use several projects.');
  return only;
}

function namedProject(headers: IncomingHttpHeaders): string | undefined {
  const named = headers['x-datatrics-project'];
  if (typeof named !== 'string' || named === '') return undefined;
  if (!PROJECT_ID.test(named)) throw badInput('x-datatrics-project must be a project id of letters, digits, _ and -.');
  return named;
}
