import type { Row } from '../mutation.ts';

const ACCESS = 'src/graph/document-scopes.ts';
const CLIENT = 'src/datatrics/client.ts';
const DATA_ACCESS = 'src/datatrics/access.ts';
const DIRECTIVES = 'src/graph/directives.ts';
const PERSONAL_TAGS = 'test/graph/personal-tags.test.ts';
const PIPELINE = 'src/graph/pipeline.ts';
const CUSTOM_FIELDS = 'test/server/custom-fields.test.ts';
const MASKING_ATTACKS = 'test/server/masking-attacks.test.ts';
const ROUTER = 'test/auth/router-proof.test.ts';
const SCOPES = 'test/auth/scopes.test.ts';

/** What callers with few rights may ask for. */
export const ACCESS_ROWS: readonly Row[] = [
  {
    tries: 'links, `node`, payloads, variables, plans',
    mutations: [
      {
        defence: 'the document’s scopes are compared before any call',
        file: PIPELINE,
        find: '      if (!allows(run.scopes, needed)) {',
        replace: '      if (!allows(ALL_SCOPES, needed)) {',
        test: [SCOPES, 'is turned away without profiles:read, and by the data itself'],
      },
      {
        defence: 'reads are refused by the client besides',
        file: CLIENT,
        find: "      checkAccess(principal.scopes, scopeOf(resource, 'read'));\n",
        replace: '',
        test: [SCOPES, 'is turned away without profiles:read, and by the data itself'],
      },
      {
        defence: 'writes are refused by the client besides',
        file: CLIENT,
        find: "    checkAccess(principal.scopes, scopeOf(endpoint.resource, 'write'));\n",
        replace: '',
        test: [SCOPES, 'is turned away without profiles:write, and by the data itself'],
      },
      {
        defence: 'the record in a payload is left out for who may not read',
        file: 'src/datatrics/writer.ts',
        find: '      if (!this.#session.mayRead(resource)) return null;\n',
        replace: '',
        test: [SCOPES, 'is turned away without profiles:read, and by the data itself'],
      },
      {
        defence: 'the records of a bulk write as well',
        file: 'src/datatrics/bulk/target.ts',
        find: 'const isWanted = wantsRecords && session.mayRead(resource);',
        replace: 'const isWanted = wantsRecords;',
        test: [SCOPES, 'is turned away without profiles:read, and by the data itself'],
      },
      {
        defence: 'what a field gives counts',
        file: ACCESS,
        find: '          touch(types.getType());\n',
        replace: '',
        test: [SCOPES, '{ profile(profileId: "7", source: "Webshop") { ... on Node { id } } } > is turned away'],
      },
      {
        defence: 'whose field it is counts',
        file: ACCESS,
        find: '          touch(types.getParentType());\n',
        replace: '',
        test: [SCOPES, 'what a fragment asks of an id that names another type counts all the same'],
      },
      {
        defence: 'a page of records counts, and its edges do',
        file: ACCESS,
        find: '[name, `${name}Connection`, `${name}Edge`]',
        replace: '[name]',
        test: [SCOPES, '{ profiles { totalCount } } > is turned away'],
      },
      {
        defence: 'fragments count',
        file: ACCESS,
        find: 'for (const definition of [operation, ...fragments.values()]) {',
        replace: 'for (const definition of [operation]) {',
        test: [SCOPES, 'fragment F on Query { profiles { totalCount } } > is turned away'],
      },
      {
        defence: 'writing counts',
        file: ACCESS,
        find: "          if (cost.writes) fixed |= scopeOf(ENDPOINTS[cost.writes].resource, 'write');\n",
        replace: '',
        test: [SCOPES, 'is turned away without profiles:write, and by the data itself'],
      },
      {
        defence: 'what a global id names counts',
        file: 'src/graph/cost.ts',
        find: '      scopes: scopesOfNodes,\n',
        replace: '',
        test: [SCOPES, 'variables can not hide what is asked for'],
      },
      {
        defence: 'what a router’s representation names counts',
        file: 'src/graph/cost.ts',
        find: '      scopes: scopesOfEntities,\n',
        replace: '',
        test: [ROUTER, 'forwarded scopes count instead'],
      },
      {
        defence: 'variables count',
        file: PIPELINE,
        find: 'const needed = operation.access.needed(coerced, run.costSettings);',
        replace: 'const needed = operation.access.needed({}, how.costSettings);',
        test: [SCOPES, 'variables can not hide what is asked for'],
      },
      {
        defence: 'a plan is not told to those who may not run it',
        file: PIPELINE,
        find: 'if (checkScopes && run.scopes !== ALL_SCOPES) {',
        replace: 'if (checkScopes && !run.planOnly && run.scopes !== ALL_SCOPES) {',
        test: [SCOPES, 'a plan is not told to those who may not run it'],
      },
      {
        defence: 'scopes of other systems count as nothing',
        file: 'src/auth/scopes.ts',
        find: 'set |= BITS.get(name) ?? 0;',
        replace: 'set |= BITS.get(name) ?? BITS.get(`${name}s:read`) ?? ALL_SCOPES;',
        test: [ROUTER, 'forwarded scopes count instead'],
      },
    ],
  },
  {
    tries: 'to find out an e-mail address by filters or orders',
    mutations: [
      {
        defence: 'a list is refused by its document',
        file: 'src/graph/cost.ts',
        find: '      scopes: scopesOfList(resource),\n',
        replace: '',
        test: [SCOPES, 'is turned away without pii:read'],
      },
      {
        defence: 'filters and orders count there',
        file: ACCESS,
        find: 'return asksByPersonal(project.masking, type, filter, orderBy?.field) ? PERSONAL : NO_SCOPES;',
        replace: 'return type && project && filter && orderBy ? NO_SCOPES : NO_SCOPES;',
        test: [SCOPES, 'is turned away without pii:read'],
      },
      {
        defence: 'what is personal by one of its two names is so by both',
        file: DATA_ACCESS,
        find: 'return [asked, ...(same ? [same[0], same[1].rest] : [])].some((name) => masking.covers(type, name));',
        replace: 'return masking.covers(type, asked) && same !== null;',
        test: [MASKING_ATTACKS, 'can not be asked by'],
      },
      {
        defence: 'filters by what is personal have the tag that contracts leave out',
        file: DIRECTIVES,
        find: 'return asksPersonal(this.#personal, config.parentType, config.name) ? withDirectives',
        replace: "return config.name === '' ? withDirectives",
        test: [PERSONAL_TAGS, 'what filters and orders are refused for is what has the tag'],
      },
      {
        defence: 'and so have orders',
        file: DIRECTIVES,
        find: 'return [name, isTagged ? withDirectives(value, [PERSONAL]) : value];',
        replace: 'return [name, isTagged ? value : value];',
        test: [PERSONAL_TAGS, 'what filters and orders are refused for is what has the tag'],
      },
      {
        defence: 'a field that is declared personal is so',
        file: 'src/datatrics/records/custom-fields.ts',
        find: 'ofTypes[type].push(name, from);',
        replace: '',
        test: [CUSTOM_FIELDS, 'nobody can filter by'],
      },
      {
        defence: 'nobody asks a declared field for an address',
        file: 'src/datatrics/record-list.ts',
        find: ' || this.#filters.some(asksForAddress)',
        replace: ' || (filters.length < 0 && filters.some(asksForAddress))',
        test: [CUSTOM_FIELDS, 'nobody can filter by note: "ada@mail.example"'],
      },
      {
        defence: 'nor for text with one in it',
        file: 'src/datatrics/record-list.ts',
        find: 'mask.hasAddress(value)',
        replace: '/^\\S+@\\S+$/.test(value)',
        test: [
          CUSTOM_FIELDS,
          'nobody can try whether a field is text with an address in it: "Write to ada@mail.example"',
        ],
      },
    ],
  },
];
