import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { pathToFileURL } from 'node:url';
import { ApolloClient, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { Defer20220824Handler } from '@apollo/client/incremental';
import { Client, cacheExchange, fetchExchange } from '@urql/core';
import {
  type ConcreteRequest,
  createOperationDescriptor,
  Environment,
  getSingularSelector,
  Network,
  type ReaderFragment,
  RecordSource,
  Store,
} from 'relay-runtime';
import { beforeAll, describe, expect, test } from 'vitest';
import { createFetchParts } from '../../examples/relay/src/fetch-parts.ts';
import { closeAtEnd } from '../helpers/closing.ts';
import { createFolder } from '../helpers/files.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { compileRelay } from '../helpers/manifests.ts';
import { startNginx } from '../helpers/nginx.ts';
import { startWithHangingProfiles } from '../helpers/parts.ts';

/** ms that the API takes for a profile, and for nothing else. */
const SLOW_MS = 1_200;

const QUERY = gql`
  query Orders($first: Int!) {
    conversions(first: $first) {
      nodes {
        id
        conversionId
        ... @defer(label: "customer") {
          profile {
            id
            name
          }
        }
      }
    }
  }
`;

/** The same for Relay, which defers fragments that have names. */
const relayQuery = (name: string, stream = ''): string =>
  `graphql\`query ${name}($first: Int!) {
    conversions(first: $first) { nodes ${stream} { conversionId ...Orders_customer @defer } }
  }\`;`;
const RELAY_SOURCES = {
  'Orders.js': `import { graphql } from 'relay-runtime';
    ${relayQuery('OrdersQuery')}
    ${relayQuery('OrdersStreamQuery', '@stream(initialCount: 1)')}
    graphql\`fragment Orders_customer on Conversion { profile @catch { name } }\`;`,
};

/** An order as a page would show it; without a name as long as the client has no profile. */
interface Row {
  readonly conversionId: string;
  readonly name?: string | null;
}

/** What a client shows at one time, and the codes of the errors that it names. */
interface Shown {
  readonly rows: readonly Row[];
  readonly codes: readonly unknown[];
}

/** Has a client ask for orders, and hands on what it shows each time that it has something new. */
type Ask = (url: string, first: number, show: (shown: Shown) => void, done: () => void) => { unsubscribe(): void };

interface Order {
  readonly conversionId: string;
  readonly profile?: { readonly name: string | null } | null;
}
const toRow = ({ conversionId, profile }: Order): Row =>
  profile === undefined ? { conversionId } : { conversionId, name: profile?.name ?? null };
const codesOf = (errors: readonly { extensions?: Record<string, unknown> | undefined }[] = []): unknown[] =>
  errors.map(({ extensions }) => extensions?.code);

interface OrdersData {
  readonly conversions: { readonly nodes: readonly Order[] };
}

const apollo: Ask = (url, first, show, done) => {
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: new HttpLink({ uri: url }),
    incrementalHandler: new Defer20220824Handler(),
  });
  const query = client.watchQuery({ query: QUERY, variables: { first }, errorPolicy: 'all' });
  return query.subscribe(({ data, dataState, error }) => {
    if (!data) return;
    const { nodes } = (data as OrdersData).conversions;
    show({ rows: nodes.map(toRow), codes: CombinedGraphQLErrors.is(error) ? codesOf([...error.errors]) : [] });
    if (dataState === 'complete') done();
  });
};

const urql: Ask = (url, first, show, done) => {
  const client = new Client({ url, exchanges: [cacheExchange, fetchExchange], preferGetMethod: false });
  return client.query<OrdersData>(QUERY, { first }).subscribe(({ data, error, hasNext }) => {
    if (data) show({ rows: data.conversions.nodes.map(toRow), codes: codesOf(error?.graphQLErrors) });
    if (!hasNext) done();
  });
};

const { folder } = createFolder();
const { artifacts } = await compileRelay(folder, RELAY_SOURCES);
const load = async <T>(name: string): Promise<T> =>
  (await import(pathToFileURL(join(artifacts, `${name}.graphql.js`)).href)).default;
const customer = await load<ReaderFragment>('Orders_customer');

/** The result of a field with `@catch`. */
type Caught = { ok: true; value: { name: string } | null } | { ok: false; errors: { extensions: { code: string } }[] };

const askRelay =
  (query: ConcreteRequest): Ask =>
  (url, first, show, done) => {
    const environment = new Environment({
      network: Network.create(createFetchParts(url)),
      store: new Store(new RecordSource()),
    });
    const operation = createOperationDescriptor(query, { first });
    const read = (): Shown => {
      const { nodes } = (environment.lookup(operation.fragment).data as unknown as OrdersData).conversions;
      const codes: unknown[] = [];
      const rows = nodes.map((node): Row => {
        const selector = getSingularSelector(customer, node);
        if (selector?.kind !== 'SingularReaderSelector') throw new Error('the query spreads the fragment');
        const { data, isMissingData } = environment.lookup(selector);
        if (isMissingData) return toRow(node);
        const { profile } = data as { profile: Caught };
        if (!profile.ok) codes.push(...codesOf(profile.errors));
        return toRow({ ...node, profile: profile.ok ? profile.value : null });
      });
      return { rows, codes };
    };
    return environment.execute({ operation }).subscribe({ next: () => show(read()), complete: done });
  };

/** The three clients. */
const CLIENTS: [name: string, ask: Ask][] = [
  ['Apollo Client', apollo],
  ['urql', urql],
  ['Relay', askRelay(await load<ConcreteRequest>('OrdersQuery'))],
];

const gateway = await startWithSandbox({ SHARE_IN_FLIGHT: 'off' });
const { body } = await gateway.query('{ conversions(first: 5) { nodes { conversionId profile { profileId name } } } }');
const whole: (Order & { profile: { profileId: string } | null })[] = body.data.conversions.nodes;
const slow = { match: { path: '/profile' }, latencyMs: SLOW_MS };
beforeAll(() => gateway.sandbox.faults.set(slow));

const nginx = await startNginx(
  gateway.url,
  `location /whole/ { proxy_set_header accept application/json; proxy_pass ${gateway.url}/; }`,
);
const standard = getCACertificates('default');
setDefaultCACertificates([...standard, readFileSync('test/fixtures/tls/cert.pem', 'utf8')]);
closeAtEnd(async () => {
  await nginx.close();
  setDefaultCACertificates(standard);
});

/** Asks behind nginx, and gives all that the client showed up to the end, with the ms after which it did. */
function watch(ask: Ask, path = ''): Promise<(Shown & { readonly ms: number })[]> {
  const all: (Shown & { ms: number })[] = [];
  const start = performance.now();
  return new Promise((resolve) => {
    const show = (shown: Shown): void => void all.push({ ...shown, ms: performance.now() - start });
    ask(`${nginx.origin}${path}/graphql`, 5, show, () => resolve(all));
  });
}

describe.each(CLIENTS)('%s, behind nginx, which buffers answers,', (_, ask) => {
  test('shows the list first, then the names, and finally the whole answer', async () => {
    const all = await watch(ask);
    const [list, names] = [all[0], all.find(({ rows }) => rows.some((row) => 'name' in row))];
    expect(list?.rows).toEqual(whole.map(({ conversionId }) => ({ conversionId })));
    expect((names?.ms ?? 0) - (list?.ms ?? 0)).toBeGreaterThan(SLOW_MS / 2);
    expect(all.at(-1)).toMatchObject({ rows: whole.map(toRow), codes: [] });
  });

  test('shows the whole answer where it comes in one part', async () => {
    expect(await watch(ask, '/whole')).toMatchObject([{ rows: whole.map(toRow), codes: [] }]);
  });

  test('names the error of a part, and shows the others', async () => {
    const { profileId } = whole[0]?.profile ?? {};
    gateway.sandbox.faults.set([{ match: { path: `/profile/${profileId}\\b` }, status: 422 }, slow]);
    const { rows, codes } = (await watch(ask)).at(-1) ?? {};
    gateway.sandbox.faults.set(slow);
    const isBroken = (order: (typeof whole)[number]): boolean => order.profile?.profileId === profileId;
    expect(rows).toEqual(whole.map((order) => toRow(isBroken(order) ? { ...order, profile: null } : order)));
    expect(new Set(codes)).toEqual(new Set(['UPSTREAM_REJECTED']));
  });

  test('stops the REST calls when nobody needs the answer any more', async () => {
    const hanging = await startWithHangingProfiles();
    const shown: Shown[] = [];
    const show = (one: Shown): void => void shown.push(one);
    const asked = ask(`${hanging.url}/graphql`, 3, show, () => {});
    await expect.poll(() => [shown.length, hanging.openCalls()]).toEqual([1, 3]);
    asked.unsubscribe();
    await expect.poll(() => hanging.openCalls()).toBe(0);
  });
});

test('Relay shows a list with @stream as it comes', async () => {
  const all = await watch(askRelay(await load<ConcreteRequest>('OrdersStreamQuery')));
  expect(all[0]?.rows).toEqual([{ conversionId: whole[0]?.conversionId }]);
  expect(all.at(-1)).toMatchObject({ rows: whole.map(toRow), codes: [] });
});
