import { createRemoteJWKSet, customFetch, errors, type FetchImplementation, type JWTPayload, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { EnvHttpProxyAgent, fetch } from 'undici';
import { GatewayError } from '../lib/error.ts';
import { isLoopback } from '../lib/loopback.ts';

export interface JwtOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: URL;
}

/** Who a token says that its bearer is. */
export interface Claims {
  readonly sub: string;
  readonly scopes: readonly string[];
  readonly projects: readonly string[];
}

/** Signatures by a key pair only: a shared secret would let whoever can check tokens make them, and `none` anybody. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** Seconds by which clocks may differ. */
const CLOCK_TOLERANCE_S = 30;
/** ms for which the key set is believed, and for which it is not asked again for a key that it did not have. */
const JWKS_MAX_AGE_MS = 10 * 60_000;
const JWKS_COOLDOWN_MS = 3_000;
const JWKS_TIMEOUT_MS = 3_000;
/** ms after a failure in which the key set is not asked for. */
const JWKS_PAUSE_MS = 1_000;
/** ms for which a token is not checked again; within that a key taken out of the set still counts. */
const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 10_000;
/** Characters of a token that are looked at. */
const MAX_LENGTH = 8_192;

/** The one answer to every token that is not taken: what is wrong with it is nobody's business. */
export function invalidToken(): GatewayError {
  return new GatewayError('UNAUTHENTICATED', 'The token is invalid.');
}

/**
 * Checks JSON Web Tokens by an issuer's published keys. A token that was good is remembered for a minute, within its life.
 *
 * The function rejects with `UNAUTHENTICATED` for a token that is not valid, and `UPSTREAM_UNAVAILABLE` when the keys can't
 * be had: nobody gets in then.
 */
export function createJwtCheck({ issuer, audience, jwksUrl }: JwtOptions): (token: string) => Promise<Claims> | Claims {
  const keys = createRemoteJWKSet(jwksUrl, {
    cacheMaxAge: JWKS_MAX_AGE_MS,
    cooldownDuration: JWKS_COOLDOWN_MS,
    timeoutDuration: JWKS_TIMEOUT_MS,
    ...(!isLoopback(jwksUrl.hostname) && { [customFetch]: fetchByProxy() }),
  });
  const remembered = new LRUCache<string, { readonly claims: Claims; readonly until: number }>({ max: MAX_REMEMBERED });
  let pausedUntil = 0;

  async function verify(token: string): Promise<Claims> {
    if (performance.now() < pausedUntil && !keys.fresh) throw unavailable();
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_S,
        requiredClaims: ['exp'],
      }));
    } catch (error) {
      if (isAboutToken(error)) throw invalidToken();
      pausedUntil = performance.now() + JWKS_PAUSE_MS;
      throw unavailable(error);
    }
    const claims = claimsOf(payload);
    const until = Math.min(Date.now() + REMEMBER_MS, ((payload.exp as number) + CLOCK_TOLERANCE_S) * 1000);
    remembered.set(token, { claims, until });
    return claims;
  }

  return (token) => {
    if (token.length > MAX_LENGTH) throw invalidToken();
    const known = remembered.get(token);
    return known && Date.now() < known.until ? known.claims : verify(token);
  };
}

/** A `fetch` that uses the proxy of HTTPS_PROXY and NO_PROXY, as calls to the API do. */
function fetchByProxy(): FetchImplementation {
  const dispatcher = new EnvHttpProxyAgent({ connections: 1 });
  // undici's types of a response differ from the DOM's, which jose names, in an iterator's details only.
  return (url, options) => fetch(url, { ...options, dispatcher }) as unknown as Promise<Response>;
}

function unavailable(cause?: unknown): GatewayError {
  const message = 'The keys by which tokens are checked can not be fetched.';
  return new GatewayError('UPSTREAM_UNAVAILABLE', message, cause === undefined ? undefined : { cause });
}

/** Whether an error is the token's fault, as opposed to that of the key set or the way to it. */
function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JOSEError &&
    !(error instanceof errors.JWKSTimeout) &&
    !(error instanceof errors.JWKSInvalid) &&
    // A bare JOSEError is a key set that did not answer 200 with JSON.
    error.code !== 'ERR_JOSE_GENERIC'
  );
}

/** Claims of another form than they should have count as none. */
function claimsOf({ sub, scope, projects }: JWTPayload): Claims {
  if (typeof sub !== 'string' || sub === '' || sub.length > 256) throw invalidToken();
  return {
    sub,
    scopes: typeof scope === 'string' ? scope.split(' ') : [],
    projects: Array.isArray(projects) ? projects.filter((project) => typeof project === 'string') : [],
  };
}
