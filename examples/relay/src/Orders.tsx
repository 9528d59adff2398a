import { graphql, useLazyLoadQuery, usePaginationFragment } from 'react-relay';
import type { Orders_query$key } from './__generated__/Orders_query.graphql.ts';
import type { OrdersQuery } from './__generated__/OrdersQuery.graphql.ts';
import { OrderRow } from './OrderRow.tsx';

/** The newest orders. “Load more” adds the next page to the list. */
export function Orders() {
  const data = useLazyLoadQuery<OrdersQuery>(
    graphql`
      query OrdersQuery {
        ...Orders_query
      }
    `,
    {},
  );
  return <OrderList query={data} />;
}

function OrderList({ query }: { query: Orders_query$key }) {
  const { data, hasNext, isLoadingNext, loadNext } = usePaginationFragment(
    graphql`
      fragment Orders_query on Query
      @refetchable(queryName: "OrdersNextQuery")
      @argumentDefinitions(count: { type: "Int", defaultValue: 10 }, cursor: { type: "String" }) {
        conversions(first: $count, after: $cursor) @connection(key: "Orders_conversions") {
          totalCount
          edges {
            node {
              id
              ...OrderRow_order
            }
          }
        }
      }
    `,
    query,
  );
  const orders = data.conversions;
  if (!orders) return <p role="alert">The orders cannot be read just now.</p>;
  return (
    <>
      <ul>{orders.edges?.map((edge) => edge?.node && <OrderRow key={edge.node.id} order={edge.node} />)}</ul>
      <footer>
        {orders.edges?.length} of {orders.totalCount}
        {hasNext && (
          <button type="button" disabled={isLoadingNext} onClick={() => loadNext(10)}>
            {isLoadingNext ? 'Loading…' : 'Load more'}
          </button>
        )}
      </footer>
    </>
  );
}
