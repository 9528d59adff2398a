import { describe, expect, test } from 'vitest';
import { startWithUpstream } from '../helpers/gateway.ts';

const gateway = await startWithUpstream(() => ({ items: [], total_elements: 0 }), {
  MAX_DEPTH: '4',
  MAX_ALIASES: '3',
  MAX_ROOT_FIELDS: '5',
  MAX_DIRECTIVES: '2',
});

/** What is counted in a document that is refused for its size; null for any other. */
async function refusalOf(query: string): Promise<string | null> {
  const { body } = await gateway.query(query, {}, { 'x-upstream-plan': '1' });
  const error = body.errors?.find(({ extensions }) => extensions.code === 'OPERATION_TOO_COMPLEX');
  return error ? (/(?:has (?:a )?)(.+?)(?:;| nested|, counting|\.)/.exec(error.message)?.[1] ?? error.message) : null;
}

const times = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join(' ');
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const PROFILE = 'profile(profileId: "1", source: "s")';

/** Documents at a limit, and the same with one more. */
const CASES: Readonly<Record<string, readonly [within: string, beyond: string, counted: string]>> = {
  'levels of fields': [
    '{ profiles { nodes { source } } }',
    '{ profiles { nodes { conversions { nodes { id } } } } }',
    '5 levels of fields',
  ],
  'levels of fields in the longest branch, not the last': [
    '{ profiles { edges { node { name } } } contents { totalCount } }',
    '{ profiles { nodes { conversions { nodes { id } } } } contents { totalCount } }',
    '5 levels of fields',
  ],
  'levels of fields that fragments add': [
    `{ profiles { edges { ...E } } } fragment E on ProfileEdge { node { name } }`,
    `{ profiles { edges { ...E } } } fragment E on ProfileEdge { node { conversions { totalCount } } }`,
    '5 levels of fields',
  ],
  'levels of fields that inline fragments add': [
    '{ profiles { ... on ProfileConnection { edges { node { name } } } } }',
    '{ profiles { ... on ProfileConnection { edges { node { conversions { totalCount } } } } } }',
    '5 levels of fields',
  ],
  'levels of fields of a fragment that no operation spreads': [
    '{ __typename } fragment F on Profile { conversions { nodes { profile { name } } } }',
    '{ __typename } fragment F on Profile { conversions { nodes { profile { conversions { totalCount } } } } }',
    '5 levels of fields',
  ],
  'levels of fields of every operation': [
    'query A { __typename } query B { profiles { edges { node { name } } } }',
    'query A { __typename } query B { profiles { nodes { conversions { nodes { id } } } } }',
    '5 levels of fields',
  ],
  aliases: [`{ ${times(3, (i) => `a${i}: __typename`)} }`, `{ ${times(4, (i) => `a${i}: __typename`)} }`, '4 aliases'],
  'aliases below fields': [
    `{ a: ${PROFILE} { b: name c: name } }`,
    `{ a: ${PROFILE} { b: name c: name d: name } }`,
    '4 aliases',
  ],
  'aliases of a fragment, each time that it is spread': [
    `{ ${PROFILE} { ...F id } } fragment F on Profile { a: name b: name c: name }`,
    `{ ${PROFILE} { ...F ...F id } } fragment F on Profile { a: name b: name }`,
    '4 aliases',
  ],
  'aliases of inline fragments': [
    `{ ${PROFILE} { ... { a: name b: name } c: name } }`,
    `{ ${PROFILE} { ... { a: name b: name c: name } d: name } }`,
    '4 aliases',
  ],
  'root fields': [`{ ${times(5, () => '__typename')} }`, `{ ${times(6, () => '__typename')} }`, '6 root fields'],
  'root fields of fragments': [
    `{ ...F ... { __typename __typename } } fragment F on Query { ${times(3, () => '__typename')} }`,
    `{ ...F ... { __typename __typename } __typename } fragment F on Query { ${times(3, () => '__typename')} }`,
    '6 root fields',
  ],
  directives: [
    '{ a: __typename @skip(if: true) b: __typename @skip(if: true) }',
    '{ a: __typename @skip(if: true) b: __typename @skip(if: true) c: __typename @skip(if: true) }',
    '3 directives',
  ],
  'levels of a value': [
    `{ profiles(source: ${nested(32)}) { totalCount } }`,
    `{ profiles(source: ${nested(33)}) { totalCount } }`,
    'value',
  ],
  'levels of a value, of objects and lists together': [
    `{ profiles(source: ${'[{a:'.repeat(16)}1${'}]'.repeat(16)}) { totalCount } }`,
    `{ profiles(source: ${'[{a:'.repeat(16)}[]${'}]'.repeat(16)}) { totalCount } }`,
    'value',
  ],
  selections: [
    `{ ${PROFILE} { ${times(99, () => '...F')} } } fragment F on Profile { ${times(100, () => 'name')} }`,
    `{ ${PROFILE} { ${times(100, () => '...F')} } } fragment F on Profile { ${times(100, () => 'name')} }`,
    'more than 10000 selections',
  ],
};

describe.each(Object.entries(CASES))('a document with the most %s', (_what, [within, beyond, counted]) => {
  test('is not refused for its size', async () => {
    expect(await refusalOf(within)).toBeNull();
  });

  test('and one more is refused', async () => {
    expect(await refusalOf(beyond)).toContain(counted);
  });
});

describe('does not count for the size of a document', () => {
  test.each([
    ['the name of a field without an alias', `{ ${PROFILE} { ${times(20, () => 'name')} } }`],
    ['fields below the first level, as root fields', `{ ${PROFILE} { id name email firstName lastName country } }`],
    [
      'fields of a fragment, as root fields',
      `{ __typename } fragment F on Profile { id name email source country profileId }`,
    ],
    ['values beside each other, as nested', `{ profiles(source: [${times(40, () => '[]')}]) { totalCount } }`],
    ['a fragment that spreads itself', '{ ...F } fragment F on Query { __typename ...F }'],
    ['a fragment that does not exist', '{ __typename ...F }'],
    ['levels about the schema', '{ __schema { types { fields { type { ofType { name } } } } } }'],
    ['levels about one type', '{ __type(name: "Profile") { fields { type { ofType { ofType { name } } } } } }'],
    [
      'levels of a fragment about the schema',
      '{ __schema { types { ...T } } } fragment T on __Type { fields { type { ofType { ofType { ofType { name } } } } } }',
    ],
  ])('%s', async (_what, query) => {
    expect(await refusalOf(query)).toBeNull();
  });
});
