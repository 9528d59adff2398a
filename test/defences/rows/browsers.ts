import type { Row } from '../mutation.ts';

const AUTHENTICATE = 'src/auth/authenticate.ts';
const CORS = 'src/server/cors.ts';
const HEADERS = 'src/server/headers.ts';
const ROUTES = 'src/server/routes.ts';
const BROWSERS = 'test/limits/browsers.test.ts';
const MCP = 'test/server/mcp.test.ts';
const PROTOCOL = 'test/server/protocol.test.ts';
const TENANCY = 'test/auth/tenancy.test.ts';

/** What pages of other origins may do. */
export const BROWSER_ROWS: readonly Row[] = [
  {
    tries: "to read through a visitor's browser",
    mutations: [
      {
        defence: 'no CORS by default',
        file: CORS,
        find: 'const allowed = new Set(origins);',
        replace: "const allowed = new Set(origins.length > 0 ? origins : ['https://app.example']);",
        test: [BROWSERS, 'is not let in where none is configured'],
      },
      {
        defence: 'only configured origins may read',
        file: CORS,
        find: "      if (origin === undefined || !allowed.has(origin)) return { vary: 'origin' };",
        replace: "      if (origin === undefined) return { vary: 'origin' };",
        test: [BROWSERS, 'is not let in: https://evil.example'],
      },
      {
        defence: 'only configured origins may send',
        file: CORS,
        find: '      if (origin === undefined || !allowed.has(origin)) return {};',
        replace: '      if (origin === undefined) return {};',
        test: [BROWSERS, 'is not let in: https://evil.example'],
      },
      {
        defence: 'caches keep the answers of origins apart',
        file: CORS,
        find: "        vary: 'origin',\n        'access-control-allow-origin': origin,",
        replace: "        'access-control-allow-origin': origin,",
        test: [BROWSERS, 'may send JSON and our headers'],
      },
      {
        defence: 'no credentials',
        file: CORS,
        find: "        'access-control-expose-headers': RESPONSE_HEADERS,",
        replace:
          "        'access-control-expose-headers': RESPONSE_HEADERS,\n        'access-control-allow-credentials': 'true',",
        test: [BROWSERS, 'may read the answer, without credentials'],
      },
      {
        defence: 'JSON only, so that a browser asks first',
        file: ROUTES,
        find: "  if (!isJson(headers['content-type'])) {",
        replace: "  if (!isJson('application/json')) {",
        test: [PROTOCOL, 'with the content type text/plain answers 415'],
      },
      {
        defence: 'no mutation by GET',
        file: 'src/graph/pipeline.ts',
        find: "    if (node.operation === 'mutation' && !run.allowMutation) {",
        replace: "    if (node.operation === 'mutation' && node.operation !== 'mutation') {",
        test: [PROTOCOL, 'by GET runs queries, with variables, and no mutations'],
      },
      {
        defence: '`open` answers to its own address only (DNS rebinding)',
        file: AUTHENTICATE,
        find: '      if (!hosts.has(hostName(headers.host))) throw wrongHost();\n',
        replace: '',
        test: [TENANCY, 'a page that gives its own name the address of this machine is turned away'],
      },
      {
        defence: 'the subgraph is not for browsers',
        file: 'src/server/cors.ts',
        find: 'if (!forBrowsers || allowed.size === 0)',
        replace: 'if (allowed.size === 0)',
        test: [BROWSERS, 'is not let in to /subgraph'],
      },
      {
        defence: 'nor asked first',
        file: ROUTES,
        find: 'const preflight = forBrowsers ? cors.preflight(headers) : {};',
        replace: 'const preflight = cors.preflight(headers);',
        test: [BROWSERS, 'is not let in to /subgraph'],
      },
      {
        defence: 'agents’ tools are not for pages of other origins',
        file: 'packages/mcp/mcp.ts',
        find: '    if (!isOwnOrigin(req)) {',
        replace: '    if (!isOwnOrigin(req) && req.method === undefined) {',
        test: [MCP, 'answers 403 to a page of another origin'],
      },
      {
        defence: 'pages are not framed',
        file: HEADERS,
        find: "  'x-frame-options': 'DENY',\n",
        replace: '',
        test: [BROWSERS, 'of /health may be neither framed nor sniffed'],
      },
      {
        defence: 'answers are not sniffed',
        file: HEADERS,
        find: "  'x-content-type-options': 'nosniff',\n",
        replace: '',
        test: [BROWSERS, 'of /health may be neither framed nor sniffed'],
      },
      {
        defence: 'answers with data are not sniffed',
        file: 'src/server/respond.ts',
        find: "  'x-content-type-options',\n  'nosniff',\n",
        replace: '',
        test: [BROWSERS, 'with data is not sniffed and not stored'],
      },
      {
        defence: 'GraphiQL loads from its own origin alone',
        file: HEADERS,
        find: `  "script-src 'self'",`,
        replace: `  "script-src 'self' https: 'unsafe-inline'",`,
        test: [BROWSERS, 'with GraphiQL loads from its own origin alone, and runs no inline script'],
      },
    ],
  },
];
