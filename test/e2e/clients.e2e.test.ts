import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { RetryLink } from '@apollo/client/link/retry';
import { Client, cacheExchange, fetchExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/http/persisted-queries.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';

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
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  for (const close of closing) await close();
  await redis.close();
});

async function start(settings: Record<string, string> = {}) {
  const gateway = await startWithSandbox(settings);
  closing.push(() => gateway.close());
  return gateway;
}

/** A `fetch` that keeps what was sent and answered. */
function watchedFetch() {
  const sent: { method: string; hasQuery: boolean; status: number }[] = [];
  const watched = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(input, init);
    const method = init.method ?? 'GET';
    const hasQuery =
      method === 'GET' ? new URL(String(input)).searchParams.has('query') : 'query' in JSON.parse(String(init.body));
    sent.push({ method, hasQuery, status: response.status });
    return response;
  };
  return { sent, watched };
}

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
    const { url } = await start();
    const { sent, ask } = apollo(url, byGet);
    const hashed = { method: byGet ? 'GET' : 'POST', hasQuery: false, status: 200 };
    expect(await ask()).toEqual(ADA);
    expect(await ask()).toEqual(ADA);
    // The client accepts application/graphql-response+json, under which an unknown hash has the status 400.
    expect(sent).toEqual([{ ...hashed, status: 400 }, { ...hashed, method: 'POST', hasQuery: true }, hashed]);
  });

  test('work without registration, by sending the text', async () => {
    const { url } = await start({ AUTOMATIC_PERSISTED_QUERIES: 'off' });
    const { ask } = apollo(url, false);
    expect(await ask()).toEqual(ADA);
  });

  test('are shared by instances with one Redis', async () => {
    const settings = { REDIS_URL: redis.url };
    const [one, other] = [await start(settings), await start(settings)];
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
  const { url } = await start();
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

test('the retry link of Apollo Client asks again after 429', async () => {
  const { url } = await start({ RATE_LIMIT: '1r' });
  const { sent, watched } = watchedFetch();
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.from([
      new RetryLink({ delay: { initial: 10, jitter: false }, attempts: { max: 3 } }),
      new HttpLink({ uri: `${url}/graphql`, fetch: watched }),
    ]),
  });
  const ask = () => client.query({ query: QUERY, variables, fetchPolicy: 'network-only' });
  await ask();
  await expect(ask()).rejects.toThrow();
  expect(sent.map(({ status }) => status)).toEqual([200, 429, 429, 429]);
});
