import { graphql, useFragment } from 'react-relay';
import type { Customer_order$key } from './__generated__/Customer_order.graphql.ts';

/** The customer of an order. Until the deferred part arrives, this suspends. */
export function Customer(props: { order: Customer_order$key }) {
  const { profile } = useFragment(
    graphql`
      fragment Customer_order on Conversion {
        profile {
          name
          country
        }
      }
    `,
    props.order,
  );
  if (!profile) return <em>Unknown customer</em>;
  return (
    <>
      <strong>{profile.name ?? 'No name'}</strong>
      <span>{profile.country}</span>
    </>
  );
}
