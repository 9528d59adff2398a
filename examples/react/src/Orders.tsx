import { useState } from 'react';
import { useQuery } from 'urql';
import { ErrorNote } from './ErrorNote.tsx';
import { formatCount } from './format.ts';
import { graphql } from './gql/index.ts';
import { OrderRow } from './OrderRow.tsx';
import { Skeleton } from './Skeleton.tsx';

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

/** The newest orders with their customers. “Load more” adds the next page to the list. */
export function Orders({ selected }: { selected: string | null }) {
  const [after, setAfter] = useState<string | null>(null);
  const [result, reload] = useQuery({ query: OrdersDocument, variables: { first: 10, after } });
  const { data, error, fetching, hasNext } = result;
  const orders = data?.conversions;
  return (
    <section className="list" aria-label="Orders" aria-busy={fetching || hasNext}>
      <h1>
        Orders{' '}
        {orders && (
          <small>
            {orders.edges.length}
            {orders.totalCount !== null && ` of ${formatCount(orders.totalCount)}`}
          </small>
        )}
      </h1>
      {error && <ErrorNote error={error} onRetry={() => reload({ requestPolicy: 'network-only' })} />}
      {!orders && fetching && <Skeleton rows={10} />}
      {orders?.edges.length === 0 && <p className="hint">There are no orders yet.</p>}
      {orders && (
        <ul>
          {orders.edges.map(
            ({ node }) =>
              node && <OrderRow key={node.id} order={node} selected={selected} isLoading={hasNext || fetching} />,
          )}
        </ul>
      )}
      {orders?.pageInfo.hasNextPage && (
        <button type="button" disabled={fetching} onClick={() => setAfter(orders.pageInfo.endCursor ?? null)}>
          {fetching ? 'Loading…' : 'Load more'}
        </button>
      )}
    </section>
  );
}
