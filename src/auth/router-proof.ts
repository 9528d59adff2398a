import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isTooDeep, MAX_JSON_DEPTH } from '../lib/depth.ts';
import { spellUnkept } from '../lib/digits.ts';
import { badInput, GatewayError } from '../lib/error.ts';
import { type AuthOptions, createAuthenticate, principalOf } from './authenticate.ts';
import { PROJECT_ID, type Principal } from './principal.ts';
import { SCOPES, scopeSet } from './scopes.ts';

/** Secrets that a router shares with this gateway. Without either, the gateway accepts no request as a router's. */
export interface RouterSecrets {
  /** The value of `x-router-secret`. */
  readonly header: string | undefined;
  /** The key of `extensions["hmac-signature"]`. */
  readonly hmac: string | undefined;
}

/** The parts of a request that Hive's signature covers, and `extensions` with the signature. */
export interface SignedRequest {
  readonly query?: string | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | null | undefined;
}

/** Configured rights of a proven router. */
export interface RouterGrants {
  /** Scopes of a request that forwards none. Default: all in mode `open`, else the read scopes without `pii:read`. */
  readonly scopes: readonly string[] | undefined;
  /** Projects that a request may use. Default: all. */
  readonly projects: readonly string[] | undefined;
}

/** The caller that a router forwards. Trust it only when the request has proved that it comes from a router. */
export interface RouterIdentity {
  /** `x-datatrics-principal`: the caller's name, chosen by the router. */
  readonly principal: string | undefined;
  /** `x-datatrics-scopes`, separated by spaces or commas; undefined without the header. */
  readonly scopes: readonly string[] | undefined;
  /** `x-datatrics-project`, a project id. */
  readonly project: string | undefined;
}

/**
 * Returns the caller that a router forwards, or null when the request has no valid proof that it comes from a router. A proof is
 * the shared secret in a header, or Hive Gateway's signature of query and variables.
 *
 * @throws GatewayError `BAD_USER_INPUT` when a proven router sends an invalid project id
 */
export function authenticateRouter(
  secrets: RouterSecrets,
  headers: IncomingHttpHeaders,
  params: SignedRequest,
): RouterIdentity | null {
  const isProven =
    (secrets.header !== undefined && isSame(headers['x-router-secret'], secrets.header)) ||
    (secrets.hmac !== undefined && isSigned(secrets.hmac, params));
  if (!isProven) return null;
  const project = textOf(headers['x-datatrics-project']);
  if (project !== undefined && !PROJECT_ID.test(project)) {
    throw badInput('x-datatrics-project must be a project id of letters, digits, _ and -.');
  }
  return {
    principal: textOf(headers['x-datatrics-principal']),
    scopes: scopesOf(headers['x-datatrics-scopes']),
    project,
  };
}

function isSigned(secret: string, params: SignedRequest): boolean {
  const signature = params.extensions?.['hmac-signature'];
  // Does not traverse variables that are nested too deeply: the gateway would not run them anyway.
  if (typeof signature !== 'string' || isTooDeep(params.variables, MAX_JSON_DEPTH + 1)) return false;
  return isSame(signature, signOperation(secret, params));
}

/**
 * Returns Hive's signature of an operation: HMAC-SHA256 in base64 of `{query, variables}` as JSON with sorted keys, without
 * empty variables. https://the-guild.dev/graphql/hive/docs/gateway/other-features/security/hmac-signature
 */
export function signOperation(
  secret: string,
  { query, variables }: Pick<SignedRequest, 'query' | 'variables'>,
): string {
  const content = stableStringify({
    query,
    variables: variables && Object.keys(variables).length > 0 ? variables : undefined,
  });
  return createHmac('sha256', secret)
    .update(content as string)
    .digest('base64');
}

/** Returns JSON with the keys of every object sorted by UTF-16 units; undefined for a value that JSON cannot represent. */
function stableStringify(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value, spellUnkept);
  if (Array.isArray(value)) return `[${value.map((item) => stableStringify(item) ?? 'null').join(',')}]`;
  const pairs = Object.keys(value)
    .sort()
    .flatMap((key) => {
      const text = stableStringify((value as Record<string, unknown>)[key]);
      return text === undefined ? [] : [`${JSON.stringify(key)}:${text}`];
    });
  return `{${pairs.join(',')}}`;
}

/** Compares in constant time: neither the position of the first difference nor the length matters. */
function isSame(given: unknown, expected: string): boolean {
  if (typeof given !== 'string') return false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** Parses the scopes header. An empty header means a caller without scopes; a missing header gives undefined. */
function scopesOf(header: string | string[] | undefined): string[] | undefined {
  return typeof header === 'string' ? header.split(/[\s,]+/).filter((scope) => scope !== '') : undefined;
}

function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && header !== '' ? header : undefined;
}

/** Principals of requests from a proven router. */
const routers = new WeakSet<Principal>();

/** Whether the principal's request came from a proven router. */
export function isRouter(principal: Principal): boolean {
  return routers.has(principal);
}

/**
 * Creates the authentication of `/subgraph`. When router secrets are configured, a request needs a router's proof or, outside
 * of mode `open`, its own credentials. The gateway uses the forwarded caller only with the proof.
 */
export function createSubgraphAuthenticate(
  auth: AuthOptions,
  secrets: RouterSecrets,
  grants: RouterGrants,
): (headers: IncomingHttpHeaders, params: SignedRequest) => Principal | Promise<Principal> {
  const authenticate = createAuthenticate(auth);
  if (secrets.header === undefined && secrets.hmac === undefined) return authenticate;
  return (headers, params) => {
    const identity = authenticateRouter(secrets, headers, params);
    if (identity === null) {
      if (auth.mode !== 'open') return authenticate(headers);
      throw new GatewayError(
        'UNAUTHENTICATED',
        'Requests to /subgraph need the header x-router-secret or the extension hmac-signature.',
      );
    }
    const principal = auth.mode === 'passthrough' ? authenticate(headers) : routerOf(identity, headers);
    if (!(principal instanceof Promise)) routers.add(principal);
    return principal;
  };

  function routerOf(identity: RouterIdentity, headers: IncomingHttpHeaders): Principal {
    const granted = grants.scopes ?? (auth.mode === 'open' ? SCOPES : READS);
    const projects = grants.projects ?? [...auth.keys.keys()];
    return principalOf(nameOf(identity), projects, scopeSet(identity.scopes ?? granted), headers, auth);
  }
}

/** Default scopes of a router's request outside of mode `open`. */
const READS = SCOPES.filter((scope) => scope.endsWith(':read') && scope !== 'pii:read');

/** Id of the principal. It depends on the forwarded name and scopes, so that different callers share no answers. */
function nameOf({ principal, scopes, project }: RouterIdentity): string {
  if (principal === undefined && scopes === undefined && project === undefined) return 'router';
  return `router-${createHash('sha256')
    .update(JSON.stringify([principal ?? null, scopes ?? null]))
    .digest('base64url')
    .slice(0, 22)}`;
}
