import type { Row } from '../mutation.ts';

const AUTHENTICATE = 'src/auth/authenticate.ts';
const JWT = 'src/auth/jwt.ts';
const STORE = 'src/auth/static-tokens.ts';
const MANAGED = 'test/auth/managed.test.ts';
const CONSTANT_TIME = 'test/auth/constant-time.test.ts';
const LIST = 'test/auth/static-tokens.test.ts';

/** Who asks: tokens of both kinds. */
export const TOKENS: readonly Row[] = [
  {
    tries: 'to ask without a token',
    mutations: [
      {
        defence: 'without a token nobody is let in',
        file: AUTHENTICATE,
        find: "      throw new GatewayError('UNAUTHENTICATED', 'Send your token in the header Authorization: Bearer <token>.');",
        replace: "      return principalOf('nobody', ['1'], ALL_SCOPES, headers, options);",
        test: [MANAGED, 'or none at all: 401, and what to bring'],
      },
      {
        defence: 'the token is looked at before the document',
        file: 'src/server/operations.ts',
        find: '      const known = authenticate(head.headers, params);',
        replace: '      options.resolveDocument(params);\n      const known = authenticate(head.headers, params);',
        test: [MANAGED, 'is asked for before the document is looked at'],
      },
    ],
  },
  {
    tries: '`alg: none`, the public key as a shared secret, another key, changed claims',
    mutations: [
      {
        defence: 'the signature is checked',
        file: JWT,
        find: 'await jwtVerify(token, keys, {',
        replace: 'await unchecked(token, {',
        also: [
          {
            file: JWT,
            find: 'export interface JwtOptions {',
            replace:
              "const unchecked = async (token: string, _: object) => ({ payload: JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) });\nexport interface JwtOptions {",
          },
        ],
        test: [MANAGED, 'whose claims were changed is refused'],
      },
      {
        defence: 'only the algorithms of the list are taken',
        file: JWT,
        find: '        algorithms: ALGORITHMS,\n',
        replace: '',
        test: [MANAGED, 'by an algorithm that is not on the list'],
      },
    ],
  },
  {
    tries: 'another audience, issuer, an old or a future token',
    mutations: [
      {
        defence: 'the issuer is checked',
        file: JWT,
        find: '        issuer,\n',
        replace: '',
        test: [MANAGED, 'of another issuer is refused'],
      },
      {
        defence: 'the audience is checked',
        file: JWT,
        find: '        audience,\n',
        replace: '',
        test: [MANAGED, 'with another audience is refused'],
      },
      {
        defence: 'exp is asked for',
        file: JWT,
        find: "        requiredClaims: ['exp'],\n",
        replace: '',
        test: [MANAGED, 'without an end is refused'],
      },
      {
        defence: 'exp is compared with the clock',
        file: JWT,
        find: 'if (isTokenError(error)) throw invalidToken();',
        replace:
          "if (error.claim === 'exp' && error.reason === 'check_failed') payload = error.payload; else if (isTokenError(error)) throw invalidToken(); else",
        test: [MANAGED, 'that has expired is refused'],
      },
      {
        defence: 'nbf is compared with the clock',
        file: JWT,
        find: 'if (isTokenError(error)) throw invalidToken();',
        replace:
          "if (error.claim === 'nbf') payload = error.payload; else if (isTokenError(error)) throw invalidToken(); else",
        test: [MANAGED, 'that is not valid yet is refused'],
      },
      {
        defence: 'clocks may differ by no more than 30 s',
        file: JWT,
        find: 'const CLOCK_TOLERANCE_S = 30;',
        replace: 'const CLOCK_TOLERANCE_S = 60;',
        test: [MANAGED, 'that expired 45 s ago is refused'],
      },
      {
        defence: 'a remembered token ends with its life',
        file: JWT,
        find: 'const until = Math.min(Date.now() + CACHE_MS, ((payload.exp as number) + CLOCK_TOLERANCE_S) * 1000);',
        replace: 'const until = Date.now() + REMEMBER_MS;',
        test: [MANAGED, 'that was good is no longer once it has expired'],
      },
      {
        defence: 'a token without a subject is nobody’s',
        file: JWT,
        find: "if (typeof sub !== 'string' || sub === '' || sub.length > 256) throw invalidToken();",
        replace: '',
        test: [MANAGED, 'without a subject is refused'],
      },
      {
        defence: 'claims of another form than they should have count as none',
        file: JWT,
        find: "projects: Array.isArray(projects) ? projects.filter((project) => typeof project === 'string') : [],",
        replace: 'projects: [projects].flat() as string[],',
        test: [MANAGED, 'with a project that is no list has none of them'],
      },
      {
        defence: 'scopes of another form as well',
        file: JWT,
        find: "scopes: typeof scope === 'string' ? scope.split(' ') : [],",
        replace: "scopes: [scope].flat().join(' ').split(' '),",
        test: [MANAGED, 'with a list of scopes has none of them'],
      },
      {
        defence: 'what is too long is not looked at',
        file: JWT,
        find: '    if (token.length > MAX_LENGTH) throw invalidToken();\n',
        replace: '',
        test: [MANAGED, 'that is far too long, though it is right is refused'],
      },
    ],
  },
  {
    tries: 'ids of static tokens, by words or time',
    mutations: [
      {
        defence: 'the secret is compared',
        file: STORE,
        find: 'return isRight && known ? known : null;',
        replace: 'return known ?? null;',
        test: [MANAGED, 'is refused in the same words whether its id exists or not'],
      },
      {
        defence: 'one answer for all',
        file: STORE,
        find: 'return isRight && known ? known : null;',
        replace: "if (known && !isRight) throw new Error('wrong secret');\n    return isRight && known ? known : null;",
        test: [MANAGED, 'is refused in the same words whether its id exists or not'],
      },
      {
        defence: 'an id that does not exist takes as long',
        file: STORE,
        find: '    const isRight = timingSafeEqual(',
        replace: '    if (!known) return null;\n    const isRight = timingSafeEqual(',
        test: [CONSTANT_TIME, 'an id that does not exist'],
      },
      {
        defence: 'the comparison takes as long wherever the first difference is',
        file: STORE,
        find: 'const isRight = timingSafeEqual(Buffer.from(hashToken(text)), Buffer.from(known?.hash ?? NO_HASH));',
        replace: 'const isRight = hashToken(text) === (known?.hash ?? NO_HASH);',
        test: [CONSTANT_TIME, 'a wrong secret'],
      },
    ],
  },
  {
    tries: 'to be let in without a check',
    mutations: [
      {
        defence: 'nobody gets in while the keys can’t be had',
        file: JWT,
        find: '      throw unavailable(error);',
        replace: "      payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());",
        test: [MANAGED, 'lets nobody in while the keys can not be had'],
      },
      {
        defence: 'it is told apart from a wrong token',
        file: JWT,
        find: "    error.code !== 'ERR_JOSE_GENERIC'",
        replace: '    true',
        test: [MANAGED, 'lets nobody in while the keys can not be had'],
      },
      {
        defence: 'failures do not make a flood of fetches',
        file: JWT,
        find: 'const JWKS_PAUSE_MS = 1_000;',
        replace: 'const JWKS_PAUSE_MS = 0;',
        test: [MANAGED, 'lets nobody in while the keys can not be had'],
      },
      {
        defence: 'unknown keys do not make a flood of fetches',
        file: JWT,
        find: 'const JWKS_COOLDOWN_MS = 3_000;',
        replace: 'const JWKS_COOLDOWN_MS = 0;',
        test: [MANAGED, 'of a new key is taken without a restart, and unknown keys do not make a flood of fetches'],
      },
    ],
  },
  {
    tries: 'the same, by a list of tokens that can not be read',
    mutations: [
      {
        defence: 'no static token is valid until it can be read',
        file: STORE,
        find: '      this.#tokens = new Map();\n',
        replace: '',
        test: [MANAGED, 'is read anew when the file changes; while that can’t be read none is valid'],
      },
      {
        defence: 'the file is read anew',
        file: STORE,
        find: 'if (version === this.#version) return;',
        replace: 'if (version.length > 0) return;',
        test: [MANAGED, 'is read anew when the file changes; while that can’t be read none is valid'],
      },
      {
        defence: 'not even when it can’t be looked at',
        file: STORE,
        find: "return (error as NodeJS.ErrnoException).code ?? 'gone';",
        replace: 'throw error;',
        test: [LIST, 'that can not even be looked at lets nobody in'],
      },
      {
        defence: 'it is read anew though its time and size are what they were',
        file: STORE,
        find: 'return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;',
        replace: 'return `${mtimeMs} ${size} ${ino}`;',
        test: [LIST, 'that was written with the size and the time that it had is read anew'],
      },
      {
        defence: 'a list that is wrong in itself stops the start',
        file: 'src/config/rules.ts',
        find: '    readTokens(values.TOKENS_FILE);\n',
        replace: '',
        test: ['test/config.test.ts', 'does not start with the tokens'],
      },
    ],
  },
];
