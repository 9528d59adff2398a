import { readFileSync } from 'node:fs';
import { composeServices } from '@apollo/composition';
import { parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';

/**
 * The features that Apollo's subgraph compatibility suite checks, in its order, with operations on our own types. The suite
 * itself wants a schema of its own.
 */
const gateway = await startWithSandbox();
const sdl = readFileSync('schema/subgraph.graphql', 'utf8');

/** The supergraph of our schema and another team's, or the reasons why there is none. */
function composeWith(other: string) {
  const link = (names: string): string =>
    `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: [${names}])`;
  const used = [...new Set(other.match(/@\w+/g))].map((name) => `"${name}"`).join(', ');
  const { errors, supergraphSdl } = composeServices([
    { name: 'datatrics', typeDefs: parse(sdl) },
    { name: 'other', typeDefs: parse(`${link(used)} ${other}`) },
  ]);
  return {
    errors: errors?.map(({ message }) => message).join('\n'),
    supergraph: supergraphSdl,
  };
}

async function entities(representations: object[], headers?: Record<string, string>) {
  const query =
    'query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Profile { id profileId source } ... on Content { contentId type } } }';
  return (await gateway.subgraph(query, { r: representations }, headers)).body;
}

const ADA = { __typename: 'Profile', profileId: '1001', source: 'Webshop' };

describe('the compatibility suite’s checks', () => {
  test('_service gives the schema, without what every subgraph has', async () => {
    const { body } = await gateway.subgraph('query { _service { sdl } }');
    const definitions = parse(body.data._service.sdl).definitions.map((node) =>
      'name' in node ? node.name?.value : '',
    );
    expect(definitions).toEqual(expect.arrayContaining(['Query', 'Profile', 'Content', 'Conversion', 'Interaction']));
    for (const name of ['_Any', '_Entity', '_Service']) expect(definitions).not.toContain(name);
    expect(body.data._service.sdl).not.toMatch(/_entities|_service/);
  });

  test('@link imports the directives in use', () => {
    const [, imported = ''] = /import: \[([^\]]+)\]/.exec(sdl) ?? [];
    const names = imported.match(/@\w+/g) ?? [];
    expect(names).toContain('@key');
    for (const name of names) expect(sdl.split(name).length, name).toBeGreaterThan(2);
  });

  test('@requires, @external, @override and @inaccessible: other teams may use them on our types', () => {
    const { errors, supergraph } = composeWith(
      `type Profile @key(fields: "profileId source") {
        profileId: ID! source: String! email: String @external avatar: String @requires(fields: "email")
        country: String @override(from: "datatrics") secret: String @inaccessible
      }`,
    );
    expect(errors).toBeUndefined();
    expect(supergraph).toContain('avatar: String @join__field(graph: OTHER, requires: "email")');
    expect(supergraph).toContain('country: String @join__field(graph: OTHER, override: "datatrics")');
    expect(supergraph).toMatch(/secret: String [^\n]*@inaccessible/);
  });

  test('a request for federated tracing is ignored', async () => {
    const { data, ...rest } = await entities([ADA], { 'apollo-federation-include-trace': 'ftv1' });
    expect(data._entities).toHaveLength(1);
    expect(rest).toEqual({});
  });

  test('@shareable: PageInfo and UserError may be others’ too', () => {
    const pageInfo = 'hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String';
    const { errors } = composeWith(
      `type Query { page: PageInfo problem: UserError } type PageInfo @shareable { ${pageInfo} } type UserError @shareable { code: UserErrorCode! message: String! field: [String!] } enum UserErrorCode { INVALID TAKEN }`,
    );
    expect(errors).toBeUndefined();
  });

  test('@tag reaches the supergraph, for contracts', () => {
    const { supergraph } = composeWith('type Query { other: Int }');
    expect(supergraph).toMatch(/email: String .*@tag\(name: "pii"\)/);
    expect(supergraph).toMatch(/createProfile\([^)]*\): ProfilePayload .*@tag\(name: "write"\)/s);
  });
});
