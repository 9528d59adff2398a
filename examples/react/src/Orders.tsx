import { useState } from 'react';
import { useQuery } from 'urql';
import { ErrorNote } from './ErrorNote.tsx';
import { graphql } from './gql/index.ts';
import { OrderRow } from './OrderRow.tsx';

const OrdersDocument = graphql(/* GraphQL */ `
  query Orders($first: Int!, $after: String) {
    conversions(first: $first, after: $after) {
      totalCount
      edges {
        node {
          id
          ...OrderRow
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** The newest orders with their customers. “More” adds the next page to the list. */
export function Orders() {
  const [after, setAfter] = useState<string | null>(null);
  const [result, reload] = useQuery({ query: OrdersDocument, variables: { first: 10, after } });
  const { data, error, fetching, hasNext } = result;
  const orders = data?.conversions;
  return (
    <section aria-busy={fetching || hasNext}>
      {error && <ErrorNote error={error} onRetry={() => reload({ requestPolicy: 'network-only' })} />}
      {orders && (
        <>
          <p>
            {orders.edges.length} of {orders.totalCount}
          </p>
          <ul>{orders.edges.map(({ node }) => node && <OrderRow key={node.id} order={node} isLoading={hasNext} />)}</ul>
          {orders.pageInfo.hasNextPage && (
            <button type="button" disabled={fetching} onClick={() => setAfter(orders.pageInfo.endCursor ?? null)}>
              More
            </button>
          )}
        </>
      )}
    </section>
  );
}
