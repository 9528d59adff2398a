import { type FragmentType, graphql, unmask } from './gql/index.ts';
import { ProfileName } from './ProfileName.tsx';

const OrderRowFragment = graphql(/* GraphQL */ `
  fragment OrderRow on Conversion {
    conversionId
    total
    createdAt
    ... @defer {
      profile {
        id
        ...ProfileName
      }
    }
  }
`);

/**
 * One order. It asks for what it shows, and leaves it to `ProfileName` what that needs. The person, who is a REST call of the
 * gateway for each row, comes after the list.
 *
 * @param props.isLoading whether parts of the answer are still to come
 */
export function OrderRow(props: { order: FragmentType<typeof OrderRowFragment>; isLoading: boolean }) {
  const order = unmask(OrderRowFragment, props.order);
  const { profile } = order;
  return (
    <li>
      {order.conversionId}: {order.total?.toFixed(2) ?? '?'}, {order.createdAt?.slice(0, 10)},{' '}
      {profile ? (
        <ProfileName profile={profile} />
      ) : profile === undefined && props.isLoading ? (
        '…'
      ) : (
        'somebody unknown'
      )}
    </li>
  );
}
