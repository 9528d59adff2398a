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
 * One order. It declares the fields that it shows; `ProfileName` declares its fields. The profile, which is a REST call for each row,
 * arrives after the list.
 *
 * @param props.isLoading whether parts of the answer are missing
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
