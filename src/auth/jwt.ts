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

export interface Claims {
  readonly sub: string;
  readonly scopes: readonly string[];
  readonly projects: readonly string[];
}

/** Asymmetric algorithms only: with a shared secret, everyone who can verify tokens could also sign them. */
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');
const CLOCK_TOLERANCE_S = 30;
const JWKS_MAX_AGE_MS = 10 * 60_000;
/** Between two fetches of the key set for unknown keys. */
const JWKS_COOLDOWN_MS = 3_000;
const JWKS_TIMEOUT_MS = 3_000;
/** After a failed fetch. */
const JWKS_PAUSE_MS = 1_000;
/** Lifetime of a verified token in the cache, for which a key that was removed from the set stays valid. */
const CACHE_MS = 60_000;
const MAX_CACHED = 10_000;
const MAX_LENGTH = 8_192;

/** It does not reveal the reason. */
export function invalidToken(): GatewayError {
  return new GatewayError('UNAUTHENTICATED', 'The token is invalid.');
}

/**
 * Creates a function that verifies JSON Web Tokens with an issuer's published keys. It caches a valid token for a minute, but not
 * beyond its expiry, and returns a promise only when the token is not cached. It throws, or rejects with, a GatewayError:
 * `UNAUTHENTICATED` for an invalid token, `UPSTREAM_UNAVAILABLE` when it cannot fetch the keys.
 */
export function createJwtCheck({ issuer, audience, jwksUrl }: JwtOptions): (token: string) => Promise<Claims> | Claims {
  const keys = createRemoteJWKSet(jwksUrl, {
    cacheMaxAge: JWKS_MAX_AGE_MS,
    cooldownDuration: JWKS_COOLDOWN_MS,
    timeoutDuration: JWKS_TIMEOUT_MS,
    ...(!isLoopback(jwksUrl.hostname) && { [customFetch]: createProxyFetch() }),
  });
  const verified = new LRUCache<string, { readonly claims: Claims; readonly until: number }>({ max: MAX_CACHED });
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
      if (isTokenError(error)) throw invalidToken();
      pausedUntil = performance.now() + JWKS_PAUSE_MS;
      throw unavailable(error);
    }
    const claims = claimsOf(payload);
    const until = Math.min(Date.now() + CACHE_MS, ((payload.exp as number) + CLOCK_TOLERANCE_S) * 1000);
    verified.set(token, { claims, until });
    return claims;
  }

  return (token) => {
    if (token.length > MAX_LENGTH) throw invalidToken();
    const cached = verified.get(token);
    return cached && Date.now() < cached.until ? cached.claims : verify(token);
  };
}

/** A `fetch` that uses the proxy from HTTPS_PROXY and NO_PROXY, as calls to the API do. */
function createProxyFetch(): FetchImplementation {
  const dispatcher = new EnvHttpProxyAgent({ connections: 1 });
  // undici's `Response` type differs from the DOM's, which jose uses, only in details of an iterator.
  return (url, options) => fetch(url, { ...options, dispatcher }) as unknown as Promise<Response>;
}

function unavailable(cause?: unknown): GatewayError {
  const message = 'The gateway cannot fetch the keys that verify tokens.';
  return new GatewayError('UPSTREAM_UNAVAILABLE', message, cause === undefined ? undefined : { cause });
}

/** Whether the token caused the error, and not the key set or its fetch. */
function isTokenError(error: unknown): boolean {
  return (
    error instanceof errors.JOSEError &&
    !(error instanceof errors.JWKSTimeout) &&
    !(error instanceof errors.JWKSInvalid) &&
    // jose throws a plain JOSEError when the key set's URL does not answer 200 with JSON.
    error.code !== 'ERR_JOSE_GENERIC'
  );
}

/** Ignores `scope` and `projects` of a wrong type. */
function claimsOf({ sub, scope, projects }: JWTPayload): Claims {
  if (typeof sub !== 'string' || sub === '' || sub.length > 256) throw invalidToken();
  return {
    sub,
    scopes: typeof scope === 'string' ? scope.split(' ') : [],
    projects: Array.isArray(projects) ? projects.filter((project) => typeof project === 'string') : [],
  };
}
