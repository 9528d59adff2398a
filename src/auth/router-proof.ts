import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '../lib/error.ts';
import { spellUnkept } from '../lib/exact-json.ts';
import { isTooDeep, MAX_JSON_DEPTH } from '../lib/json-depth.ts';
import { type Authenticate, type AuthMode, type Projects, principalOf } from './authenticate.ts';
import type { Principal } from './principal.ts';
import { SCOPES } from './scopes.ts';

/** Secrets that a router shares with this gateway. Without either, the gateway accepts no request as a router's. */
export interface RouterSecrets {
  /** The value of `x-router-secret`. */
  readonly header: string | undefined;
  /** The key of `extensions["hmac-signature"]`. */
  readonly hmac: string | undefined;
}

/** What Hive's signature covers, and `extensions` with the signature. */
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

/** Whether a request proves that it comes from a router: the secret in a header, or Hive's signature of query and variables. */
export function isFromRouter(secrets: RouterSecrets, headers: IncomingHttpHeaders, params: SignedRequest): boolean {
  if (secrets.header !== undefined && isSame(headers['x-router-secret'], secrets.header)) return true;
  const signature = params.extensions?.['hmac-signature'];
  if (secrets.hmac === undefined || typeof signature !== 'string') return false;
  // Variables that are nested too deeply are not traversed: the gateway would not run them anyway.
  return !isTooDeep(params.variables, MAX_JSON_DEPTH + 1) && isSame(signature, signOperation(secrets.hmac, params));
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

/** JSON with sorted keys; undefined for a value that JSON cannot represent. */
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

/** Compares in constant time, also for another length. */
function isSame(given: unknown, expected: string): boolean {
  const digest = (text: string): Buffer => hash('sha256', text, 'buffer');
  return typeof given === 'string' && timingSafeEqual(digest(given), digest(expected));
}

const routers = new WeakSet<Principal>();

export const isRouter = (principal: Principal): boolean => routers.has(principal);

/**
 * Creates the authentication of `/subgraph`. When router secrets are configured, a request needs a router's proof or, outside
 * of mode `open`, its own credentials. The gateway uses the forwarded caller only with the proof.
 */
export function createSubgraphAuthenticate(
  authenticate: Authenticate,
  mode: AuthMode,
  projects: Projects,
  secrets: RouterSecrets,
  grants: RouterGrants,
): (headers: IncomingHttpHeaders, params: SignedRequest) => Principal | Promise<Principal> {
  if (secrets.header === undefined && secrets.hmac === undefined) return authenticate;
  return (headers, params) => {
    if (!isFromRouter(secrets, headers, params)) {
      if (mode !== 'open') return authenticate(headers);
      throw new GatewayError(
        'UNAUTHENTICATED',
        'Requests to /subgraph need the header x-router-secret or the extension hmac-signature.',
      );
    }
    const principal = mode === 'passthrough' ? authenticate(headers) : forwardedCaller(headers);
    if (!(principal instanceof Promise)) routers.add(principal);
    return principal;
  };

  /** The caller that a proven router forwards: its name, scopes separated by spaces or commas, and project. */
  function forwardedCaller(headers: IncomingHttpHeaders): Principal {
    const { 'x-datatrics-principal': name, 'x-datatrics-scopes': named, 'x-datatrics-project': project } = headers;
    const forwarded = typeof named === 'string' ? named.split(/[\s,]+/).filter((scope) => scope !== '') : null;
    const scopes = forwarded ?? grants.scopes ?? (mode === 'open' ? SCOPES : READS);
    // The id depends on the forwarded name and scopes, so that different callers share no answers.
    const digest = hash('sha256', JSON.stringify([name || null, forwarded]), 'base64url');
    const id = name || forwarded || project ? `router-${digest.slice(0, 22)}` : 'router';
    return principalOf(id, { projects: grants.projects ?? [...projects.keys.keys()], scopes }, headers, projects);
  }
}

const READS = SCOPES.filter((scope) => scope.endsWith(':read') && scope !== 'pii:read');
