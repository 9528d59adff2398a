import type { Row } from '../mutation.ts';

const AUTHENTICATE = 'src/auth/authenticate.ts';
const CAPABILITIES = 'src/datatrics/capabilities.ts';
const CLIENT = 'src/datatrics/client.ts';
const FILTERS = 'test/graph/filters.test.ts';
const KEYS = 'src/datatrics/keys.ts';
const MANAGED = 'test/auth/managed.test.ts';
const PAGING = 'test/datatrics/paging.test.ts';
const RESUME = 'test/datatrics/bulk/resume.test.ts';
const RESUME_SOURCE = 'src/datatrics/bulk/resume.ts';
const SHARING = 'test/datatrics/sharing.test.ts';
const TENANCY = 'test/auth/tenancy.test.ts';
const CACHING = 'test/server/conditional-get.test.ts';
const SUBGRAPH = 'test/graph/subgraph.test.ts';

/** What belongs to others. */
export const TENANTS: readonly Row[] = [
  {
    tries: "another's records, by header, id, cursor or timing of equal reads",
    mutations: [
      {
        defence: 'a caller’s projects are those of the token',
        file: AUTHENTICATE,
        find: '    if (mine.includes(chosen)) return chosen;\n',
        replace: '    if (chosen) return chosen;\n',
        test: [TENANCY, 'a caller with several projects has to name one, and gets no other'],
      },
      {
        defence: 'the answer is the same whether the project exists or not',
        file: AUTHENTICATE,
        find: '    if (mine.includes(chosen)) return chosen;\n',
        replace:
          "    if (mine.includes(chosen)) return chosen;\n    if (/^[0-9]{3}$/.test(chosen)) throw new GatewayError('FORBIDDEN', 'There is no such project.');\n",
        test: [MANAGED, 'of another is forbidden, whether it exists or not'],
      },
      {
        defence: 'a project of the token that is not the gateway’s is none',
        file: AUTHENTICATE,
        find: 'const mine = allowed.filter((project) => options.keys.has(project));',
        replace: 'const mine = allowed;',
        test: [TENANCY, 'a caller with several projects has to name one, and gets no other'],
      },
      {
        defence: 'of several projects one has to be named',
        file: AUTHENTICATE,
        find: '  if (mine.length > 1) throw badInput(',
        replace: '  if (mine.length < 0) throw badInput(',
        test: [TENANCY, 'a caller with several projects has to name one, and gets no other'],
      },
      {
        defence: 'each project is called with its own key',
        file: AUTHENTICATE,
        find: 'return createPrincipal(id, project, options.keys.get(project) as string, scopes & ALL_SCOPES);',
        replace: 'return createPrincipal(id, project, [...options.keys.values()][0] as string, scopes & ALL_SCOPES);',
        test: [TENANCY, 'each project has its own key, sources, time zone and limits'],
      },
      {
        defence: 'a global id holds its project',
        file: KEYS,
        find: '  if (parts.length !== 4 || parts[1] !== project) return null;',
        replace: '  if (parts.length !== 4) return null;',
        also: [
          {
            file: KEYS,
            find: '  return encodeGlobalId(project, key) === globalId ? key : null;',
            replace: '  return key;',
          },
        ],
        test: [TENANCY, 'an id of one project finds nothing in another'],
      },
      {
        defence: 'a cursor is good for its project only',
        file: 'src/datatrics/record-list.ts',
        find: '[this.#environment.principal.project, this.#resource,',
        replace: '[this.#resource,',
        test: [PAGING, 'a cursor of another list, source, order, filter or project'],
      },
      {
        defence: 'only one caller’s reads share a call',
        file: CLIENT,
        find: 'const key = share ? `${principal.shareKey} ${call.request.path}` : Symbol();',
        replace: 'const key = share ? call.request.path : Symbol();',
        test: [SHARING, 'by two keys share nothing'],
      },
      {
        defence: 'only one caller’s reads are remembered for that caller',
        file: CLIENT,
        find: '        key: `${principal.shareKey} ${call.request.path}`,\n',
        replace: '        key: call.request.path,\n',
        test: ['test/datatrics/freshness.test.ts', 'no caller gets what another one read'],
      },
      {
        defence: 'only one caller’s operations are collapsed',
        file: 'src/server/operations.ts',
        find: 'return `${shareKey} ${JSON.stringify(flags)}`;',
        replace: "return `${shareKey.split('/')[0]}/ ${JSON.stringify(flags)}`;",
        test: [TENANCY, 'nothing crosses, whoever asks the same at the same time'],
      },
      {
        defence: 'what is shared is keyed by project',
        file: 'src/auth/principal.ts',
        find: 'shareKey: `${project}/${scopes}/${id}`',
        replace: 'shareKey: `/${scopes}/${id}`',
        test: [TENANCY, 'nothing crosses, whoever asks the same at the same time'],
      },
      {
        defence: 'by rights',
        file: 'src/auth/principal.ts',
        find: 'shareKey: `${project}/${scopes}/${id}`',
        replace: 'shareKey: `${project}//${id}`',
        test: ['test/auth/crossing.test.ts', 'nothing crosses between callers at once (COLLAPSE_OPERATIONS=on)'],
      },
      {
        defence: 'and by caller',
        file: 'src/auth/principal.ts',
        find: 'shareKey: `${project}/${scopes}/${id}`',
        replace: 'shareKey: `${project}/${scopes}/`',
        test: [SHARING, 'by two keys share nothing'],
      },
      {
        defence: 'callers with keys of their own are told apart by all of the key',
        file: AUTHENTICATE,
        find: 'return createPrincipal(digest(apiKey), project, apiKey);',
        replace: 'return createPrincipal(digest(apiKey.slice(0, 0)), project, apiKey);',
        test: [SHARING, 'by two keys share nothing'],
      },
      {
        defence: 'callers behind a router are told apart',
        file: 'src/auth/router-proof.ts',
        find: '.update(JSON.stringify([principal ?? null, scopes ?? null]))',
        replace: '.update(JSON.stringify([null, scopes ?? null]))',
        test: ['test/auth/router-proof.test.ts', 'shares no call between callers that a router tells apart'],
      },
    ],
  },
  {
    tries: 'to use a resume token for other items, or as another caller',
    mutations: [
      {
        defence: 'a resume token is good for its caller only',
        file: RESUME_SOURCE,
        find: 'principal.project, principal.id, resource,',
        replace: 'principal.project, resource,',
        test: [RESUME, 'with tokens of a gateway that holds the key, whatever their rights'],
      },
      {
        defence: 'and for its items only, whose keys are in no body',
        file: RESUME_SOURCE,
        find: '[item.name, JSON.parse(item.json)]',
        replace: 'JSON.parse(item.json)',
        test: [RESUME, 'of items is no token of categories with the same ids'],
      },
      {
        defence: 'and can not be changed',
        file: RESUME_SOURCE,
        find: '!timingSafeEqual(bytes.subarray(0, MAC_BYTES), mac(scope, prepared, bits))',
        replace: 'bytes.length === 0',
        test: [RESUME, 'is refused when a bit, a character or its length differs'],
      },
    ],
  },
  {
    tries: 'to stop a filter for every caller',
    mutations: [
      {
        defence: 'what the rows of one caller show holds for that caller only',
        file: CAPABILITIES,
        find: 'if (this.#unfilterable.has(`${shareKey} ${list} ${field}`))',
        replace: "if (this.#unfilterable.has(`${shareKey.split('/')[0]} ${list} ${field}`))",
        also: [
          {
            file: CAPABILITIES,
            find: 'this.#unfilterable.set(`${shareKey} ${list} ${field}`, true);',
            replace: "this.#unfilterable.set(`${shareKey.split('/')[0]} ${list} ${field}`, true);",
          },
        ],
        test: [FILTERS, 'stops a filter for the caller who sent it, and for no other'],
      },
      {
        defence: 'a few rows show nothing',
        file: CAPABILITIES,
        find: 'mismatches >= MIN_MISMATCHES && mismatches * 2 > rows',
        replace: 'mismatches > 0',
        test: [FILTERS, 'ends its own page only, for all callers and values'],
      },
      {
        defence: 'nor does a field that one project has and the API does not know',
        file: 'src/datatrics/record-list.ts',
        find: "documented?.conditions[0]?.field ?? 'source'",
        replace: "(documented ?? this.#sent[0])?.conditions[0]?.field ?? 'source'",
        test: [FILTERS, 'the probe is by a field that every project has, though the filter is by a custom one'],
      },
    ],
  },
  {
    tries: "to give one caller's answer to another",
    mutations: [
      {
        defence: 'an answer to a POST is never kept',
        file: 'src/server/respond.ts',
        find: "  [JSON_TYPE]: headersOf(JSON_TYPE, 'no-store'),",
        replace: "  [JSON_TYPE]: headersOf(JSON_TYPE, 'max-age=5'),",
        test: [CACHING, 'an answer to a POST is never kept'],
      },
      {
        defence: 'an answer to a GET is its caller’s only',
        file: 'src/server/conditional-get.ts',
        find: '`private, max-age=${ageS + leftS}`',
        replace: '`max-age=${ageS + leftS}`',
        test: [CACHING, 'may be kept for as long as all of it is fresh, for its caller only'],
      },
      {
        defence: 'caches are told what it depends on',
        file: 'src/server/conditional-get.ts',
        find: "    'vary',\n    VARY,\n",
        replace: '',
        test: [CACHING, 'may be kept for as long as all of it is fresh, for its caller only'],
      },
      {
        defence: 'a router’s cache is told what is one caller’s only',
        file: 'src/graph/cache-control.ts',
        find: 'hasOneProject && EVERYBODY.has(session.principal.id)',
        replace: 'hasOneProject',
        test: [SUBGRAPH, 'is private where callers are told apart, and no-store by default'],
      },
      {
        defence: 'and what is one project’s only',
        file: 'src/graph/cache-control.ts',
        find: 'hasOneProject && EVERYBODY.has(session.principal.id)',
        replace: 'EVERYBODY.has(session.principal.id)',
        test: [TENANCY, 'a router’s cache, which does not see the project'],
      },
    ],
  },
];
