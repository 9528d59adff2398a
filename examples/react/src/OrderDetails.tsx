import { useQuery } from 'urql';
import { Customer } from './Customer.tsx';
import { ErrorNote } from './ErrorNote.tsx';
import { formatDate, formatMoney } from './format.ts';
import { graphql } from './gql/index.ts';
import { Skeleton } from './Skeleton.tsx';

const OrderDocument = graphql(/* GraphQL */ `
  query Order($id: ID!) {
    node(id: $id) {
      __typename
      ... on Conversion {
        id
        conversionId
        source
        total
        createdAt
        attributes
        items {
          itemId
          name
          price
          quantity
        }
        ... @defer {
          profile {
            id
            ...Customer
          }
        }
      }
    }
  }
`);

/** One order: its lines at once, its customer when they arrive. */
export function OrderDetails({ id }: { id: string }) {
  const [{ data, error, fetching, hasNext }, reload] = useQuery({ query: OrderDocument, variables: { id } });
  const order = data?.node?.__typename === 'Conversion' ? data.node : null;
  return (
    <div aria-busy={fetching || hasNext}>
      <a className="back" href="#/">
        ← All orders
      </a>
      {error && <ErrorNote error={error} onRetry={() => reload({ requestPolicy: 'network-only' })} />}
      {!order && fetching && <Skeleton rows={4} />}
      {!order && !fetching && !error && <p className="hint">This order does not exist any more.</p>}
      {order && (
        <>
          <h2>Order #{order.conversionId}</h2>
          <p className="muted">
            {formatDate(order.createdAt)} · {order.source}
          </p>
          <table>
            <thead>
              <tr>
                <th scope="col">Product</th>
                <th scope="col">Pieces</th>
                <th scope="col">Price</th>
              </tr>
            </thead>
            <tbody>
              {order.items.map((item, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: An order may have two lines of one product; lines never move.
                <tr key={index}>
                  <td>{item.name ?? item.itemId}</td>
                  <td>{item.quantity}</td>
                  <td>{formatMoney(item.price, order.attributes)}</td>
                </tr>
              ))}
            </tbody>
            <tfoot>
              <tr>
                <th scope="row" colSpan={2}>
                  Total
                </th>
                <td>{formatMoney(order.total, order.attributes)}</td>
              </tr>
            </tfoot>
          </table>
          {order.profile ? (
            <Customer profile={order.profile} />
          ) : order.profile === undefined && (hasNext || fetching) ? (
            <Skeleton rows={2} />
          ) : (
            <p className="hint">The customer of this order is unknown.</p>
          )}
        </>
      )}
    </div>
  );
}
