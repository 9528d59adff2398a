import { type ObjectTypeDefinitionNode, parse, type StringValueNode } from 'graphql';
import { describe, expect, test } from 'vitest';
import { buildSubgraphSchema, printSubgraph } from '../../src/graph/subgraph.ts';
import { startWithSandbox } from '../helpers/gateway.ts';

const ENTITIES = 'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Profile { id } } }';
const profile = (profileId: string) => ({ __typename: 'Profile', profileId, source: 'Webshop' });

describe('cache tags', () => {
  test('come in the order of the representations when configured, and not otherwise', async () => {
    const tagging = await startWithSandbox({ SUBGRAPH_DIRECTIVES: 'cacheTag' });
    const r = [profile('1002'), profile('nobody'), { __typename: 'Profile' }, profile('1001')];
    for (let time = 0; time < 3; time++) {
      const { body } = await tagging.subgraph(ENTITIES, { r });
      const ids = body.data._entities.map((one: { id: string } | null) => one?.id);
      expect(body.extensions).toEqual({
        apolloEntityCacheTags: [
          ['datatrics-profile', ids[0], 'datatrics-profile-1002'],
          [],
          [],
          ['datatrics-profile', ids[3], 'datatrics-profile-1001'],
        ],
      });
    }
    expect((await tagging.subgraph('{ profile(profileId: "1001") { name } }')).body.extensions).toBeUndefined();
    const plain = await startWithSandbox();
    expect((await plain.subgraph(ENTITIES, { r })).body.extensions).toBeUndefined();
  });

  test('are on root fields: of the type, and of the record or of all lists', async () => {
    const sdl = printSubgraph(buildSubgraphSchema({ directives: ['cacheTag'] }));
    const { fields = [] } = parse(sdl).definitions.find(
      (one) => one.kind === 'ObjectTypeDefinition' && one.name.value === 'Query',
    ) as ObjectTypeDefinitionNode;
    const tags = fields.map(({ name, directives = [] }) => [
      name.value,
      ...directives
        .filter(({ name }) => name.value === 'cacheTag')
        .map((directive) => (directive.arguments?.[0]?.value as StringValueNode | undefined)?.value),
    ]);
    const own = (type: string): string[][] => [
      [type, `datatrics-${type}`, `datatrics-${type}-{$args.${type}Id}`],
      [`${type}s`, `datatrics-${type}`, `datatrics-${type}s`],
    ];
    expect(tags.filter(([name]) => !name?.startsWith('_'))).toEqual(
      ['profile', 'content', 'conversion', 'interaction'].flatMap(own),
    );
    expect(printSubgraph(buildSubgraphSchema())).not.toContain('cacheTag');
  });

  test('of a type are on answers that link to its records', async () => {
    const tagging = await startWithSandbox({ SUBGRAPH_DIRECTIVES: 'cacheTag' });
    const linked =
      '{ profiles(first: 1) { nodes { ...P } } } fragment P on Profile { conversions(first: 1) { nodes { total } } }';
    for (const [query, tags] of [
      ['{ profiles(first: 1) { nodes { name } } }', undefined],
      [linked, { apolloCacheTags: ['datatrics-conversions'] }],
      ['{ conversions(first: 1) { nodes { profile { name } } } }', { apolloCacheTags: ['datatrics-profiles'] }],
    ] as const) {
      const { body } = await tagging.subgraph(query);
      expect([query, body.errors, body.extensions]).toEqual([query, undefined, tags]);
    }
    const { body } = await tagging.subgraph(
      'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Profile { conversions(first: 1) { totalCount } } } }',
      { r: [profile('1001'), profile('nobody')] },
    );
    expect(body.extensions.apolloEntityCacheTags).toEqual([
      ['datatrics-profile', expect.any(String), 'datatrics-profile-1001', 'datatrics-conversions'],
      [],
    ]);
  });
});
