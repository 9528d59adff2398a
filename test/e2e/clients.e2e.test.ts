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
import { afterEach, describe, expect, test, vi } from 'vitest';
import { sha256 } from '../../src/server/persisted-queries.ts';
import { closeAtEnd } from '../helpers/closing.ts';
import { createFolder } from '../helpers/files.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { makeApolloManifest } from '../helpers/manifests.ts';
import { startRedis } from '../helpers/redis.ts';
import { retries, retryLink } from '../helpers/retrying-clients.ts';
import { watchedFetch } from '../helpers/watched-fetch.ts';

const NAME = gql`
  query Name($id: ID!) {
    profile(profileId: $id, source: "Webshop") {
      name
    }
  }
`;
const PEOPLE = gql`
  query People {
    profiles(first: 50) {
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
const variables = { id: '1001' };
const input = { profileId: '1001', source: 'Webshop', name: 'Ada' };
const ADA = { profile: { name: 'Ada Example' } };
const RENAMED = { updateProfile: { profile: { name: 'Ada' } } };

type Fetch = ReturnType<typeof watchedFetch>['watched'];
type Document = typeof NAME;
/** A client of a gateway. Both throw where there are errors. */
interface TestClient {
  ask(query: Document, variables?: object): Promise<unknown>;
  rename(): Promise<unknown>;
}

/** @param byGet whether queries are sent by GET, those by their hash where the link does that */
function apollo(url: string, fetch: Fetch, byGet = false, ...links: ApolloLink[]): TestClient {
  const http = new HttpLink({ uri: `${url}/graphql`, fetch, useGETForQueries: byGet });
  const client = new ApolloClient({ cache: new InMemoryCache(), link: ApolloLink.from([...links, http]) });
  return {
    ask: async (query, variables = {}) => (await client.query({ query, variables, fetchPolicy: 'network-only' })).data,
    rename: async () => (await client.mutate({ mutation: RENAME, variables: { input } })).data,
  };
}

function urql(url: string, fetch: Fetch, byGet = false, ...more: (typeof retries)[]): TestClient {
  const exchanges = [cacheExchange, ...more, fetchExchange];
  const client = new Client({ url: `${url}/graphql`, fetch, exchanges, preferGetMethod: byGet });
  const dataOf = ({ data, error }: { data?: unknown; error?: Error | undefined }): unknown => {
    if (error) throw error;
    return data;
  };
  return {
    ask: async (query, variables = {}) =>
      dataOf(await client.query(query, variables, { requestPolicy: 'network-only' }).toPromise()),
    rename: async () => dataOf(await client.mutation(RENAME, { input }).toPromise()),
  };
}

function graphqlRequest(url: string, fetch: Fetch, byGet = false): TestClient {
  const client = new GraphQLClient(`${url}/graphql`, { fetch, method: byGet ? 'GET' : 'POST' });
  return {
    ask: (query, variables = {}) => client.request(query, variables),
    rename: () => client.request(RENAME, { input }),
  };
}

describe.each([
  ['Apollo Client', apollo],
  ['urql', urql],
  ['graphql-request', graphqlRequest],
] as const)('%s', (name, create) => {
  test.each(['GET', 'POST'])('sends queries by %s, reads compressed answers, and writes by POST', async (method) => {
    const { url } = await startWithSandbox();
    const { sent, watched } = watchedFetch();
    const { ask, rename } = create(url, watched, method === 'GET');
    const { profiles } = (await ask(PEOPLE)) as { profiles: { nodes: unknown[] } };
    expect(profiles.nodes).toHaveLength(50);
    expect(profiles.nodes[0]).toMatchObject({ id: expect.any(String), name: expect.any(String) });
    expect(sent).toEqual([{ method, hasQuery: true, status: 200, encoding: 'gzip' }]);
    // It would send a mutation by GET.
    if (name === 'graphql-request' && method === 'GET') return;
    expect(await rename()).toMatchObject(RENAMED);
    expect(sent[1]).toMatchObject({ method: 'POST', status: 200 });
  });
});

test('graphql-request throws the errors of fields with their codes, beside the data', async () => {
  const { url } = await startWithSandbox();
  const query = 'query Both($id: ID!) { profile(profileId: $id) { name conversions(first: 501) { totalCount } } }';
  const asked = new GraphQLClient(`${url}/graphql`).request(query, variables);
  const error: unknown = await asked.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ClientError);
  expect((error as ClientError).response).toMatchObject({
    status: 200,
    data: { profile: { name: 'Ada Example', conversions: null } },
    errors: [{ path: ['profile', 'conversions'], extensions: { code: 'BAD_USER_INPUT' } }],
  });
});

describe('persisted queries', () => {
  const hashes = (byGet: boolean) => new PersistedQueryLink({ sha256, useGETForHashedQueries: byGet });
  const byHash = persistedExchange({ preferGetForPersistedQueries: true });

  test.each<[string, (url: string, fetch: Fetch) => TestClient]>([
    ['Apollo Client by POST', (url, fetch) => apollo(url, fetch, false, hashes(false))],
    ['Apollo Client by GET', (url, fetch) => apollo(url, fetch, false, hashes(true))],
    ['urql', (url, fetch) => urql(url, fetch, true, byHash)],
  ])('are registered once and then sent by their hash: %s', async (_, create) => {
    const { url } = await startWithSandbox();
    const { sent, watched } = watchedFetch();
    const { ask } = create(url, watched);
    for (let times = 0; times < 2; times++) expect(await ask(NAME, variables)).toMatchObject(ADA);
    // They accept application/graphql-response+json, under which an unknown hash has the status 400.
    expect(sent).toMatchObject([
      { hasQuery: false, status: 400 },
      { hasQuery: true },
      { hasQuery: false, status: 200 },
    ]);
  });

  test('are shared by instances with one Redis', async () => {
    const redis = await startRedis();
    closeAtEnd(redis.close);
    const settings = { REDIS_URL: redis.url };
    const [one, other] = [await startWithSandbox(settings), await startWithSandbox(settings)];
    await apollo(one.url, watchedFetch().watched, false, hashes(false)).ask(NAME, variables);
    const requests = async (): Promise<number> => {
      const { sent, watched } = watchedFetch();
      expect(await apollo(other.url, watched, false, hashes(false)).ask(NAME, variables)).toMatchObject(ADA);
      return sent.length;
    };
    await expect.poll(requests).toBe(1);
  });

  test('that were published in a manifest run by its ids where nothing else does, and others fail by their code', async () => {
    const { folder, write } = createFolder();
    const file = await makeApolloManifest(folder, { 'name.graphql': print(NAME), 'people.graphql': print(PEOPLE) });
    const manifest: PersistedQueryManifestForGeneratingPersistedQueryIds = JSON.parse(readFileSync(file, 'utf8'));
    const operations = manifest.operations.filter(({ name }) => name === 'Name');
    const published = write('published.json', { ...manifest, operations });
    const { url } = await startWithSandbox({ TRUSTED_DOCUMENTS: 'only', TRUSTED_DOCUMENTS_FILE: published });
    const { sent, watched } = watchedFetch();
    const ids = generatePersistedQueryIdsFromManifest({ loadManifest: async () => manifest });
    const { ask } = apollo(url, watched, false, new PersistedQueryLink(ids));
    await expect(ask(PEOPLE)).rejects.toMatchObject({
      errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
    });
    // By the id, and then by the text.
    expect(sent.splice(0)).toMatchObject([{ hasQuery: false }, { hasQuery: true }]);
    expect(await ask(NAME, variables)).toMatchObject(ADA);
    expect(sent).toMatchObject([{ method: 'POST', hasQuery: false, status: 200 }]);
  });
});

afterEach(() => {
  vi.useRealTimers();
});

describe.each<[string, (url: string, fetch: Fetch) => TestClient]>([
  ['the RetryLink of Apollo Client', (url, fetch) => apollo(url, fetch, false, retryLink)],
  ['the retryExchange of urql', (url, fetch) => urql(url, fetch, false, retries)],
])('%s, as the docs have it', (_, create) => {
  test('retries after 503 and gets its answer once there is room', async () => {
    const gateway = await startWithSandbox({ MAX_REQUESTS: '1' });
    gateway.sandbox.faults.set({ match: { path: 'contents?/' }, hang: true });
    let other = new AbortController();
    /** Takes the only place, until the client has been turned away. */
    const occupy = async () => {
      other = new AbortController();
      const before = gateway.sandbox.requests.length;
      const body = JSON.stringify({ query: '{ content(contentId: "2001") { name } }' });
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal: other.signal };
      fetch(`${gateway.url}/graphql`, init).catch(() => undefined);
      await expect.poll(() => gateway.sandbox.requests.length).toBe(before + 1);
    };
    const { sent, watched } = watchedFetch((status) => {
      if (status === 503) other.abort();
    });
    const { ask, rename } = create(gateway.url, watched);
    await occupy();
    expect(await ask(NAME, variables)).toMatchObject(ADA);
    await occupy();
    // It was not begun, so it is not carried out twice.
    expect(await rename()).toMatchObject(RENAMED);
    expect(sent.map(({ status }) => status)).toEqual([503, 200, 503, 200]);
    expect(gateway.sandbox.requests.filter(({ method }) => method !== 'GET')).toHaveLength(1);
  });

  test('retries after 429 and gets its answer once the minute is over', async () => {
    const { url } = await startWithSandbox({ RATE_LIMIT: '1r' });
    vi.useFakeTimers({ toFake: ['Date'] });
    const { sent, watched } = watchedFetch((status) => {
      if (status === 429) vi.setSystemTime(Date.now() + 2_000);
    });
    const { ask } = create(url, watched);
    expect(await ask(NAME, variables)).toMatchObject(ADA);
    vi.setSystemTime(Date.now() + 59_000);
    expect(await ask(NAME, variables)).toMatchObject(ADA);
    expect(sent.map(({ status }) => status)).toEqual([200, 429, 200]);
  });

  test('sends nothing again that may have been executed or that cannot succeed', async () => {
    const { url } = await startWithSandbox({ MAX_DEPTH: '1' });
    let attempts = 0;
    const broken = create(url, async () => {
      attempts += 1;
      throw new TypeError('fetch failed');
    });
    await expect(broken.rename()).rejects.toThrow('fetch failed');
    expect(attempts).toBe(1);
    const { sent, watched } = watchedFetch();
    await expect(create(url, watched).ask(NAME, variables)).rejects.toThrow(/MAX_DEPTH|levels/);
    expect(sent.map(({ status }) => status)).toEqual([400]);
  });
});
