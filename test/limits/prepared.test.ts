import { describe, expect, test } from 'vitest';
import { startWithUpstream } from '../helpers/gateway.ts';

const gateway = await startWithUpstream(({ path }) =>
  /\/profile\/\d/.test(path) ? { profileid: '1', source: 'S', name: 'Ada' } : { items: [], total_elements: 0 },
);

const times = (count: number, of: (index: number) => string): string =>
  Array.from({ length: count }, (_, i) => of(i)).join(' ');

describe('no document within MAX_TOKENS, MAX_DEPTH and MAX_ALIASES takes long to judge and to prepare', () => {
  const chain = (depth: number): string =>
    depth === 0 ? 'name' : `conversions { nodes { profile { ${chain(depth - 1)} } } }`;
  const people = (fields: string, fragments = ''): string => `{ profiles { nodes { ${fields} } } } ${fragments}`;

  test.each<[string, string, 'runs' | 'refused']>([
    ['one field thousands of times', people(times(4_900, () => 'name')), 'refused'],
    ['one object hundreds of times', people(times(550, () => 'conversions { nodes { id total } }')), 'refused'],
    [
      'one argument hundreds of times',
      people(times(290, () => 'conversions(first: 9, source: "a") { totalCount }')),
      'runs',
    ],
    ['one chain a hundred times', people(times(100, () => chain(3))), 'runs'],
    [
      'fragments that all overlap',
      people(
        times(200, (i) => `...F${i}`),
        times(200, (i) => `fragment F${i} on Profile { conversions { nodes { id total email } } }`),
      ),
      'runs',
    ],
    [
      'fragments that spread many others',
      people(
        '...F0',
        times(60, (i) => `fragment F${i} on Profile { name ${times(59 - i, (k) => `...F${i + 1 + k}`)} }`),
      ),
      'refused',
    ],
    [
      'fragments that double',
      people(
        '...F0',
        times(
          40,
          (i) =>
            `fragment F${i} on Profile { name conversions { totalCount } ${i < 39 ? `...F${i + 1} ...F${i + 1}` : ''} }`,
        ),
      ),
      'refused',
    ],
    [
      'links in all ways by fragments',
      `{ ${times(40, (i) => `a${i}: profiles { ...C }`)} }
        fragment C on ProfileConnection { nodes { ...P } edges { node { ...P } } }
        fragment P on Profile { ${times(99, () => 'name')} conversions { nodes { ...S } edges { node { ...S } } } interactions { nodes { ...I } } }
        fragment S on Conversion { id total profile { name email conversions(first: 1) { nodes { id } edges { node { id } } } } }
        fragment I on Interaction { id event profile { name email } }`,
      'refused',
    ],
    [
      'a hundred aliases of everything',
      people(
        times(
          99,
          (i) => `a${i}: conversions(first: 1) { nodes { id profile { id name email } items { content { name } } } }`,
        ),
      ),
      'runs',
    ],
    [
      'operations that share a large fragment',
      `${times(150, (i) => `query Q${i}($id: ID!) { ...F }`)} fragment F on Query { nodes(ids: [${times(480, () => '$id')}]) { id } }`,
      'runs',
    ],
  ])('%s', async (_name, query, expected) => {
    for (let time = 1; time <= 3; time++) {
      const before = process.threadCpuUsage();
      const { body } = await gateway.query(query);
      const { user, system } = process.threadCpuUsage(before);
      expect((user + system) / 1_000, `ms of CPU, time ${time}`).toBeLessThan(400);
      const codes = body.errors?.map(({ extensions }) => extensions.code) ?? [];
      if (expected === 'refused') expect(codes).toEqual(['OPERATION_TOO_COMPLEX']);
      else expect(codes).not.toContain('GRAPHQL_VALIDATION_FAILED');
    }
  });
});
