import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isTooDeep, MAX_JSON_DEPTH } from '../lib/depth.ts';
import { spellUnkept } from '../lib/digits.ts';
import { badInput, GatewayError } from '../lib/error.ts';
import { type AuthOptions, createAuthenticate, principalOf } from './authenticate.ts';
import { PROJECT_ID, type Principal } from './principal.ts';
import { SCOPES, scopeSet } from './scopes.ts';

/** What a router and this gateway both know; without either nobody is taken for a router. */
export interface RouterSecrets {
  /** The value of `x-router-secret`. */
  readonly header: string | undefined;
  /** The key of `extensions["hmac-signature"]`. */
  readonly hmac: string | undefined;
}

/** What Hive's signature covers of a request, and the signature itself. */
export interface SignedRequest {
  readonly query?: string | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | null | undefined;
}

/** What a proven router may do; undefined where the configuration says nothing. */
export interface RouterGrants {
  /** Scopes of a request that forwards none. */
  readonly scopes: readonly string[] | undefined;
  /** Projects among which a request may choose; all by default. */
  readonly projects: readonly string[] | undefined;
}

/** On whose behalf a router asks, as it says itself; to be believed only once it has proved that it is ours. */
export interface RouterIdentity {
  /** `x-datatrics-principal`: the caller's name, in the router's words. */
  readonly principal: string | undefined;
  /** `x-datatrics-scopes`, separated by spaces; undefined when the router says nothing of them. */
  readonly scopes: readonly string[] | undefined;
  /** `x-datatrics-project`, a project id. */
  readonly project: string | undefined;
}

/**
 * The identity that a router forwards, if the request proves that it comes from one: by the shared secret in a header, or
 * by Hive Gateway's signature of query and variables. Null without a valid proof, whatever else the request says.
 *
 * @throws GatewayError `BAD_USER_INPUT` when a proven router names an impossible project
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
  // What is nested too deeply to be run is not looked through either.
  if (typeof signature !== 'string' || isTooDeep(params.variables, MAX_JSON_DEPTH + 1)) return false;
  return isSame(signature, signOperation(secret, params));
}

/**
 * Hive's signature of an operation: HMAC-SHA256, in base64, of `{query, variables}` as JSON with sorted keys, in which
 * empty variables are left out, https://the-guild.dev/graphql/hive/docs/gateway/other-features/security/hmac-signature
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

/** JSON with the keys of every object in the order of their UTF-16 units; undefined for what JSON does not have. */
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

/** Compares in the same time whatever the first difference, or the length, is. */
function isSame(given: unknown, expected: string): boolean {
  if (typeof given !== 'string') return false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** An empty header is a caller without scopes, and not a router that says nothing. */
function scopesOf(header: string | string[] | undefined): string[] | undefined {
  return typeof header === 'string' ? header.split(/[\s,]+/).filter((scope) => scope !== '') : undefined;
}

function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && header !== '' ? header : undefined;
}

/** Principals whose request came from a proven router. */
const routers = new WeakSet<Principal>();

/** Whether the principal's request came from a proven router. */
export function isRouter(principal: Principal): boolean {
  return routers.has(principal);
}

/**
 * Tells who asks on `/subgraph`. Where routers can prove themselves, nobody is let in without proof unless the request
 * brings credentials of its own; what a router says of its caller counts only with the proof.
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
      throw new GatewayError('UNAUTHENTICATED', 'Requests to /subgraph need x-router-secret or an hmac-signature.');
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

/** What a router may do that says nothing of its caller's scopes, where anybody is asked who they are. */
const READS = SCOPES.filter((scope) => scope.endsWith(':read') && scope !== 'pii:read');

/** Callers behind a router are told apart by everything that it says of them, so that they share no answers. */
function nameOf({ principal, scopes, project }: RouterIdentity): string {
  if (principal === undefined && scopes === undefined && project === undefined) return 'router';
  return `router-${createHash('sha256')
    .update(JSON.stringify([principal ?? null, scopes ?? null]))
    .digest('base64url')
    .slice(0, 22)}`;
}
