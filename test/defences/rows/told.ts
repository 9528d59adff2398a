import type { Row } from '../mutation.ts';

const AUTHENTICATE = 'src/auth/authenticate.ts';
const LOG_SOURCE = 'src/lib/log.ts';
const REQUEST_ID = 'src/server/request-id.ts';
const ACCESS = 'test/auth/access.test.ts';
const ERRORS = 'test/datatrics/errors.test.ts';
const LOG = 'test/observability/log.test.ts';
const UNFORESEEN = 'test/server/unforeseen.test.ts';
const TRACE_CONTEXT = 'test/observability/trace-context.test.ts';

/** What is told of a request, to callers, to the API and to operators. */
export const TOLD: readonly Row[] = [
  {
    tries: 'more headers upstream or in the answer, or lines in the log',
    mutations: [
      {
        defence: 'x-request-id has no other characters than those of an id',
        file: REQUEST_ID,
        find: 'const REQUEST_ID = /^[A-Za-z0-9_.:-]{1,64}$/;',
        replace: 'const REQUEST_ID = /^[^\\r\\n]{1,64}$/;',
        test: [TRACE_CONTEXT, 'x-request-id > is made anew for'],
      },
      {
        defence: 'nor is an id of any length',
        file: REQUEST_ID,
        find: 'const REQUEST_ID = /^[A-Za-z0-9_.:-]{1,64}$/;',
        replace: 'const REQUEST_ID = /^[A-Za-z0-9_.:-]+$/;',
        test: [TRACE_CONTEXT, 'x-request-id > is made anew for'],
      },
      {
        defence: 'traceparent goes on only where it is one',
        file: REQUEST_ID,
        find: "  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;",
        replace: "  if (typeof traceparent !== 'string') return undefined;",
        test: [TRACE_CONTEXT, 'is left out when it is'],
      },
      {
        defence: 'tracestate goes on only where it is plain text',
        file: REQUEST_ID,
        find: "typeof tracestate === 'string' && TRACESTATE.test(tracestate) ? tracestate : undefined",
        replace: 'tracestate as string | undefined',
        test: [TRACE_CONTEXT, 'goes on without a tracestate that is no plain text'],
      },
      {
        defence: 'a caller’s own key has no other characters than those of a key',
        file: AUTHENTICATE,
        find: '    if (!/^[\\x21-\\x7e]{1,512}$/.test(apiKey)) {',
        replace: '    if (!/^.{1,512}$/.test(apiKey)) {',
        test: [ACCESS, 'answers 401 without a usable key, and makes no call'],
      },
      {
        defence: 'nor is a key of any length',
        file: AUTHENTICATE,
        find: '    if (!/^[\\x21-\\x7e]{1,512}$/.test(apiKey)) {',
        replace: '    if (!/^[\\x21-\\x7e]+$/.test(apiKey)) {',
        test: [ACCESS, 'answers 401 without a usable key, and makes no call'],
      },
      {
        defence: 'a token has no other characters than those of a token',
        file: AUTHENTICATE,
        find: '/^Bearer +([\\x21-\\x7e]+) *$/i',
        replace: '/^Bearer +(\\S+)/i',
        test: ['test/auth/constant-time.test.ts', 'of other characters is not even compared'],
      },
      {
        defence: 'no header of the caller goes upstream but its key, id and trace',
        file: 'src/datatrics/client.ts',
        find: '[...headersOf(principal), ...operation.headers]',
        replace: "[...headersOf(principal), ...operation.headers, 'x-datatrics-project', principal.project]",
        test: [ACCESS, 'lets no other header of the caller’s go upstream'],
      },
    ],
  },
  {
    tries: 'to show keys, paths, upstream texts',
    mutations: [
      {
        defence: 'what nobody foresaw is masked in a field',
        file: 'src/graph/errors.ts',
        find: "  return { code: 'INTERNAL_SERVER_ERROR', message: MASKED };",
        replace: "  return { code: 'INTERNAL_SERVER_ERROR', message: String(cause?.message ?? error.message) };",
        test: [UNFORESEEN, 'what nobody foresaw says nothing in a field, and is logged'],
      },
      {
        defence: 'and is logged',
        file: 'src/graph/errors.ts',
        find: '  report(cause ?? error);\n',
        replace: '',
        test: [UNFORESEEN, 'what nobody foresaw says nothing in a field, and is logged'],
      },
      {
        defence: 'the same in an answer as a whole',
        file: 'src/graph/outcome.ts',
        find: "    return refused(500, 'INTERNAL_SERVER_ERROR', 'Something went wrong in the gateway.');",
        replace: "    return refused(500, 'INTERNAL_SERVER_ERROR', String((error as Error).stack));",
        test: [UNFORESEEN, 'what nobody foresaw says nothing in an answer as a whole, and is logged'],
      },
      {
        defence: 'an error has a code and a message, and nothing else of what was thrown',
        file: 'src/graph/errors.ts',
        find: '    extensions: { code },\n  };',
        replace:
          '    extensions: { code, ...(error.originalError as object), cause: String(error.originalError?.cause) },\n  };',
        test: [ERRORS, '400: UPSTREAM_REJECTED by id'],
      },
      {
        defence: 'the codes are a closed list',
        file: 'src/lib/error.ts',
        find: '    this.code = code;\n',
        replace: '    this.code = `X_${code}` as ErrorCode;\n',
        test: ['test/limits/fuzz.test.ts', 'no input ends the process or is an unforeseen error'],
      },
      {
        defence: 'the schema is not told by guesses where it can not be asked for',
        file: 'src/graph/document-cache.ts',
        find: 'const hideSuggestions = options.introspection === false;',
        replace: 'const hideSuggestions = false;',
        test: ['test/auth/managed.test.ts', 'the schema is not told by guesses either'],
      },
      {
        defence: 'the schema can not be asked for in managed',
        file: 'src/config/config.ts',
        find: "values.INTROSPECTION === undefined ? authMode !== 'managed' : values.INTROSPECTION === 'on'",
        replace: "values.INTROSPECTION !== 'off'",
        test: ['test/auth/managed.test.ts', 'the schema can not be asked for, unless the settings say so'],
      },
    ],
  },
  {
    tries: 'keys, tokens, personal data',
    mutations: [
      {
        defence: 'no line has an error’s message',
        file: LOG_SOURCE,
        find: '    stack: framesOf(error),\n',
        replace: '    stack: [error.message, ...framesOf(error)],\n',
        test: [LOG, 'an error that nobody foresaw, whose message quotes what it likes'],
      },
      {
        defence: 'nor lines of it that look like frames',
        file: LOG_SOURCE,
        find: 'const frames = head === -1 ? stack : stack.slice(head + message.length);',
        replace: 'const frames = head === -2 ? stack.slice(message.length) : stack;',
        test: [LOG, 'an error that nobody foresaw, whose message quotes what it likes'],
      },
      {
        defence: 'nor a code that is none',
        file: LOG_SOURCE,
        find: '    ...(/^[A-Z][A-Z0-9_]{1,63}$/.test(code) && { code }),\n',
        replace: '    code,\n',
        test: [LOG, 'an error that nobody foresaw, whose message quotes what it likes'],
      },
      {
        defence: 'nor what stands under a secret’s name',
        file: LOG_SOURCE,
        find: "      redact: { paths: REDACTED, censor: '[redacted]' },\n",
        replace: '',
        test: [LOG, 'an error that nobody foresaw, whose message quotes what it likes'],
      },
      {
        defence: 'nor what a caller calls itself, where that may be an address',
        file: 'src/server/observer.ts',
        find: 'principal: principal && loggableId(principal.id),',
        replace: 'principal: principal?.id,',
        test: [LOG, 'whose subject is a mail address stands as a digest of it'],
      },
      {
        defence: 'nor a request id that is none',
        file: REQUEST_ID,
        find: "typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID()",
        replace: 'String(given ?? randomUUID())',
        test: [LOG, 'a request that is wrong in itself'],
      },
      {
        defence: 'spans hold nothing of variables, keys or answers',
        file: 'src/server/observer.ts',
        find: "'gateway.principal': loggableId(principal.id) }),\n",
        replace: "'gateway.principal': principal.apiKey }),\n",
        test: [TRACE_CONTEXT, 'marks what failed, and holds nothing of variables, keys or answers'],
      },
      {
        defence: 'a receipt names no record',
        file: 'src/datatrics/endpoints.ts',
        find: '  return `${method} ${path}`;',
        replace: "  return `${method} ${path.replace('{id}', '7')}`;",
        test: [
          'test/graph/trace.test.ts',
          'tells each call’s endpoint, start and end in the operation’s time, and nothing of records',
        ],
      },
      {
        defence: 'labels of metrics are of closed lists',
        file: 'src/server/observer.ts',
        find: 'metrics.end(kind, codes, usage, ms);',
        replace: 'metrics.end(kind, [...codes, observed.requestId], usage, ms);',
        also: [
          {
            file: 'src/server/metrics.ts',
            find: 'for (const code of codes) errorsBy.get(code)?.inc();',
            replace: 'for (const code of codes) errors.labels({ code }).inc();',
          },
        ],
        test: ['test/observability/metrics.test.ts', 'have labels of a few values only, whatever clients send'],
      },
      {
        defence: 'a wrong setting is told without a secret’s value',
        file: 'src/config/variables.ts',
        find: "if (SECRETS.has(name) || value.includes('@') || /[?&][\\w-]+=/.test(value)) return",
        replace: 'if (value === name) return',
        test: ['test/config.test.ts', 'never show a secret'],
      },
      {
        defence: 'names in Redis are digests of ids and callers',
        file: 'src/upstream/redis-cache.ts',
        find: "function digest(text: string): string {\n  return createHash('sha256').update(text).digest('base64url');",
        replace: 'function digest(text: string): string {\n  return text;',
        test: [
          'test/e2e/shared-cache.e2e.test.ts',
          'leave no id, and no name of a caller, in the names of what they keep',
        ],
      },
      {
        defence: 'those of rate limits as well',
        file: 'src/server/operations.ts',
        find: '  return loggableId(id);',
        replace: '  return id;',
        test: ['test/e2e/redis.e2e.test.ts', 'leave no address of a caller in the names of what they count'],
      },
    ],
  },
];
