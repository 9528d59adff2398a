import { formatDate, formatMoney } from './format.ts';
import { type FragmentType, graphql, unmask } from './gql/index.ts';
import { ProfileName } from './ProfileName.tsx';
import { orderLink } from './useSelectedOrder.ts';

const OrderRowFragment = graphql(/* GraphQL */ `
  fragment OrderRow on Conversion {
    id
    conversionId
    total
    createdAt
    attributes
    ... @defer {
      profile {
        id
        ...ProfileName
      }
    }
  }
`);

interface Props {
  readonly order: FragmentType<typeof OrderRowFragment>;
  readonly selected: string | null;
  /** Whether parts of the answer are missing. */
  readonly isLoading: boolean;
}

/**
 * One order. It declares the fields that it shows; `ProfileName` declares its fields. The profile, which is a REST call for each row,
 * arrives after the list.
 */
export function OrderRow({ selected, isLoading, ...props }: Props) {
  const order = unmask(OrderRowFragment, props.order);
  const { profile, attributes } = order;
  return (
    <li>
      <a className="order" href={orderLink(order.id)} aria-current={order.id === selected}>
        {profile ? (
          <ProfileName profile={profile} />
        ) : profile === undefined && isLoading ? (
          <span className="skeleton">…</span>
        ) : (
          <em>Unknown customer</em>
        )}
        <strong>{formatMoney(order.total, attributes)}</strong>
        <small>
          #{order.conversionId} · {formatDate(order.createdAt)}
        </small>
        {typeof attributes?.status === 'string' && <small className="badge">{attributes.status}</small>}
      </a>
    </li>
  );
}
