import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { readExamples } from '../../src/server/graphiql.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { anyOperation } from '../helpers/operations.ts';
import { runs } from '../helpers/runs.ts';

const compiled = await startWithSandbox({ DATATRICS_FILTERS: 'on' });
const interpreted = await startWithSandbox({ DATATRICS_FILTERS: 'on' }, {}, { compile: false });
beforeEach(() => {
  compiled.sandbox.faults.clear();
  interpreted.sandbox.faults.clear();
});

/** Errors may come in any order: fields run side by side. */
function sorted(body: { errors?: { path?: unknown }[] }): unknown {
  const byPath = (a: object, b: object): number => JSON.stringify(a).localeCompare(JSON.stringify(b));
  return { ...body, ...(body.errors && { errors: [...body.errors].sort(byPath) }) };
}

/** The same operation by both engines; compiled, it comes the third time. */
async function agree(query: string, variables?: object, endpoint: 'query' | 'subgraph' = 'query'): Promise<void> {
  const expected = sorted((await interpreted[endpoint](query, variables)).body);
  for (let time = 1; time <= 3; time++) {
    expect(sorted((await compiled[endpoint](query, variables)).body), `time ${time}`).toEqual(expected);
  }
}

describe('compiled and interpreted execution agree on', () => {
  test.each([...readExamples()].filter(([, text]) => /^query/m.test(text)))('the example %s', async (_name, text) => {
    await agree(text);
  });

  test.each<[string, object?]>([
    ['{ __typename profile(profileId: "1001") { __typename id } }'],
    [
      '{ profile(profileId: "nobody") { name } a: profile(profileId: "..") { name } b: profile(profileId: "1", source: "") { name } }',
    ],
    ['{ profiles(first: 0) { totalCount } b: profiles(first: 1) { nodes { name } } }'],
    [
      '{ nodes(ids: ["x", "UHJvZmlsZToxMjM0NTY6V2Vic2hvcDoxMDAx"]) { __typename id ... on Profile { name } ... on Content { url } } }',
    ],
    [
      '{ node(id: "UHJvZmlsZToxMjM0NTY6V2Vic2hvcDoxMDAx") { ... on Node { id } ...P } } fragment P on Profile { email conversions(first: 1) { nodes { total } } }',
    ],
    [
      '{ conversions(first: 5) { edges { cursor node { items { itemId price content { name } attributes } } } pageInfo { hasNextPage endCursor } totalCount } }',
    ],
    [
      '{ a: conversions(first: 1) { nodes { total } } ...F } fragment F on Query { a: conversions(first: 1) { nodes { email } } }',
    ],
    ['{ __schema { queryType { name } } }'],
    ['query ($t: ContentType! = ITEM, $n: Int) { contents(type: $t, first: $n) { nodes { type } } }', { n: 2 }],
    ['query ($t: ContentType) { contents(type: $t, first: 1) { nodes { type } } }', { t: null }],
    [
      'query ($f: ProfileFilter, $o: ProfileOrder) { profiles(filter: $f, orderBy: $o, first: 2) { nodes { email } } }',
      { f: { email: null }, o: { field: 'NAME', direction: 'DESC' } },
    ],
    ['query ($yes: Boolean = true) { profiles(first: 1) { totalCount @include(if: $yes) } }', { yes: null }],
    ['query A { a: __typename } query B { b: __typename }'],
  ])('%s %o', async (query, variables) => {
    await agree(query, variables);
  });

  test.each<[string, string?]>([
    [
      '{ __proto__: profile(profileId: "1001", source: "Webshop") { __proto__: name } profiles(first: 1) { nodes { __proto__: profileId } } }',
    ],
    ['{ constructor: profile(profileId: "1001") { toString: name then: email } hasOwnProperty: __typename }'],
    ['query ($__proto__: ID!) { profile(profileId: $__proto__, source: "Webshop") { name } }', '{"__proto__":"1001"}'],
    [
      'query ($__proto__: ProfileFilter) { profiles(filter: $__proto__) { totalCount } }',
      '{"__proto__":{"email":"nobody@mail.example"}}',
    ],
    [
      'query ($n: Int, $__proto__: ProfileFilter) { profiles(first: $n, filter: $__proto__) { nodes { email } } }',
      '{"__proto__":{"n":3}}',
    ],
    ['query ($f: ProfileFilter) { profiles(filter: $f) { totalCount } }', '{"f":{"__proto__":{"email":"x@y"}}}'],
    ['query ($constructor: ID!) { profile(profileId: $constructor) { name } }', '{"constructor":"1001"}'],
    ['query ($constructor: ID) { profiles(source: $toString) { totalCount } }'],
  ])('names of JavaScript’s own: %s', async (query, variables = '{}') => {
    await agree(query, JSON.parse(variables));
  });

  test('a failing record among nodes', async () => {
    for (const gateway of [compiled, interpreted])
      gateway.sandbox.faults.set({ match: { path: '/profile/' }, status: 400 });
    await agree('{ nodes(ids: ["UHJvZmlsZToxMjM0NTY6V2Vic2hvcDoxMDAx", "x"]) { id } }');
  });

  test('entities of all shapes', async () => {
    const texts = '1001 1002 3001 nobody .. Webshop ITEM'.split(' ');
    const part = fc.constantFrom<unknown>(...texts, 1001, '', null, {}, []);
    const types = 'Profile Content Conversion Interaction Query __proto__'.split(' ');
    const representation = fc.record(
      {
        __typename: fc.constantFrom<unknown>(...types, 1),
        id: fc.constantFrom<unknown>(undefined, 'UHJvZmlsZToxMjM0NTY6V2Vic2hvcDoxMDAx', 'x', 7, {}),
        profileId: part,
        conversionId: part,
        interactionId: part,
        contentId: part,
        source: fc.constantFrom<unknown>('Webshop', 'CRM', '', null, 7),
        type: fc.constantFrom<unknown>('ITEM', 'CATEGORY', 'items', null),
      },
      { requiredKeys: [] },
    );
    const one = '__typename ... on Node { id } ... on Profile { name } ...C ... on Content { name type }';
    const queries = [
      `query ($r: [_Any!]!) { _entities(representations: $r) { ${one} } } fragment C on Conversion { total profile { name } }`,
      `query ($r: [_Any!]!, $s: Boolean = false) { e: _entities(representations: $r) @skip(if: $s) { ...C } ...Q }
        fragment C on Conversion { total } fragment Q on Query { e: _entities(representations: $r) { __typename } _service { __typename } }`,
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...queries),
        fc.array(fc.oneof(representation, part), { maxLength: 6 }),
        (query, r) => agree(query, { r }, 'subgraph'),
      ),
      { numRuns: runs(25) },
    );
  });

  test.each([
    ['one record that fails', { match: { path: '/profile/' }, status: 500 }],
    ['records without keys', { match: { path: '/profile/' }, bodyUnder200: 'array' }],
    ['every call refused', { status: 403 }],
  ] as const)('the errors of %s', async (_name, fault) => {
    for (const gateway of [compiled, interpreted]) gateway.sandbox.faults.set(fault);
    await agree(
      '{ conversions(first: 3) { nodes { conversionId profile { name } } } profile(profileId: "1001") { name } }',
    );
  });

  test('operations of all shapes', async () => {
    await fc.assert(
      fc.asyncProperty(anyOperation, (query) => agree(query)),
      { numRuns: runs(25) },
    );
  });
});
