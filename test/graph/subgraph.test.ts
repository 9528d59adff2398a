import { readFileSync } from 'node:fs';
import { composeServices } from '@apollo/composition';
import { type GraphQLObjectType, isObjectType, isScalarType, parse } from 'graphql';
import { beforeEach, describe, expect, test } from 'vitest';
import { OPTIONAL_DIRECTIVES } from '../../src/graph/directives.ts';
import { buildSchema } from '../../src/graph/schema.ts';
import { buildSubgraphSchema, printSubgraph } from '../../src/graph/subgraph.ts';
import { type GraphqlResult, startWithSandbox, startWithUpstream } from '../helpers/gateway.ts';

const gateway = await startWithSandbox();
beforeEach(() => {
  gateway.sandbox.faults.clear();
  gateway.sandbox.requests.length = 0;
});

const ENTITIES = `query ($r: [_Any!]!) {
  _entities(representations: $r) {
    __typename
    ... on Profile { profileId source name }
    ... on Content { contentId type name }
    ... on Conversion { conversionId total }
    ... on Interaction { interactionId event }
  }
}`;
const profile = (profileId: unknown, source: unknown = 'Webshop') => ({ __typename: 'Profile', profileId, source });

function ask(representations: unknown[], headers?: Record<string, string>): Promise<GraphqlResult> {
  return gateway.subgraph(ENTITIES, { r: representations }, headers);
}

const others = ['loyalty', 'reviews'].map((name) => ({
  name,
  typeDefs: parse(readFileSync(`examples/federation/${name}.graphql`, 'utf8')),
}));

function compose(sdl: string, strangers: readonly { name: string; typeDefs: ReturnType<typeof parse> }[]) {
  const { errors, supergraphSdl } = composeServices([{ name: 'datatrics', typeDefs: parse(sdl) }, ...strangers]);
  return { errors: errors?.map(({ message }) => message), supergraphSdl };
}

/** Composes our schema with another team's. */
function composeWith(other: string) {
  const used = [...new Set(other.match(/@\w+/g))].map((name) => `"${name}"`).join(', ');
  const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: [${used}])`;
  return compose(readFileSync('schema/subgraph.graphql', 'utf8'), [
    { name: 'other', typeDefs: parse(`${link} ${other}`) },
  ]);
}

describe('the subgraph schema', () => {
  const schema = buildSubgraphSchema();
  const query = (schema.getQueryType() as GraphQLObjectType).getFields();

  test('has every type and field of the gateway’s, but for node and nodes', () => {
    const own = buildSchema();
    for (const [name, type] of Object.entries(own.getTypeMap())) {
      expect(schema.getType(name), name).toBeDefined();
      if (!isObjectType(type) || name.startsWith('__')) continue;
      const fields = Object.keys((schema.getType(name) as GraphQLObjectType).getFields()).filter((f) => f[0] !== '_');
      expect(fields.sort()).toEqual(
        Object.keys(type.getFields())
          .filter((field) => name !== 'Query' || !/^nodes?$/.test(field))
          .sort(),
      );
    }
    expect(Object.keys(query)).toEqual(expect.arrayContaining(['_entities', '_service']));
  });

  test('is what _service says, by POST and by GET', async () => {
    const sdl = readFileSync('schema/subgraph.graphql', 'utf8').trim();
    const { body } = await gateway.subgraph('{ _service { sdl } }');
    expect(body.data._service.sdl.trim()).toBe(sdl);
    const response = await fetch(`${gateway.url}/subgraph?query=${encodeURIComponent('{ _service { sdl } }')}`);
    expect(((await response.json()) as typeof body).data._service.sdl.trim()).toBe(sdl);
  });

  test('has the keys, and says by directives what others may define, what lists hold and what fields cost', async () => {
    const sdl = printSubgraph(schema);
    const head = (name: string) => new RegExp(`^type ${name} [^{]*\\{`, 'm').exec(sdl)?.[0].replace(/\s+/g, ' ');
    expect(head('Profile')).toBe('type Profile implements Node @key(fields: "id") @key(fields: "profileId source") {');
    expect(head('Content')).toContain('@key(fields: "id") @key(fields: "contentId source type")');
    expect(head('Conversion')).toContain('@key(fields: "id") @key(fields: "conversionId source")');
    expect(head('Interaction')).toContain('@key(fields: "id") @key(fields: "interactionId source")');
    for (const name of ['PageInfo', 'UserError']) expect(head(name)).toContain('@shareable');
    expect(sdl).toContain('email: String @tag(name: "pii")');
    expect(sdl).toMatch(
      /ProfileConnection @cost\(weight: 2\) @listSize\(assumedSize: 20, slicingArguments: \["first", "last"\]/,
    );
    const scalars = Object.values(schema.getTypeMap()).filter((t) => isScalarType(t) && t.specifiedByURL);
    expect(scalars.length).toBeGreaterThanOrEqual(2);
    for (const scalar of scalars)
      expect(sdl).toMatch(new RegExp(`scalar ${scalar.name}\\s+@specifiedBy\\(url: "https`));
    for (const name of OPTIONAL_DIRECTIVES) expect(sdl).not.toContain(`@${name}`);
    expect(sdl).not.toMatch(/_Any|_Entity|_Service|_entities|_service/);
    const [, imported = ''] = /import: \[([^\]]+)\]/.exec(sdl) ?? [];
    for (const name of imported.match(/@\w+/g) ?? []) expect(sdl.split(name).length, name).toBeGreaterThan(2);
  });

  test('composes with two others, one of them in the manner of Relay', async () => {
    const { errors, supergraphSdl } = compose(printSubgraph(schema), others);
    expect(errors).toBeUndefined();
    expect(supergraphSdl?.includes('@join__type(graph: LOYALTY, key: "profileId source")')).toBe(true);
  });

  test.each([[['requiresScopes']], [[...OPTIONAL_DIRECTIVES]]] as const)(
    'composes with %s by configuration',
    async (directives) => {
      const sdl = printSubgraph(buildSubgraphSchema({ directives }));
      for (const name of directives) expect(sdl).toMatch(new RegExp(`^(  |type .*)@${name}`, 'm'));
      const { errors, supergraphSdl } = compose(sdl, others);
      expect(errors).toBeUndefined();
      for (const name of directives.filter((directive) => directive !== 'cacheTag')) {
        expect(supergraphSdl).toContain(`https://specs.apollo.dev/${name}/`);
        expect(supergraphSdl).toContain(`@${name}`);
      }
      if ((directives as readonly string[]).includes('cacheTag')) {
        expect(supergraphSdl).toContain('@join__directive(graphs: [DATATRICS], name: "federation__cacheTag"');
      }
    },
  );
});

// What Apollo's subgraph compatibility suite checks, on our own types, because the suite has a schema of its own.
describe('the compatibility suite’s checks', () => {
  test('@requires, @external, @override and @inaccessible: other teams may use them on our types', () => {
    const { errors, supergraphSdl } = composeWith(
      `type Profile @key(fields: "profileId source") {
        profileId: ID! source: String! email: String @external avatar: String @requires(fields: "email")
        country: String @override(from: "datatrics") secret: String @inaccessible
      }`,
    );
    expect(errors).toBeUndefined();
    expect(supergraphSdl).toContain('avatar: String @join__field(graph: OTHER, requires: "email")');
    expect(supergraphSdl).toContain('country: String @join__field(graph: OTHER, override: "datatrics")');
    expect(supergraphSdl).toMatch(/secret: String [^\n]*@inaccessible/);
    // @tag, for contracts.
    expect(supergraphSdl).toMatch(/email: String .*@tag\(name: "pii"\)/);
    expect(supergraphSdl).toMatch(/createProfile\([^)]*\): ProfilePayload .*@tag\(name: "write"\)/s);
  });

  test('a request for federated tracing is ignored', async () => {
    const { body } = await ask([profile('1001')], { 'apollo-federation-include-trace': 'ftv1' });
    expect(body).toEqual({ data: { _entities: [expect.anything()] } });
  });

  test('@shareable: PageInfo and UserError may be others’ too', () => {
    const pageInfo = 'hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String';
    const { errors } = composeWith(
      `type Query { page: PageInfo problem: UserError } type PageInfo @shareable { ${pageInfo} } type UserError @shareable { code: UserErrorCode! message: String! field: [String!] } enum UserErrorCode { INVALID TAKEN }`,
    );
    expect(errors).toBeUndefined();
  });
});

describe('representations', () => {
  test('of every type are found by every key', async () => {
    const { body } = await gateway.query(
      `{ profiles(first: 1) { nodes { id profileId source } } contents(first: 1, type: CATEGORY) { nodes { id contentId source type } }
         conversions(first: 1) { nodes { id conversionId source } } interactions(first: 1) { nodes { id interactionId source } } }`,
    );
    const lists = Object.entries(body.data as Record<string, { nodes: { id: string }[] }>);
    const rows = lists.map(([list, { nodes }]) => {
      const { id, ...key } = nodes[0] as { id: string };
      return { __typename: list[0]?.toUpperCase() + list.slice(1, -1), id, key };
    });
    expect(rows).toHaveLength(4);
    const representations = rows.flatMap(({ __typename, id, key }) => [
      { __typename, id },
      { __typename, ...key },
    ]);
    gateway.sandbox.requests.length = 0;
    const answer = await gateway.subgraph(
      'query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Node { id } } }',
      { r: representations },
    );
    expect(answer.body).toEqual({
      data: { _entities: rows.flatMap(({ __typename, id }) => [0, 1].map(() => ({ __typename, id }))) },
    });
    expect(gateway.sandbox.requests).toHaveLength(4);
  });

  test('keep their order, and each distinct record is read once', async () => {
    const ids = Array.from({ length: 100 }, (_, index) => String(1001 + ((index * 7) % 40)));
    const { body } = await ask(ids.map((id) => profile(id)));
    expect(body.errors).toBeUndefined();
    expect(body.data._entities.map((entity: { profileId: string }) => entity.profileId)).toEqual(ids);
    expect(gateway.sandbox.requests).toHaveLength(40);
  });

  test('that name nothing are null without an error', async () => {
    const other = Buffer.from('Profile:999:Webshop:1001').toString('base64url');
    const content = (await gateway.query('{ contents(first: 1) { nodes { id } } }')).body.data.contents.nodes[0].id;
    gateway.sandbox.requests.length = 0;
    const { body } = await ask([
      profile('nobody'),
      profile('1001', 'nowhere'),
      { __typename: 'Profile', id: other },
      { __typename: 'Profile', id: content },
      { __typename: 'Profile', id: 'x' },
      profile('1001'),
    ]);
    expect(body).toEqual({ data: { _entities: [null, null, null, null, null, expect.objectContaining({})] } });
    expect(gateway.sandbox.requests).toHaveLength(3);
  });

  test('that are malformed or incomplete are null alone, with BAD_USER_INPUT at their path', async () => {
    const bad = [
      { __typename: 'Profile' },
      { __typename: 'Profile', profileId: '1001' },
      { __typename: 'Profile', source: 'Webshop', id: null },
      { __typename: 'Content', contentId: '1', source: 'Webshop' },
      { __typename: 'Content', contentId: '1', source: 'Webshop', type: 'item' },
      profile('..'),
      profile(''),
      profile('1001', ''),
      profile({ id: 1 }),
      profile(1.5),
      profile('1001', 7),
      { __typename: 'Profile', id: ['x'] },
      { __typename: 'Stranger', id: '1' },
      { __typename: 'Query' },
      { __typename: '__proto__', id: '1' },
      { id: '1' },
      [profile('1001')],
      'Profile',
      7,
    ];
    // Compiled, it comes the second time.
    for (let time = 0; time < 3; time++) {
      gateway.sandbox.requests.length = 0;
      const { status, body } = await ask([profile(1001), ...bad, profile('1002')]);
      expect(status).toBe(200);
      expect(body.data._entities).toHaveLength(bad.length + 2);
      expect(body.data._entities.filter(Boolean).map(({ profileId }: never) => profileId)).toEqual(['1001', '1002']);
      expect(body.errors?.map(({ path, extensions }) => [path, extensions.code])).toEqual(
        bad.map((_, index) => [['_entities', index + 1], 'BAD_USER_INPUT']),
      );
      expect(gateway.sandbox.requests).toHaveLength(2);
    }
  });

  test('whose read fails are null alone, with the read’s code', async () => {
    gateway.sandbox.faults.set({ match: { path: '/profile/1002' }, status: 400 });
    for (let time = 0; time < 3; time++) {
      const { body } = await ask([profile('1001'), profile('1002'), profile('1003'), profile('1002')]);
      expect(body.data._entities.map((one: object | null) => one !== null)).toEqual([true, false, true, false]);
      expect(body.errors?.map(({ path, extensions }) => [path, extensions.code])).toEqual([
        [['_entities', 1], 'UPSTREAM_REJECTED'],
        [['_entities', 3], 'UPSTREAM_REJECTED'],
      ]);
    }
  });

  test('never get another record than theirs', async () => {
    const lying = await startWithUpstream(() => ({ profileid: '7', source: 'CRM', name: 'Ada' }));
    const { body } = await lying.subgraph(ENTITIES, { r: [profile('7'), profile('7', 'CRM'), profile('8')] });
    expect(body.data._entities).toEqual([null, expect.objectContaining({ name: 'Ada' }), null]);
    expect(body.errors?.map(({ path, extensions }) => [path, extensions.code])).toEqual([
      [['_entities', 2], 'UPSTREAM_INVALID_RESPONSE'],
    ]);
  });

  test('may stand in the document', async () => {
    const query = `query ($id: ID) { _entities(representations: [
      { __typename: "Profile", profileId: "1001", source: "Webshop" }, { __typename: "Profile", profileId: $id, source: "Webshop" }
    ]) { ... on Profile { profileId } } }`;
    for (let time = 0; time < 3; time++) {
      const { body } = await gateway.subgraph(query, { id: '1002' });
      expect(body).toEqual({ data: { _entities: [{ profileId: '1001' }, { profileId: '1002' }] } });
    }
  });
});

describe('limits', () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => profile(String(index)));

  test('are on representations, by variable, in the document and over several fields', async () => {
    const limited = await startWithSandbox({ MAX_REPRESENTATIONS: '3' });
    const literal = (count: number) => `[${'{ __typename: "Profile", id: "x" }'.repeat(count)}]`;
    const cases: [string, object?][] = [
      [ENTITIES, { r: many(4) }],
      [`{ _entities(representations: ${literal(4)}) { __typename } }`],
      [
        `{ a: _entities(representations: ${literal(2)}) { __typename } b: _entities(representations: ${literal(2)}) { __typename } }`,
      ],
      [`{ ...F } fragment F on Query { _entities(representations: ${literal(4)}) { __typename } }`],
    ];
    for (const [query, variables] of cases) {
      const { body } = await limited.subgraph(query, variables);
      expect(body.data).toBeUndefined();
      expect(body.errors?.[0]).toMatchObject({
        message: 'The operation has 4 representations; at most 3 are allowed (MAX_REPRESENTATIONS).',
        extensions: { code: 'OPERATION_TOO_COMPLEX' },
      });
    }
    expect(limited.sandbox.requests).toEqual([]);
    expect((await limited.subgraph(ENTITIES, { r: many(3) })).body.errors).toBeUndefined();
  });

  test('let 500 representations through by default, and no more', async () => {
    expect((await ask(many(500).map(() => profile('1001')))).body.data._entities).toHaveLength(500);
    expect((await ask(many(501))).body.errors?.[0]?.extensions.code).toBe('OPERATION_TOO_COMPLEX');
  });

  test('are planned before, and accounted for after', async () => {
    const representations = [profile('1001'), profile('1001'), profile('1002'), profile('..'), { __typename: 'X' }];
    const { body } = await ask(representations, { 'x-upstream-plan': '1' });
    expect(body.extensions.plan).toEqual(
      [1, 2].map(() => ({
        path: ['_entities'],
        method: 'GET',
        endpoint: expect.stringContaining('/profile/'),
        atLeast: 1,
        atMost: 1,
      })),
    );
    expect(gateway.sandbox.requests).toEqual([]);
    const receipt = await ask(representations, { 'x-upstream-receipt': '1' });
    expect(receipt.body.extensions.upstream).toMatchObject({ calls: 2, deduped: 1 });
  });
});

describe('Cache-Control', () => {
  const keep = (settings: Record<string, string> = {}) =>
    startWithSandbox({ SUBGRAPH_MAX_AGE: 'Profile=5, Content=300', ...settings });
  const r = [profile('1001')];
  const entities = (fields: string, representations: object[] = r): [string, { r: object[] }] => [
    `query ($r: [_Any!]!) { _entities(representations: $r) { ${fields} } }`,
    { r: representations },
  ];
  const contents = [{ __typename: 'Content', contentId: 'nothing', source: 'Webshop-EN', type: 'ITEM' }];

  test('comes from the part that must be freshest', async () => {
    const keeping = await keep();
    const cases: [[string, object?], string][] = [
      [entities('... on Profile { name }'), 'public, max-age=5'],
      [entities('... on Content { name }', contents), 'public, max-age=300'],
      [entities('... on Content { name }', [...contents, ...r]), 'public, max-age=5'],
      [[`${entities('...P ... on Content { name }')[0]} fragment P on Profile { name }`, { r }], 'public, max-age=5'],
      [entities('__typename'), 'no-store'],
      [entities('... on Profile { name conversions(first: 1) { totalCount } }'), 'no-store'],
      [['{ contents(first: 1) { totalCount } }'], 'public, max-age=300'],
      [['{ conversions(first: 1) { nodes { items { content { name } } } } }'], 'no-store'],
      [entities('... on Profile { name } } contents(first: 0) { totalCount'), 'no-store'],
      [['{ __typename _service { sdl } }'], 'no-store'],
      [['{ contents(first: 1) { nope } }'], 'no-store'],
      [['mutation { deleteContent(input: { contentId: "x", source: "y" }) { deletedId } }'], 'no-store'],
    ];
    for (const [[query, variables], expected] of cases) {
      const { headers } = await keeping.subgraph(query, variables);
      expect([query, headers.get('cache-control')]).toEqual([query, expected]);
    }
    expect((await keeping.query('{ contents(first: 1) { totalCount } }')).headers.get('cache-control')).toBe(
      'no-store',
    );
  });

  test('is private where callers are told apart, and no-store by default', async () => {
    const secret = 'a-secret-of-routers';
    const keeping = await keep({ ROUTER_SECRET: secret });
    const ask = async (headers: object) =>
      (await keeping.subgraph(...entities('... on Profile { name }'), { 'x-router-secret': secret, ...headers }))
        .headers;
    expect((await ask({})).get('cache-control')).toBe('public, max-age=5');
    expect((await ask({ 'x-datatrics-principal': 'ada' })).get('cache-control')).toBe('private, max-age=5');
    expect((await ask({ 'x-datatrics-project': '123456' })).get('cache-control')).toBe('private, max-age=5');
    expect((await gateway.subgraph(...entities('... on Profile { name }'))).headers.get('cache-control')).toBe(
      'no-store',
    );
  });
});
