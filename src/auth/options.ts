import type { AuthOptions, Projects } from './authenticate.ts';
import { createJwtCheck, type JwtOptions } from './jwt.ts';
import { TokenStore } from './static-tokens.ts';

/** The settings of authentication. */
export interface AuthSettings {
  readonly authMode: AuthOptions['mode'];
  /** Null in front of the sandbox. */
  readonly upstream: object | null;
  /** Address on which the gateway listens. */
  readonly host: string;
  readonly tokensFile: string | undefined;
  readonly jwt: JwtOptions | undefined;
}

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Creates the options of `createAuthenticate` from settings.
 *
 * @param onProblem called with the problem when the changed token file cannot be read
 * @throws Error when the token file cannot be read at the start
 */
export function createAuthOptions(
  { authMode, upstream, host, tokensFile, jwt }: AuthSettings,
  projects: Projects,
  onProblem: (problem: string) => void,
): AuthOptions {
  switch (authMode) {
    case 'passthrough':
      return { ...projects, mode: 'passthrough' };
    case 'open': {
      // The sandbox has no real data, so any web page may read it.
      const hosts = upstream === null ? undefined : new Set([...LOOPBACK_NAMES, host.toLowerCase()]);
      return { ...projects, mode: 'open', hosts };
    }
    case 'managed':
      return {
        ...projects,
        mode: 'managed',
        tokens: tokensFile === undefined ? undefined : new TokenStore(tokensFile, onProblem),
        checkJwt: jwt && createJwtCheck(jwt),
      };
  }
}
