import type { Row } from '../mutation.ts';

const API_ERRORS = 'src/datatrics/errors.ts';
const AUTHENTICATE = 'src/http/authenticate.ts';
const HTTP1_SOURCE = 'src/transport/http1.ts';
const KEYS = 'src/datatrics/keys.ts';
const PATHS = 'src/datatrics/paths.ts';
const POOL_SOURCE = 'src/transport/pool.ts';
const WIRE = 'src/datatrics/wire.ts';
const ACCESS = 'test/http/access.test.ts';
const ERRORS = 'test/datatrics/errors.test.ts';
const IDS = 'test/graph/ids.test.ts';
const HEAD = 'test/transport/answer-head.test.ts';
const HTTP1 = 'test/transport/http1.test.ts';
const POOL = 'test/transport/pool.test.ts';

/** What goes to the API, and what comes from it. */
export const UPSTREAM_ROWS: readonly Row[] = [
  {
    tries: 'to change the REST path or query',
    mutations: [
      {
        defence: 'ids are escaped',
        file: PATHS,
        find: "path += encodeURIComponent(checkId('id', args.id ?? '')) + parts[2];",
        replace: "path += checkId('id', args.id ?? '') + parts[2];",
        test: [IDS, 'is escaped, and the record found'],
      },
      {
        defence: 'parameters are escaped',
        file: PATHS,
        find: '`${separator}${key}=${encodeURIComponent(String(value))}`',
        replace: '`${separator}${key}=${String(value)}`',
        test: [IDS, 'is escaped, on a record and on a list'],
      },
      {
        defence: 'values of filters are escaped',
        file: PATHS,
        find: '${key}=${encodeURIComponent(filter.value)}',
        replace: '${key}=${filter.value}',
        test: [IDS, 'is escaped when a link leads to it, by its id and by a filter'],
      },
      {
        defence: 'names of filters are escaped',
        file: PATHS,
        find: 'return encodeURIComponent(op === undefined ? ',
        replace: 'return (op === undefined ? ',
        test: ['test/http/custom-fields.test.ts', 'have their names escaped in a filter'],
      },
      {
        defence: '`.` and `..` are refused',
        file: KEYS,
        find: "  if (id === '.' || id === '..') return",
        replace: "  if (id === '...') return",
        test: [IDS, 'refuses the id ".." without a call'],
      },
      {
        defence: 'an empty id is refused',
        file: KEYS,
        find: "  if (text === '') return 'must not be empty';\n",
        replace: '',
        test: [IDS, 'refuses the id "" without a call'],
      },
      {
        defence: 'what has no UTF-8 is refused',
        file: KEYS,
        find: "  if (!text.isWellFormed()) return 'must be well-formed Unicode';\n",
        replace: '',
        test: [IDS, 'without a call'],
      },
      {
        defence: 'the path goes out as it stands',
        file: HTTP1_SOURCE,
        find: 'const head = `${method} ${path}${',
        replace: "const head = `${method} ${new URL(path, 'http://a').pathname}${",
        test: [POOL, 'goes out with the path /a/../b as it stands'],
      },
      {
        defence: 'a project that could change the path is refused',
        file: AUTHENTICATE,
        find: '  if (!PROJECT_ID.test(named)) throw',
        replace: '  if (named === undefined) throw',
        test: [ACCESS, 'goes to the project that the caller names, if it can be one'],
      },
    ],
  },
  {
    tries: 'HTML, redirects, endless bodies, wrong shapes',
    mutations: [
      {
        defence: 'a redirect is no answer, and not followed',
        file: WIRE,
        find: '  if (status < 200 || status > 299) throw errorOfStatus',
        replace: '  if (status < 200 || status > 399) throw errorOfStatus',
        test: [ERRORS, '304: UPSTREAM_INVALID_RESPONSE by id'],
      },
      {
        defence: 'a body has a bound',
        file: HTTP1_SOURCE,
        find: "    else if (this.#bodyBytes > maxBodyBytes) this.#fail('too-large');\n",
        replace: '',
        test: [ERRORS, 'over the limit on bodies is invalid, and is not read to its end'],
      },
      {
        defence: 'a body of a known length too',
        file: HTTP1_SOURCE,
        find: "      if (framing > maxBodyBytes) this.#fail('too-large');\n      else this.#readLength",
        replace: '      this.#readLength',
        test: [HTTP1, 'over the limit is refused, with content-length: 9'],
      },
      {
        defence: 'a length is given once',
        file: 'src/transport/answer-head.ts',
        find: '          if (length !== undefined) return null;\n',
        replace: '',
        test: [HEAD, 'that is not exactly HTTP/1.1 is refused'],
      },
      {
        defence: 'a length does not stand beside chunks',
        file: 'src/transport/answer-head.ts',
        find: "  if (isChunked && (length !== undefined || minor === '0')) return null;\n",
        replace: '',
        test: [HEAD, 'that is not exactly HTTP/1.1 is refused'],
      },
      {
        defence: 'what nobody asked for is nobody’s answer',
        file: HTTP1_SOURCE,
        find: '      if (this.#listener === undefined) {\n        this.destroy();\n        return;\n      }\n',
        replace: '',
        test: [HTTP1, 'is not used again for what came before anybody asked'],
      },
      {
        defence: 'nor is what comes behind an answer',
        file: HTTP1_SOURCE,
        find: 'isClean && keepAlive && isDone',
        replace: 'keepAlive && isDone',
        test: [HTTP1, 'with more behind it is read, in whatever parts it comes'],
      },
      {
        defence: 'only chunks that are spelled right',
        file: 'src/transport/chunks.ts',
        find: "          if (line !== '') return 'malformed';\n",
        replace: '',
        test: [HTTP1, 'with a chunk without its end is malformed'],
      },
      {
        defence: 'and is bound by default',
        file: POOL_SOURCE,
        find: 'const DEFAULT_MAX_BODY_BYTES = 32 * 1024 * 1024;',
        replace: 'const DEFAULT_MAX_BODY_BYTES = 320 * 1024 * 1024;',
        test: [ERRORS, 'over the limit on bodies is invalid, and is not read to its end'],
      },
      {
        defence: 'what is no JSON is no answer',
        file: WIRE,
        find: "    throw invalidResponse('something else than JSON', cause);",
        replace: '    return { found: false };',
        test: [ERRORS, 'HTML: UPSTREAM_INVALID_RESPONSE by id'],
      },
      {
        defence: 'a record is an object',
        file: WIRE,
        find: "    if (!isObject(body.json)) throw invalidResponse('a record that is no object');\n    return body.json;",
        replace: '    return body.json as JsonObject;',
        also: [
          {
            file: 'src/datatrics/record.ts',
            find: '    if (!isObject(raw)) throw invalidResponse(`a ${typeName} that is no object`);',
            replace: '    if (!isObject(raw)) return {} as R;',
          },
        ],
        test: [ERRORS, 'a text: UPSTREAM_INVALID_RESPONSE by id'],
      },
      {
        defence: 'a list is a list',
        file: WIRE,
        find: "  if (!isObject(body.json) || !Array.isArray(body.json.items)) throw invalidResponse('something else than a page');",
        replace: "  if (!isObject(body.json)) throw invalidResponse('something else than a page');",
        test: [ERRORS, 'items that are no list: UPSTREAM_INVALID_RESPONSE by id'],
      },
      {
        defence: 'a record without a key is none',
        file: 'src/datatrics/record.ts',
        find: '    if (id === null || idProblem(id)) throw',
        replace: '    if (id === undefined) throw',
        test: [ERRORS, 'of a row without an id is null with an error at its path'],
      },
      {
        defence: 'another record than the one asked for is none',
        file: 'src/datatrics/loader.ts',
        find: "      if (record.key.id !== key.id) throw invalidResponse('another record than the one asked for');\n",
        replace: '',
        test: [ERRORS, 'for another id than the one asked for is invalid'],
      },
      {
        defence: 'an error under a 200 is one',
        file: WIRE,
        find: '    if (inner) throw inner;\n',
        replace: '',
        test: [ERRORS, '403 under 200: FORBIDDEN by id'],
      },
      {
        defence: 'what is nested beyond measure is left out',
        file: 'src/datatrics/fields.ts',
        find: "typeof value === 'object' && isTooDeep(value, MAX_ATTRIBUTE_DEPTH) ? null : value;",
        replace: 'value;',
        test: [ERRORS, 'with an attribute that is nested beyond measure is read without it'],
      },
      {
        defence: 'its words reach no reader',
        file: API_ERRORS,
        find: '`The Datatrics API refused the request (${status}).`',
        replace: '`The Datatrics API refused the request: ${apiMessage}`',
        test: [ERRORS, '400: UPSTREAM_REJECTED by id'],
      },
    ],
  },
];
