import { readFileSync } from 'node:fs';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import {
  generatePersistedQueryIdsFromManifest,
  type PersistedQueryManifestForGeneratingPersistedQueryIds,
} from '@apollo/persisted-query-lists';
import { Client, cacheExchange, fetchExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { print } from 'graphql';
import { ClientError, GraphQLClient } from 'graphql-request';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/server/persisted-queries.ts';
import { createFolder } from '../helpers/files.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { makeApolloManifest } from '../helpers/manifests.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { watchedFetch } from '../helpers/watched-fetch.ts';

const QUERY = gql`
  query Name($id: ID!) {
    profile(profileId: $id, source: "Webshop") {
      name
    }
  }
`;
const variables = { id: '1001' };
const ADA = { profile: { __typename: 'Profile', name: 'Ada Example' } };

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());

function apollo(url: string, useGETForHashedQueries: boolean) {
  const { sent, watched } = watchedFetch();
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.from([
      new PersistedQueryLink({ sha256, useGETForHashedQueries }),
      new HttpLink({ uri: `${url}/graphql`, fetch: watched }),
    ]),
  });
  const ask = async (): Promise<unknown> =>
    (await client.query({ query: QUERY, variables, fetchPolicy: 'network-only' })).data;
  return { sent, ask };
}

describe('persisted queries of Apollo Client', () => {
  test.each([false, true])('are registered once and then sent by their hash; by GET: %s', async (byGet) => {
    const { url } = await startWithSandbox();
    const { sent, ask } = apollo(url, byGet);
    const hashed = { method: byGet ? 'GET' : 'POST', hasQuery: false, status: 200 };
    expect(await ask()).toEqual(ADA);
    expect(await ask()).toEqual(ADA);
    // The client accepts application/graphql-response+json, under which an unknown hash has the status 400.
    expect(sent).toMatchObject([{ ...hashed, status: 400 }, { ...hashed, method: 'POST', hasQuery: true }, hashed]);
  });

  test('work without registration, by sending the text', async () => {
    const { url } = await startWithSandbox({ AUTOMATIC_PERSISTED_QUERIES: 'off' });
    const { ask } = apollo(url, false);
    expect(await ask()).toEqual(ADA);
  });

  test('are shared by instances with one Redis', async () => {
    const settings = { REDIS_URL: redis.url };
    const [one, other] = [await startWithSandbox(settings), await startWithSandbox(settings)];
    const first = apollo(one.url, false);
    await first.ask();
    await expect
      .poll(async () => {
        const { sent, ask } = apollo(other.url, false);
        expect(await ask()).toEqual(ADA);
        return sent.length;
      })
      .toBe(1);
  });
});

test('persisted queries of urql are registered once and then sent by their hash', async () => {
  const { url } = await startWithSandbox();
  const { sent, watched } = watchedFetch();
  const client = new Client({
    url: `${url}/graphql`,
    fetch: watched,
    exchanges: [cacheExchange, persistedExchange({ preferGetForPersistedQueries: true }), fetchExchange],
    preferGetMethod: true,
  });
  const ask = async (): Promise<unknown> =>
    (await client.query(QUERY, variables, { requestPolicy: 'network-only' }).toPromise()).data;
  expect(await ask()).toMatchObject({ profile: { name: 'Ada Example' } });
  expect(await ask()).toMatchObject({ profile: { name: 'Ada Example' } });
  expect(sent.map(({ hasQuery }) => hasQuery)).toEqual([false, true, false]);
});

const LATER = gql`
  query Later {
    profiles {
      totalCount
    }
  }
`;

describe('trusted documents of Apollo Client', async () => {
  const { folder, write } = createFolder();
  const file = await makeApolloManifest(folder, { 'name.graphql': print(QUERY), 'later.graphql': print(LATER) });
  const manifest: PersistedQueryManifestForGeneratingPersistedQueryIds = JSON.parse(readFileSync(file, 'utf8'));

  /** A gateway that runs the first document only, and a client that has the ids of both. */
  async function startPublished() {
    const operations = manifest.operations.filter(({ name }) => name === 'Name');
    const published = write('published.json', { ...manifest, operations });
    const { url } = await startWithSandbox({ TRUSTED_DOCUMENTS: 'only', TRUSTED_DOCUMENTS_FILE: published });
    const { sent, watched } = watchedFetch();
    const ids = generatePersistedQueryIdsFromManifest({ loadManifest: async () => manifest });
    const link = ApolloLink.from([
      new PersistedQueryLink(ids),
      new HttpLink({ uri: `${url}/graphql`, fetch: watched }),
    ]);
    return { client: new ApolloClient({ cache: new InMemoryCache(), link }), sent };
  }

  test('are sent by the ids of its manifest, where nothing else runs', async () => {
    const { client, sent } = await startPublished();
    expect((await client.query({ query: QUERY, variables })).data).toEqual(ADA);
    expect(sent).toMatchObject([{ method: 'POST', hasQuery: false, status: 200 }]);
  });

  test('fail by their code where they are not published, and leave the others', async () => {
    const { client, sent } = await startPublished();
    await expect(client.query({ query: LATER })).rejects.toMatchObject({
      errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
    });
    // By the id, and then by the text.
    expect(sent).toMatchObject([{ hasQuery: false }, { hasQuery: true }]);
    expect((await client.query({ query: QUERY, variables })).data).toEqual(ADA);
    expect(sent).toMatchObject([{}, {}, { hasQuery: false, status: 200 }]);
  });
});

const PEOPLE = gql`
  query People($first: Int!) {
    profiles(first: $first) {
      nodes {
        id
        name
        email
      }
    }
  }
`;
const RENAME = gql`
  mutation Rename($input: ProfileInput!) {
    updateProfile(input: $input) {
      profile {
        id
        name
      }
    }
  }
`;
const input = { profileId: '1001', source: 'Webshop', name: 'Ada' };

interface Operations {
  people(first: number): Promise<unknown>;
  rename(): Promise<unknown>;
}
type Fetch = ReturnType<typeof watchedFetch>['watched'];

describe.each<[string, (url: string, fetch: Fetch, byGet: boolean) => Operations, boolean]>([
  [
    'Apollo Client',
    (url, fetch, useGETForQueries) => {
      const link = new HttpLink({ uri: url, fetch, useGETForQueries });
      const client = new ApolloClient({ cache: new InMemoryCache(), link });
      return {
        people: async (first) => (await client.query({ query: PEOPLE, variables: { first } })).data,
        rename: async () => (await client.mutate({ mutation: RENAME, variables: { input } })).data,
      };
    },
    true,
  ],
  [
    'urql',
    (url, fetch, preferGetMethod) => {
      const client = new Client({ url, fetch, preferGetMethod, exchanges: [cacheExchange, fetchExchange] });
      return {
        people: async (first) => (await client.query(PEOPLE, { first }).toPromise()).data,
        rename: async () => (await client.mutation(RENAME, { input }).toPromise()).data,
      };
    },
    true,
  ],
  [
    'graphql-request',
    (url, fetch, byGet) => {
      const client = new GraphQLClient(url, { fetch, method: byGet ? 'GET' : 'POST' });
      return {
        people: (first) => client.request(PEOPLE, { first }),
        rename: () => client.request(RENAME, { input }),
      };
    },
    false,
  ],
])('%s', (_, create, sendsMutationsByPost) => {
  test.each(['GET', 'POST'])('sends queries by %s, and reads compressed answers', async (method) => {
    const { url } = await startWithSandbox();
    const { sent, watched } = watchedFetch();
    const { people, rename } = create(`${url}/graphql`, watched, method === 'GET');
    const person = { id: expect.any(String), name: expect.any(String) };
    const { profiles } = (await people(50)) as { profiles: { nodes: unknown[] } };
    expect(profiles.nodes).toHaveLength(50);
    expect(profiles.nodes[0]).toMatchObject(person);
    expect(sent).toEqual([{ method, hasQuery: true, status: 200, encoding: 'gzip' }]);
    if (!sendsMutationsByPost && method === 'GET') return;
    expect(await rename()).toMatchObject({ updateProfile: { profile: { name: 'Ada' } } });
    expect(sent[1]).toMatchObject({ method: 'POST', status: 200 });
  });
});

describe('graphql-request', () => {
  const BOTH = 'query Both($id: ID!) { profile(profileId: $id) { name conversions(first: 501) { totalCount } } }';

  test.each(['GET', 'POST'] as const)(
    'throws the errors of fields with their codes, beside the data, by %s',
    async (method) => {
      const { url } = await startWithSandbox();
      const client = new GraphQLClient(`${url}/graphql`, { method });
      const error: unknown = await client.request(BOTH, variables).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ClientError);
      expect((error as ClientError).response).toMatchObject({
        status: 200,
        data: { profile: { name: 'Ada Example', conversions: null } },
        errors: [{ path: ['profile', 'conversions'], extensions: { code: 'BAD_USER_INPUT' } }],
      });
    },
  );

  test('throws what was turned away with its status, its code and the time to wait', async () => {
    const { url } = await startWithSandbox({ RATE_LIMIT: '1r' });
    const client = new GraphQLClient(`${url}/graphql`);
    await expect(client.request('{ nope }')).rejects.toMatchObject({
      response: { status: 400, errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] },
    });
    const error: unknown = await client.request(BOTH, variables).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ClientError);
    const { status, errors, headers } = (error as ClientError).response;
    expect([status, errors?.[0]?.extensions.code]).toEqual([429, 'RATE_LIMITED']);
    expect(Number((headers as Headers).get('retry-after'))).toBeGreaterThan(0);
  });
});
