import type { Row } from '../mutation.ts';

const LIMITS = 'src/graph/limits.ts';
const PIPELINE = 'src/graph/pipeline.ts';
const DOCUMENTS = 'src/graph/documents.ts';
const BODY = 'src/http/body.ts';
const CONNECTIONS = 'src/http/connections.ts';
const RESPONSES = 'src/http/responses.ts';
const ROUTES = 'src/http/routes.ts';
const SERVER = 'src/http/server.ts';
const ATTACKS = 'test/e2e/attacks.e2e.test.ts';
const ERRORS = 'test/datatrics/errors.test.ts';
const LOAD = 'test/http/load.test.ts';
const PIPELINING = 'test/http/pipelining.test.ts';
const PROTOCOL = 'test/http/protocol.test.ts';
const RATES = 'test/limits/rates.test.ts';
const SIZE = 'test/limits/size.test.ts';
const SLOW = 'test/e2e/slow-clients.e2e.test.ts';
const WAITING = 'test/http/slow-clients.test.ts';

/** What is too much. */
export const LIMIT_ROWS: readonly Row[] = [
  {
    tries: 'bodies, depth, aliases, fragments, batches, slow headers',
    mutations: [
      {
        defence: 'a body is no longer than allowed, by its chunks',
        file: BODY,
        find: 'bytes + piece.length > maxBytes || ',
        replace: '',
        test: [PROTOCOL, 'larger than allowed answers 413, by its length or by its chunks'],
      },
      {
        defence: 'nothing is read of a body that says that it is longer',
        file: BODY,
        find: "    if (Number(req.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve(null);\n",
        replace: '',
        test: [PROTOCOL, 'that says that it will be larger is not waited for'],
      },
      {
        defence: 'a compressed body is not unpacked',
        file: ROUTES,
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
        defence: 'MAX_REPRESENTATIONS, for the ids of one nodes',
        file: PIPELINE,
        find: '    if (ids > limits.maxRepresentations) {',
        replace: '    if (ids < 0) {',
        test: [SIZE, 'are 500 at most, by variable, in the document and all the same'],
      },
      {
        defence: 'MAX_ESTIMATED_VALUES',
        file: PIPELINE,
        find: '    if (tooMany) return tooMany;\n',
        replace: '',
        test: [SIZE, 'is bounded: one page under 50 aliases'],
      },
      {
        defence: 'before an input is encoded',
        file: PIPELINE,
        find: "    if (tooMany && node.operation === 'mutation') return tooMany;\n    if (how.planOnly)",
        replace: '    if (how.planOnly)',
        test: [SIZE, 'is bounded for what is written, also where only the plan is asked for'],
      },
      {
        defence: 'fields that fail count in it',
        file: 'src/graph/plan.ts',
        find: '      if (cost || args === null) values += parents * FAILURE;\n',
        replace: '',
        test: [SIZE, 'is bounded: fields that all fail'],
      },
      {
        defence: 'and no page size takes anything off it',
        file: 'src/graph/cost.ts',
        find: 'return size >= 1 && size <= MAX_PAGE ? size : 0;',
        replace: 'return size;',
        test: [SIZE, 'is bounded: what a negative page size takes off'],
      },
      {
        defence: 'lists of unknown length count while they are read',
        file: 'src/datatrics/conversion.ts',
        find: '    if (context.operation?.takeItems(rows.length) === false) return [];\n',
        replace: '',
        test: [SIZE, 'stops the answer when there is too much of it: lines of a conversion'],
      },
      {
        defence: 'and so do attributes',
        file: 'src/datatrics/fields.ts',
        find: 'if (operation?.take(countValues(attributes) / ATTRIBUTES_PER_VALUE) === false) return {};',
        replace: '',
        test: [SIZE, 'stops the answer when there is too much of it: attributes of records'],
      },
      {
        defence: 'MAX_ANSWER_BYTES',
        file: PIPELINE,
        find: '    if (mayExceed(maxAnswerBytes, estimate, contextValue.operation)) {',
        replace: '    if (estimate.calls < 0 && mayExceed(maxAnswerBytes, estimate, contextValue.operation)) {',
        test: [SIZE, 'is the most that is sent: attributes under aliases'],
      },
      {
        defence: 'MAX_UPSTREAM_BYTES',
        file: 'src/datatrics/client.ts',
        find: '    if (!operation.receive(answer.bytes)) throw operation.budgetExceeded();',
        replace: '    operation.receive(answer.bytes);',
        test: [SIZE, 'is what one operation reads from the API; fields beyond it are null'],
      },
      {
        defence: 'what may be asked of the schema itself',
        file: DOCUMENTS,
        find: ' ?? exceededIntrospection(document);',
        replace: ' ?? (document.definitions.length < 0 ? exceededIntrospection(document) : null);',
        test: [SIZE, 'is refused beyond: 40 aliases of __schema'],
      },
      {
        defence: 'messages that quote what a client sent have a bound',
        file: 'src/graph/errors.ts',
        find: 'return message.length > MAX_MESSAGE ?',
        replace: 'return message.length < 0 ?',
        test: [SIZE, 'messages hold no more than the start of what a client sent'],
      },
      {
        defence: 'a text that is too long for a cursor is not decoded',
        file: 'src/graph/connection.ts',
        find: "cursor.length > MAX_CURSOR_CHARACTERS ? '' : ",
        replace: '',
        test: [SIZE, 'a cursor of any length is refused at once, however many fields are given it'],
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
        find: 'const maxSize = options.maxCachedCharacters ?? 8 * 1024 * 1024;',
        replace: 'const maxSize = Number.MAX_SAFE_INTEGER;',
        test: ['test/limits/flood.test.ts', 'a flood of distinct documents'],
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
        file: 'src/lib/turns.ts',
        find: '    let free = this.#maxWaiting - this.#waiting;\n',
        replace: '    let free = Number.POSITIVE_INFINITY;\n',
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
        find: ' && (this.#tellsApart || !this.#isLate)) return true;',
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
        find: '      owed.set(caller, { name, calls: (owed.get(caller)?.calls ?? 0) + calls });\n',
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
        defence: 'slow clients are looked for',
        file: SERVER,
        find: '    connectionsCheckingInterval: CHECK_INTERVAL_MS,\n',
        replace: '',
        test: [SLOW, 'is cut off when its headers take too long, or it says nothing at all'],
      },
      {
        defence: 'a body comes in a bounded number of pieces',
        file: BODY,
        find: ' || pieces > MAX_PIECES',
        replace: '',
        test: [WAITING, 'are answered when they finish, however small the pieces, up to 50,000 of them'],
      },
      {
        defence: 'MAX_WAITING_BYTES, of unfinished bodies',
        file: BODY,
        find: '        if (!req.complete) unfinished.set(socket, body.length);\n',
        replace: '',
        test: [WAITING, 'are disconnected when all of them keep more than MAX_WAITING_BYTES, those that began first'],
      },
      {
        defence: 'MAX_WAITING_BYTES, of unread answers',
        file: RESPONSES,
        find: '          this.#wait(bytes, writeNext, releaseUnwritten);',
        replace: "          this.once('drain', writeNext);",
        test: [WAITING, 'are disconnected when all of them keep more than MAX_WAITING_BYTES, past Yoga'],
      },
      {
        defence: 'and of what is sent as a stream',
        file: RESPONSES,
        find: '      if (!more) this.#wait(',
        replace: '      if (more && !more) this.#wait(',
        test: [WAITING, 'are disconnected whatever they asked for: files of GraphiQL'],
      },
      {
        defence: 'clients that do not read are disconnected in time',
        file: SERVER,
        find: '() => unread.disconnectStalled(STALL_MS)',
        replace: '() => undefined',
        test: [SLOW, 'is cut off when it does not read its answer for 20 s'],
      },
      {
        defence: 'a connection has one request under way',
        file: CONNECTIONS,
        find: 'if (connection.current === undefined) this.#begin',
        replace: 'if (connection.pipelined.length === 0) this.#begin',
        test: [PIPELINING, 'are begun one at a time'],
      },
      {
        defence: 'and is read no faster than it is answered',
        file: CONNECTIONS,
        find: '  if (pipelined.length > 0) socket.pause();',
        replace: '  if (pipelined.length < 0) socket.pause();',
        also: [{ file: CONNECTIONS, find: 'const MAX_PIPELINED = 100;', replace: 'const MAX_PIPELINED = 1e9;' }],
        test: [PIPELINING, 'are read no faster than they are answered'],
      },
      {
        defence: 'requests that came in one piece are bounded as well',
        file: CONNECTIONS,
        find: 'const MAX_PIPELINED = 100;',
        replace: 'const MAX_PIPELINED = 1e9;',
        test: [PIPELINING, 'end the connection when there are more than 100 of them'],
      },
      {
        defence: 'a gateway that stops does not wait for unfinished requests',
        file: CONNECTIONS,
        find: 'current?.req.complete && unreadSince === undefined',
        replace: 'unreadSince === undefined',
        test: [
          'test/main.test.ts',
          'exits within 5 s though clients have not finished a request, or do not read an answer',
        ],
      },
      {
        defence: 'nor for clients that do not read',
        file: SERVER,
        find: 'const CLOSE_READ_MS = 3_000;',
        replace: 'const CLOSE_READ_MS = 15_000;',
        test: [
          'test/main.test.ts',
          'exits within 5 s though clients have not finished a request, or do not read an answer',
        ],
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
