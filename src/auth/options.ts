import type { AuthOptions, Projects } from './authenticate.ts';
import { createJwtCheck, type JwtOptions } from './jwt.ts';
import { TokenStore } from './static-tokens.ts';

/** The settings that say how callers prove who they are. */
export interface AuthSettings {
  readonly authMode: AuthOptions['mode'];
  /** Null with the sandbox. */
  readonly upstream: object | null;
  /** Address that the gateway listens on. */
  readonly host: string;
  readonly tokensFile: string | undefined;
  readonly jwt: JwtOptions | undefined;
}

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/** @param onProblem called with why the file of tokens cannot be read */
export function createAuthOptions(
  { authMode, upstream, host, tokensFile, jwt }: AuthSettings,
  projects: Projects,
  onProblem: (problem: string) => void,
): AuthOptions {
  switch (authMode) {
    case 'passthrough':
      return { ...projects, mode: 'passthrough' };
    case 'open': {
      // The sandbox holds nobody's data, so any page may read it.
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
