import type { Row } from '../mutation.ts';

const API_ERRORS = 'src/datatrics/errors.ts';
const AUTHENTICATE = 'src/auth/authenticate.ts';
const KEYS = 'src/datatrics/keys.ts';
const PATHS = 'src/datatrics/paths.ts';
const POOL_SOURCE = 'src/upstream/pool.ts';
const WIRE = 'src/datatrics/responses.ts';
const ACCESS = 'test/auth/access.test.ts';
const ERRORS = 'test/datatrics/errors.test.ts';
const IDS = 'test/graph/ids.test.ts';

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
        test: ['test/server/custom-fields.test.ts', 'have their names escaped in a filter'],
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
        file: POOL_SOURCE,
        find: "    if (this.#bytes > this.#shared.maxBodyBytes) this.#fail('too-large');\n    else this.#parts.push(part);",
        replace: '    this.#parts.push(part);',
        test: [ERRORS, 'over the limit on bodies is invalid, and is not read to its end'],
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
        find: "    throw invalidResponse('an answer that is not JSON', cause);",
        replace: '    return { found: false };',
        test: [ERRORS, 'HTML: UPSTREAM_INVALID_RESPONSE by id'],
      },
      {
        defence: 'a record is an object',
        file: WIRE,
        find: "    if (!isObject(body.json)) throw invalidResponse('a record that is not an object');\n    return body.json;",
        replace: '    return body.json as JsonObject;',
        also: [
          {
            file: 'src/datatrics/records/record.ts',
            find: '    if (!isObject(raw)) throw invalidResponse(`a ${typeName} that is not an object`);',
            replace: '    if (!isObject(raw)) return {} as R;',
          },
        ],
        test: [ERRORS, 'a text: UPSTREAM_INVALID_RESPONSE by id'],
      },
      {
        defence: 'a list is a list',
        file: WIRE,
        find: "  if (!isObject(body.json) || !Array.isArray(body.json.items)) throw invalidResponse('an answer that is not a page');",
        replace: "  if (!isObject(body.json)) throw invalidResponse('an answer that is not a page');",
        test: [ERRORS, 'items that are no list: UPSTREAM_INVALID_RESPONSE by id'],
      },
      {
        defence: 'a record without a key is none',
        file: 'src/datatrics/records/record.ts',
        find: '    if (id === null || idProblem(id)) throw',
        replace: '    if (id === undefined) throw',
        test: [ERRORS, 'of a row without an id is null with an error at its path'],
      },
      {
        defence: 'another record than the one asked for is none',
        file: 'src/datatrics/record-loader.ts',
        find: "      if (record.key.id !== key.id) throw invalidResponse('another record than the requested one');\n",
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
        file: 'src/datatrics/records/fields.ts',
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
