import { type FragmentType, graphql, unmask } from './gql/index.ts';
import { ProfileName } from './ProfileName.tsx';

const OrderRowFragment = graphql(/* GraphQL */ `
  fragment OrderRow on Conversion {
    conversionId
    total
    createdAt
    profile {
      id
      ...ProfileName
    }
  }
`);

/** One order. It asks for what it shows, and leaves it to `ProfileName` what that needs. */
export function OrderRow(props: { order: FragmentType<typeof OrderRowFragment> }) {
  const order = unmask(OrderRowFragment, props.order);
  return (
    <li>
      {order.conversionId}: {order.total?.toFixed(2) ?? '?'}, {order.createdAt?.slice(0, 10)},{' '}
      {order.profile ? <ProfileName profile={order.profile} /> : 'somebody unknown'}
    </li>
  );
}
