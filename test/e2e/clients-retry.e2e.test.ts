import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { Client, cacheExchange, fetchExchange } from '@urql/core';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';
import { retries, retryLink } from '../helpers/retrying-clients.ts';
import { watchedFetch } from '../helpers/watched-fetch.ts';

const QUERY = gql`
  query Name($id: ID!) {
    profile(profileId: $id, source: "Webshop") {
      name
    }
  }
`;
const RENAME = gql`
  mutation Rename($input: ProfileInput!) {
    updateProfile(input: $input) {
      profile {
        name
      }
    }
  }
`;
const variables = { id: '1001' };
const ADA = { profile: { name: 'Ada Example' } };
const renamed = { input: { profileId: '1001', source: 'Webshop', name: 'Ada' } };

interface Retrying {
  ask(): Promise<unknown>;
  rename(): Promise<unknown>;
}
type Fetch = ReturnType<typeof watchedFetch>['watched'];

function apollo(url: string, watched: Fetch): Retrying {
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.from([retryLink, new HttpLink({ uri: `${url}/graphql`, fetch: watched })]),
  });
  return {
    ask: async () => (await client.query({ query: QUERY, variables, fetchPolicy: 'network-only' })).data,
    rename: async () => (await client.mutate({ mutation: RENAME, variables: renamed })).data,
  };
}

function urql(url: string, watched: Fetch): Retrying {
  const client = new Client({
    url: `${url}/graphql`,
    fetch: watched,
    exchanges: [cacheExchange, retries, fetchExchange],
    preferGetMethod: false,
  });
  const dataOf = ({ data, error }: { data?: unknown; error?: Error | undefined }): unknown => {
    if (error) throw error;
    return data;
  };
  return {
    ask: async () => dataOf(await client.query(QUERY, variables, { requestPolicy: 'network-only' }).toPromise()),
    rename: async () => dataOf(await client.mutation(RENAME, renamed).toPromise()),
  };
}

afterEach(async () => {
  vi.useRealTimers();
});

describe.each([
  ['the RetryLink of Apollo Client', apollo],
  ['the retryExchange of urql', urql],
] as const)('%s, as the docs have it', (_, create) => {
  test('retries after 503 and gets its answer once there is room', async () => {
    const gateway = await startWithSandbox({ MAX_REQUESTS: '1' });
    gateway.sandbox.faults.set({ match: { path: 'contents?/' }, hang: true });
    let other = new AbortController();
    /** Takes the only place, until the client has been turned away. */
    const occupy = async () => {
      other = new AbortController();
      const before = gateway.sandbox.requests.length;
      fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: '{ content(contentId: "2001") { name } }' }),
        signal: other.signal,
      }).catch(() => undefined);
      await expect.poll(() => gateway.sandbox.requests.length).toBe(before + 1);
    };
    const { sent, watched } = watchedFetch((status) => {
      if (status === 503) other.abort();
    });
    const { ask, rename } = create(gateway.url, watched);
    await occupy();
    expect(await ask()).toMatchObject(ADA);
    await occupy();
    // It was not begun, so it is not carried out twice.
    expect(await rename()).toMatchObject({ updateProfile: { profile: { name: 'Ada' } } });
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
    expect(await ask()).toMatchObject(ADA);
    vi.setSystemTime(Date.now() + 59_000);
    expect(await ask()).toMatchObject(ADA);
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
    await expect(create(url, watched).ask()).rejects.toThrow(/MAX_DEPTH|levels/);
    expect(sent.map(({ status }) => status)).toEqual([400]);
  });
});
