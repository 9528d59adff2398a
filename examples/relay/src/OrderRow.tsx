import { Suspense } from 'react';
import { graphql, useFragment } from 'react-relay';
import type { OrderRow_order$key } from './__generated__/OrderRow_order.graphql.ts';
import { Customer } from './Customer.tsx';

/** One order. Its customer is a REST call of its own, and arrives after the list. */
export function OrderRow(props: { order: OrderRow_order$key }) {
  const order = useFragment(
    graphql`
      fragment OrderRow_order on Conversion {
        conversionId
        total
        createdAt
        ...Customer_order @defer
      }
    `,
    props.order,
  );
  return (
    <li>
      <Suspense fallback={<em>…</em>}>
        <Customer order={order} />
      </Suspense>
      <small>
        #{order.conversionId} · {order.createdAt?.slice(0, 10)}
      </small>
      <b>{order.total?.toFixed(2)}</b>
    </li>
  );
}
