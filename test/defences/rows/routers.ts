import type { Row } from '../mutation.ts';

const AUTH = 'src/auth/router-proof.ts';
const MCP_SOURCE = 'packages/mcp/mcp.ts';
const CONSTANT_TIME = 'test/auth/constant-time.test.ts';
const MCP = 'test/server/mcp.test.ts';
const ROUTER = 'test/auth/router-proof.test.ts';

/** Who comes by `/subgraph` and `/mcp`. */
export const ROUTERS: readonly Row[] = [
  {
    tries: 'to be taken for the router, with any name, scopes and project',
    mutations: [
      {
        defence: 'nobody is let in without a proof',
        file: AUTH,
        find: '  if (!isProven) return null;\n',
        replace: '',
        test: [ROUTER, 'lets nobody in without proof where a secret is configured'],
      },
      {
        defence: 'the secret is compared',
        file: AUTH,
        find: "(secrets.header !== undefined && isSame(headers['x-router-secret'], secrets.header)) ||",
        replace: "(secrets.header !== undefined && headers['x-router-secret'] !== undefined) ||",
        test: [ROUTER, 'lets nobody in without proof where a secret is configured'],
      },
      {
        defence: 'in constant time',
        file: AUTH,
        find: '  return timingSafeEqual(digest(given), digest(expected));',
        replace: '  return digest(given).equals(digest(expected));',
        test: [CONSTANT_TIME, 'a router > with the secret A costs one comparison'],
      },
      {
        defence: 'whatever the length is',
        file: AUTH,
        find: "  if (typeof given !== 'string') return false;",
        replace: "  if (typeof given !== 'string' || given.length !== expected.length) return false;",
        test: [CONSTANT_TIME, 'a router > with the secret A costs one comparison'],
      },
      {
        defence: 'the signature is compared',
        file: AUTH,
        find: '  return isSame(signature, signOperation(secret, params));',
        replace: '  return signature.length === signOperation(secret, params).length;',
        test: [ROUTER, 'lets nobody in without proof where a secret is configured'],
      },
      {
        defence: 'it signs the query',
        file: AUTH,
        find: '  const content = stableStringify({\n    query,\n',
        replace: '  const content = stableStringify({\n    query: typeof query,\n',
        test: [ROUTER, 'with a signature of one operation sends no other'],
      },
      {
        defence: 'it signs the variables',
        file: AUTH,
        find: 'variables: variables && Object.keys(variables).length > 0 ? variables : undefined,',
        replace: 'variables: undefined,',
        test: [ROUTER, 'with a signature of one operation sends no other'],
      },
      {
        defence: 'what is nested too deeply is not looked through',
        file: AUTH,
        find: ' || isTooDeep(params.variables, MAX_JSON_DEPTH + 1)) return false;',
        replace: ') return false;',
        test: [ROUTER, 'is not looked at when its variables are nested beyond measure'],
      },
      {
        defence: 'a project that a router forwards is one that it may use',
        file: 'src/auth/authenticate.ts',
        find: '    if (mine.includes(chosen)) return chosen;\n',
        replace: '    if (chosen) return chosen;\n',
        test: [ROUTER, 'goes on with the project that a proven router forwards, when it is one of the router’s'],
      },
      {
        defence: 'ROUTER_PROJECTS',
        file: AUTH,
        find: 'const projects = grants.projects ?? [...auth.keys.keys()];',
        replace: 'const projects = [...auth.keys.keys()];',
        test: [ROUTER, 'configured scopes and projects count for a router that forwards none'],
      },
      {
        defence: 'a router that forwards no scopes does not see personal data',
        file: AUTH,
        find: "scope.endsWith(':read') && scope !== 'pii:read'",
        replace: "scope.endsWith(':read')",
        test: [ROUTER, 'a proof stands for a token, and reads all but personal data'],
      },
      {
        defence: 'nor write',
        file: AUTH,
        find: "scope.endsWith(':read') && scope !== 'pii:read'",
        replace: "scope !== 'pii:read'",
        test: [ROUTER, 'a proof stands for a token, and reads all but personal data'],
      },
      {
        defence: 'no scopes are none, and not those of a router that says nothing',
        file: AUTH,
        find: "header.split(/[\\s,]+/).filter((scope) => scope !== '') : undefined;",
        replace: "header.trim() === '' ? undefined : header.split(/[\\s,]+/) : undefined;",
        test: [ROUTER, 'forwarded scopes count instead, and none is enough for what it does not name'],
      },
      {
        defence: 'the secret opens /subgraph only',
        file: 'src/app.ts',
        find: '  const authenticate = createAuthenticate(auth);\n',
        replace:
          '  const authenticate = (headers: never) => createSubgraphAuthenticate(auth, config.routerSecrets, config.routerGrants)(headers, {} as never);\n',
        test: [ROUTER, 'a proof stands for a token, and reads all but personal data'],
      },
      {
        defence: 'documents that are not published run for a proven router only',
        file: 'src/server/trusted-documents.ts',
        find: 'sent.query !== undefined && principal && isRouter(principal)',
        replace: 'sent.query !== undefined && principal',
        test: [ROUTER, 'are not asked of a proven router, and of all others'],
      },
      {
        defence: 'a caller’s own key goes upstream, whatever the router proves',
        file: AUTH,
        find: "auth.mode === 'passthrough' ? authenticate(headers) : routerOf(identity, headers)",
        replace: 'routerOf(identity, headers)',
        test: [ROUTER, 'takes a caller’s own key in passthrough, where it goes upstream'],
      },
      {
        defence: 'a secret is long enough not to be guessed',
        file: 'src/config/variables.ts',
        find: "    .regex(/^[\\x21-\\x7e]{16,}$/, 'a secret of 16 or more visible ASCII characters')\n    .optional(),\n  // Whoever",
        replace: '    .optional(),\n  // Whoever',
        test: ['test/config.test.ts', 'take no ROUTER_SECRET that can be guessed'],
      },
      {
        defence: 'a key of signatures as well',
        file: 'src/config/variables.ts',
        find: ".min(16, 'a secret of 16 or more characters')",
        replace: '',
        test: ['test/config.test.ts', 'take no ROUTER_HMAC_SECRET that can be guessed'],
      },
    ],
  },
  {
    tries: 'tools that are not theirs, or what tools do not offer',
    mutations: [
      {
        defence: 'nobody gets in without a token',
        file: MCP_SOURCE,
        find: '      principal = await authenticate(req.headers);',
        replace: "      principal = { id: 'x', project: '1', apiKey: 'k', scopes: 511, shareKey: 'x' };",
        test: [MCP, 'nobody gets in without a token'],
      },
      {
        defence: 'tools that the scopes do not allow are not listed',
        file: MCP_SOURCE,
        find: '      tools: [...tools.values()].filter(mayCall).map((tool) => ({',
        replace: '      tools: [...tools.values()].map((tool) => ({',
        test: [MCP, 'tools that the scopes do not allow are not listed, and refused all the same'],
      },
      {
        defence: 'and refused by the way of every operation',
        file: 'src/graph/pipeline.ts',
        find: '      if (!allows(run.scopes, needed)) {',
        replace: '      if (!allows(ALL_SCOPES, needed)) {',
        test: [MCP, 'tools that the scopes do not allow are not listed, and refused all the same'],
      },
      {
        defence: 'nothing is written unless that is allowed',
        file: 'packages/mcp/tools.ts',
        find: "        else if (node.operation === 'mutation' && !mutations) leftOut.push(`${name}: mutations are not allowed`);\n",
        replace: '',
        test: [MCP, 'writes where that is allowed, and is unknown where it is not'],
      },
      {
        defence: 'there are no tools unless they are switched on',
        file: 'src/app.ts',
        find: "    mcp: mcp && (await loadPackage('MCP',",
        replace: "    mcp: (await loadPackage('MCP',",
        test: [MCP, 'is not there unless it is switched on'],
      },
      {
        defence: 'arguments that a tool does not have are refused',
        file: MCP_SOURCE,
        find: '      if (strange.length > 0) return failed(',
        replace: '      if (strange.length < 0) return failed(',
        test: [MCP, 'with wrong arguments says what is wrong, and asks the API nothing'],
      },
      {
        defence: 'names of JavaScript’s own are no arguments',
        file: MCP_SOURCE,
        find: '!Object.hasOwn(tool.inputSchema.properties, argument)',
        replace: '!(argument in tool.inputSchema.properties)',
        test: [MCP, 'with constructor for an argument is refused as with any other'],
      },
      {
        defence: 'batches are refused',
        file: MCP_SOURCE,
        find: "    if (!isObject(message)) return sendError(res, 400, ErrorCode.InvalidRequest, 'Batches are not supported.');\n",
        replace: '',
        test: [MCP, 'answers 400 to a batch'],
      },
      {
        defence: 'calls count for the caller’s rate limit',
        file: 'src/server/operations.ts',
        find: 'const taken = account && (await rateLimiter?.take(account));',
        replace:
          "const taken = account && head.headers['mcp-protocol-version'] === undefined ? await rateLimiter?.take(account) : undefined;",
        test: [MCP, 'counts for the caller’s rate limit'],
      },
    ],
  },
];
