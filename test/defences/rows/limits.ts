import type { Row } from '../mutation.ts';

const LIMITS = 'src/graph/limits.ts';
const PIPELINE = 'src/graph/pipeline.ts';
const DOCUMENTS = 'src/graph/documents.ts';
const HOT = 'src/http/hot-connection.ts';
const ROUTES = 'src/http/routes.ts';
const SERVER = 'src/http/server.ts';
const ATTACKS = 'test/e2e/attacks.e2e.test.ts';
const ERRORS = 'test/datatrics/errors.test.ts';
const HOT_PATH = 'test/http/hot-path.test.ts';
const LOAD = 'test/http/load.test.ts';
const PROTOCOL = 'test/http/protocol.test.ts';
const RATES = 'test/limits/rates.test.ts';
const SLOW = 'test/e2e/slow-clients.e2e.test.ts';

/** What is too much. */
export const LIMIT_ROWS: readonly Row[] = [
  {
    tries: 'bodies, depth, aliases, fragments, batches, slow headers',
    mutations: [
      {
        defence: 'a body is no longer than allowed, by its chunks',
        file: ROUTES,
        find: '      if (bytes <= maxBytes) chunks.push(chunk);',
        replace: '      if (bytes > 0) chunks.push(chunk);',
        test: [PROTOCOL, 'larger than allowed answers 413, by its length or by its chunks'],
      },
      {
        defence: 'nothing is read of a body that says that it is longer',
        file: ROUTES,
        find: "  if (Number(req.headers['content-length'] ?? 0) > maxBytes) return null;\n",
        replace: '',
        test: [PROTOCOL, 'that says that it will be larger is not waited for'],
      },
      {
        defence: 'nor on the hot path',
        file: HOT,
        find: '      head.bodyBytes > maxBodyBytes ||\n',
        replace: '',
        test: [PROTOCOL, 'larger than allowed answers 413, by its length or by its chunks'],
      },
      {
        defence: 'a compressed body is not unpacked',
        file: 'src/http/hot-path.ts',
        find: "  return contentEncoding !== undefined && contentEncoding !== 'identity';",
        replace: "  return contentEncoding === 'none';",
        test: [ATTACKS, 'gets nothing by a gzip bomb'],
      },
      {
        defence: 'batches are refused',
        file: 'src/http/params.ts',
        find: '  if (Array.isArray(params))\n    throw',
        replace: '  if (Array.isArray(params)) return checkParams(params[0]);\n  if (params === utf8)\n    throw',
        test: [ATTACKS, 'gets nothing by a batch of 1,000 operations'],
      },
      {
        defence: 'MAX_TOKENS',
        file: DOCUMENTS,
        find: 'document = parse(text, { maxTokens: limits.maxTokens });',
        replace: 'document = parse(text);',
        test: [ATTACKS, 'gets nothing by a document of 5,001 tokens'],
      },
      {
        defence: 'a document that is nested beyond the stack is refused',
        file: DOCUMENTS,
        find: "    if (error instanceof RangeError) return tooComplex('The document is nested too deeply.');\n",
        replace: '',
        test: [ATTACKS, 'gets nothing by nesting where more tokens are allowed than the stack can hold'],
      },
      {
        defence: 'MAX_DEPTH',
        file: LIMITS,
        find: '    if (size.depth > maxDepth) return',
        replace: '    if (size.depth < 0) return',
        test: [ATTACKS, 'gets nothing by fields nested 13 deep'],
      },
      {
        defence: 'MAX_ALIASES',
        file: LIMITS,
        find: '    if (size.aliases > maxAliases) return',
        replace: '    if (size.aliases < 0) return',
        test: [ATTACKS, 'gets nothing by 101 aliases'],
      },
      {
        defence: 'MAX_ROOT_FIELDS',
        file: LIMITS,
        find: 'size.fields > maxRootFields',
        replace: 'size.fields < 0',
        test: [ATTACKS, 'gets nothing by 51 root fields'],
      },
      {
        defence: 'MAX_DIRECTIVES',
        file: LIMITS,
        find: '  if (directives > limits.maxDirectives) return',
        replace: '  if (directives < 0) return',
        test: [ATTACKS, 'gets nothing by 51 directives'],
      },
      {
        defence: 'the depth of values in the document',
        file: LIMITS,
        find: '  if (valueDepth > MAX_JSON_DEPTH) return',
        replace: '  if (valueDepth < 0) return',
        test: [ATTACKS, 'gets nothing by object literals nested 1,000 deep'],
      },
      {
        defence: 'the depth of variables',
        file: PIPELINE,
        find: '    if (isTooDeep(request.variables, MAX_JSON_DEPTH + 1)) {',
        replace: '    if (request.variables === undefined && isTooDeep(0, MAX_JSON_DEPTH)) {',
        test: [ATTACKS, 'gets nothing by attributes nested 100,000 deep'],
      },
      {
        defence: 'fragments count wherever they are spread',
        file: LIMITS,
        find: '    total.aliases += spread.aliases;\n',
        replace: '',
        test: [ATTACKS, 'gets nothing by fragments that double 30 times, with an alias'],
      },
      {
        defence: 'a fragment is measured once, however often it is spread',
        file: LIMITS,
        find: '  if (known) return known;\n',
        replace: '  if (known?.depth === -1) return known;\n',
        test: [ATTACKS, 'gets nothing by fragments that double 30 times, with an alias'],
      },
      {
        defence: 'MAX_ESTIMATED_CALLS',
        file: PIPELINE,
        find: '    if (estimated > limits.maxEstimatedCalls) {',
        replace: '    if (estimated < 0) {',
        test: [ATTACKS, 'gets nothing by 500 conversions with 500 profiles each time over'],
      },
      {
        defence: 'an estimate is remembered with the arguments that are null',
        file: 'src/graph/plan.ts',
        find: "    key += value === undefined ? 'u' : value === null ? 'n' : 'v';\n",
        replace: "    key += value === undefined ? 'u' : 'v';\n",
        test: ['test/limits/remembered.test.ts', 'an argument that is null and must not be'],
      },
      {
        defence: 'an estimate is remembered with its project',
        file: 'src/graph/plan.ts',
        find: '  let key = `${project} `;',
        replace: '  let key = project.slice(0, 0);',
        test: ['test/limits/remembered.test.ts', 'an estimate is of this project, whatever was estimated for another'],
      },
      {
        defence: 'MAX_UPSTREAM_CALLS',
        file: 'src/lib/operation.ts',
        find: '    if (this.usage.calls >= this.maxCalls) return false;\n',
        replace: '',
        test: [ERRORS, 'leaves null what is beyond it, and makes no call for it'],
      },
      {
        defence: 'MAX_BULK_ITEMS',
        file: 'src/bulk/upsert.ts',
        find: '  if (inputs.length > limits.maxItems) {',
        replace: '  if (inputs.length < 0) {',
        test: [ATTACKS, 'gets nothing by 2,000 items in a bulk write'],
      },
      {
        defence: 'MAX_REPRESENTATIONS',
        file: PIPELINE,
        find: '    if (representations > limits.maxRepresentations) {',
        replace: '    if (representations < 0) {',
        test: [
          'test/graph/subgraph.test.ts',
          'are on representations, by variable, in the document and over several fields',
        ],
      },
      {
        defence: 'the size of a page',
        file: 'src/graph/connection.ts',
        find: 'if (value < 1 || value > MAX_PAGE) throw',
        replace: 'if (value < 1) throw',
        test: [ATTACKS, 'gets nothing by a page of a million'],
      },
      {
        defence: 'the cache of documents has a bound',
        file: DOCUMENTS,
        find: 'maxSize: options.maxCachedBytes ?? 64 * 1024 * 1024,',
        replace: 'maxSize: Number.MAX_SAFE_INTEGER,',
        test: ['test/limits/flood.test.ts', 'a flood of distinct documents'],
      },
      {
        defence: 'what is made of a document later counts too',
        file: DOCUMENTS,
        find: 'bytes: entry.bytes + bytes });',
        replace: 'bytes: entry.bytes + 0 * bytes });',
        test: ['test/limits/prepared.test.ts', 'documents of 10 KB that keep coming'],
      },
      {
        defence: 'selections count wherever fragments bring them',
        file: LIMITS,
        find: '    if (size.selections > MAX_SELECTIONS) {',
        replace: '    if (size.selections < 0) {',
        test: ['test/limits/prepared.test.ts', 'fragments that double'],
      },
      {
        defence: 'OPERATION_TIMEOUT_MS',
        file: 'src/lib/operation.ts',
        find: '    }, limits.timeoutMs);',
        replace: '    }, 600_000);',
        test: [ERRORS, 'runs out for an operation as a whole'],
      },
      {
        defence: 'UPSTREAM_TIMEOUT_MS',
        file: 'src/transport/pool.ts',
        find: 'setTimeout(onTimeout, request.timeoutMs ?? shared.timeoutMs, this);',
        replace: 'setTimeout(onTimeout, 600_000, this);',
        test: [ERRORS, 'runs out for a call that gets no headers'],
      },
      {
        defence: 'UPSTREAM_CONNECTIONS',
        file: 'src/transport/pool.ts',
        find: '      running: options.connections,\n',
        replace: '      running: Number.MAX_SAFE_INTEGER,\n',
        also: [
          {
            file: 'src/transport/pool.ts',
            find: '      runningInLane: options.connections - Math.floor(options.connections * reservedShare),',
            replace: '      runningInLane: Number.MAX_SAFE_INTEGER,',
          },
        ],
        test: ['test/datatrics/sharing.test.ts', 'over no more connections than configured'],
      },
      {
        defence: 'UPSTREAM_QUEUE',
        file: 'src/transport/queue.ts',
        find: '    if (this.#waiting - this.#abandoned >= this.#maxWaiting) return false;\n',
        replace: '',
        test: [
          'test/transport/queue.test.ts',
          'a lane leaves room for the others, and calls beyond the queue fail at once',
        ],
      },
      {
        defence: 'MAX_REQUESTS',
        file: 'src/http/load.ts',
        find: 'this.#requests < this.#limits.maxRequests && ',
        replace: '',
        test: [LOAD, 'are answered 503 with Retry-After at once'],
      },
      {
        defence: 'and on the hot path',
        file: HOT,
        find: 'await (load.accepts()',
        replace: 'await (load',
        test: [LOAD, 'are answered 503 with Retry-After at once'],
      },
      {
        defence: 'MAX_REQUESTS holds for agents as well',
        file: 'src/http/mcp.ts',
        find: '    if (!load.accepts()) {',
        replace: '    if (load.requests < 0) {',
        test: [LOAD, 'are turned away by MAX_REQUESTS as well, and every call is counted out again'],
      },
      {
        defence: 'and agents’ calls count',
        file: 'src/http/mcp.ts',
        find: '    load.begin();\n',
        replace: '',
        also: [{ file: 'src/http/mcp.ts', find: '      load.end();\n', replace: '' }],
        test: [LOAD, 'are turned away by MAX_REQUESTS as well, and every call is counted out again'],
      },
      {
        defence: 'MAX_EVENT_LOOP_DELAY_MS',
        file: 'src/http/load.ts',
        find: ' && this.#lateChecks < CHECKS) return true;',
        replace: ') return true;',
        test: [LOAD, 'that is late for long has requests turned away, until it is not'],
      },
      {
        defence: 'RATE_LIMIT, by requests',
        file: 'src/http/rate-limit.ts',
        find: 'if (used.requests > maxRequests || used.calls >= maxCalls) return refuse(used);',
        replace: 'if (used.calls >= maxCalls) return refuse(used);',
        also: [
          {
            file: 'src/http/rate-limit.ts',
            find: 'if (used.requests >= maxRequests || used.calls >= maxCalls) exhausted',
            replace: 'if (used.calls >= maxCalls) exhausted',
          },
        ],
        test: [RATES, 'answers 429 with Retry-After beyond it'],
      },
      {
        defence: 'RATE_LIMIT, by REST calls',
        file: 'src/http/rate-limit.ts',
        find: '      owed.set(principal, (owed.get(principal) ?? 0) + calls);\n',
        replace: '',
        test: [RATES, 'stops the requests after the one that used them up'],
      },
      {
        defence: 'headers that take too long',
        file: SERVER,
        find: '  server.headersTimeout = HEADERS_TIMEOUT_MS;\n',
        replace: '  server.headersTimeout = 0;\n',
        test: [SLOW, 'is cut off when its headers take too long, or it says nothing at all'],
      },
      {
        defence: 'bodies that take too long',
        file: SERVER,
        find: '  server.requestTimeout = REQUEST_TIMEOUT_MS;\n',
        replace: '  server.requestTimeout = 0;\n',
        test: [SLOW, 'is cut off when its body takes too long'],
      },
      {
        defence: 'connections that say nothing',
        file: HOT,
        find: "this.#state === 'fresh' && ms > headersTimeoutMs",
        replace: "this.#state === 'fresh' && ms < 0",
        test: [SLOW, 'is cut off when its headers take too long, or it says nothing at all'],
      },
      {
        defence: 'bodies that take too long on the hot path',
        file: HOT,
        find: "this.#state === 'reading' && ms > requestTimeoutMs",
        replace: "this.#state === 'reading' && ms < 0",
        test: [SLOW, 'is cut off when its body takes too long'],
      },
      {
        defence: 'who takes no answers is asked no more of',
        file: HOT,
        find: 'else if (this.#socket.write(text, answer.encoding)) this.#next();',
        replace: 'else if (this.#socket.write(text, answer.encoding) || answer) this.#next();',
        test: [HOT_PATH, 'a client that asks for more than it takes is asked no more of'],
      },
      {
        defence: 'and who sends without a pause is read no faster than answered',
        file: HOT,
        find: '    if (this.#behind === undefined && !this.isGone) this.#socket.resume();',
        replace: '    if (!this.isGone) this.#socket.resume();',
        test: [HOT_PATH, 'a client that sends without a pause is taken in no faster than it is answered'],
      },
      {
        defence: 'and who keeps a connection open is not waited for by a gateway that closes',
        file: HOT,
        find: 'this.#socket.destroySoon();',
        replace: 'this.#socket.end();',
        test: [HOT_PATH, 'a gateway that closes answers what still comes, and then ends the connection by itself'],
      },
      {
        defence: 'slow clients are looked for',
        file: SERVER,
        find: 'createServer({ connectionsCheckingInterval: CHECK_INTERVAL_MS }, ',
        replace: 'createServer({}, ',
        test: [SLOW, 'is cut off when its headers take too long, or it says nothing at all'],
      },
      {
        defence: 'MAX_CONNECTIONS',
        file: SERVER,
        find: '  server.maxConnections = options.maxConnections;\n',
        replace: '',
        test: [LOAD, 'connections are closed beyond MAX_CONNECTIONS'],
      },
    ],
  },
];
