import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type ConcreteRequest,
  commitMutation,
  Environment,
  fetchQuery,
  type GraphQLResponse,
  getSingularSelector,
  Network,
  type OperationType,
  type ReaderFragment,
  RecordSource,
  type RequestParameters,
  Store,
  type Variables,
} from 'relay-runtime';
import { describe, expect, test } from 'vitest';
import { createFolder } from '../helpers/files.ts';
import { startWithSandbox } from '../helpers/gateway.ts';
import { compileRelay } from '../helpers/manifests.ts';
import { watchedFetch } from '../helpers/watched-fetch.ts';

/** Colocated fragments, a list that grows, a field that may fail, and a write: what Relay's compiler makes of the schema. */
const SOURCES = {
  'Customer.js': `import { graphql } from 'relay-runtime';
    graphql\`query CustomerQuery($id: ID!, $tooMany: Int!) {
      profile(profileId: $id, source: "Webshop") {
        id
        name
        ...Customer_orders
        broken: conversions(first: $tooMany) @catch { totalCount }
      }
    }\`;
    graphql\`fragment Customer_orders on Profile
      @refetchable(queryName: "CustomerOrdersQuery")
      @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" }) {
        conversions(first: $count, after: $cursor) @connection(key: "Customer_conversions") {
          edges { node { conversionId } }
        }
      }\`;
    graphql\`mutation CustomerRenameMutation($input: ProfileInput!) {
      updateProfile(input: $input) { profile { name } }
    }\`;`,
};

const { folder } = createFolder();

/** Has Relay's compiler compile the app; `persisted` leaves the ids in the modules, and the texts in the manifest. */
async function compile(persisted: boolean) {
  const own = mkdtempSync(join(folder, 'app-'));
  const { manifest, artifacts } = await compileRelay(own, SOURCES, persisted ? 'MD5' : undefined);
  const load = async <T>(name: string): Promise<T> =>
    (await import(pathToFileURL(join(artifacts, `${name}.graphql.js`)).href)).default;
  return {
    manifest,
    customer: await load<ConcreteRequest>('CustomerQuery'),
    moreOrders: await load<ConcreteRequest>('CustomerOrdersQuery'),
    rename: await load<ConcreteRequest>('CustomerRenameMutation'),
    orders: await load<ReaderFragment>('Customer_orders'),
  };
}

/** An environment whose fetch function is the one in Relay's docs. */
function createEnvironment(url: string, bodyOf: (request: RequestParameters) => object) {
  const { sent, watched } = watchedFetch();
  const fetchGraphql = async (request: RequestParameters, variables: Variables): Promise<GraphQLResponse> => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ ...bodyOf(request), variables });
    const response = await watched(`${url}/graphql`, { method: 'POST', headers, body });
    return (await response.json()) as GraphQLResponse;
  };
  const [network, store] = [Network.create(fetchGraphql), new Store(new RecordSource())];
  return { environment: new Environment({ network, store }), sent };
}

interface Connection {
  readonly edges: readonly { readonly node: { readonly conversionId: string } }[];
  readonly pageInfo: { readonly endCursor: string; readonly hasNextPage: boolean };
}

interface CustomerOperation extends OperationType {
  readonly response: { readonly profile: { readonly id: string; readonly name: string; readonly broken: unknown } };
}

describe.each<[string, boolean, (request: RequestParameters) => object]>([
  ['texts', false, ({ text }) => ({ query: text })],
  ['ids as doc_id, where nothing else runs', true, ({ id }) => ({ doc_id: id })],
  ['ids as documentId beside an empty text', true, ({ id, text }) => ({ documentId: id, query: text })],
])('an environment of Relay that sends %s', async (_, persisted, bodyOf) => {
  const app = await compile(persisted);
  const { url } = await startWithSandbox(
    persisted ? { TRUSTED_DOCUMENTS: 'only', TRUSTED_DOCUMENTS_FILE: app.manifest } : {},
  );
  const variables = { id: '1001', tooMany: 501 };

  test('reads a query with a field that failed, and a connection page by page, by the id of its node', async () => {
    const { environment, sent } = createEnvironment(url, bodyOf);
    const answer = await fetchQuery<CustomerOperation>(environment, app.customer, variables).toPromise();
    expect(answer?.profile).toMatchObject({
      name: 'Ada Example',
      broken: { ok: false, errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] },
    });
    expect(sent).toMatchObject([{ status: 200 }]);
    const selector = getSingularSelector(app.orders, answer?.profile);
    if (selector?.kind !== 'SingularReaderSelector') throw new Error('the query spreads the fragment');
    const read = () => (environment.lookup(selector).data as { conversions: Connection }).conversions;
    const first = read();
    expect(first).toMatchObject({ edges: { length: 2 }, pageInfo: { hasNextPage: true } });
    const next = { id: answer?.profile.id, count: 1, cursor: first.pageInfo.endCursor };
    await fetchQuery(environment, app.moreOrders, next).toPromise();
    // Relay's store has put the second page behind the first.
    const ids = read().edges.map(({ node }) => node.conversionId);
    expect([ids.length, new Set(ids).size]).toEqual([3, 3]);
  });

  test('writes, and rejects an unknown document id with its code', async () => {
    const { environment } = createEnvironment(url, bodyOf);
    const input = { profileId: '1002', source: 'Webshop', name: 'Ada' };
    const response = await new Promise((onCompleted, onError) => {
      commitMutation(environment, { mutation: app.rename, variables: { input }, onCompleted, onError });
    });
    expect(response).toMatchObject({ updateProfile: { profile: { name: 'Ada' } } });
    const unknown = createEnvironment(url, () => ({ doc_id: 'nobody' }));
    const asked = fetchQuery(unknown.environment, app.customer, variables).toPromise();
    await expect(asked).rejects.toMatchObject({
      source: { errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }] },
    });
  });
});
