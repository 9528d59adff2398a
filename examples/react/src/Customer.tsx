import { formatDate, formatMoney } from './format.ts';
import { type FragmentType, graphql, unmask } from './gql/index.ts';
import { RenameForm } from './RenameForm.tsx';
import { orderLink } from './useSelectedOrder.ts';

const CustomerFragment = graphql(/* GraphQL */ `
  fragment Customer on Profile {
    id
    ...RenameForm
    email
    country
    createdAt
    conversions(first: 5) {
      totalCount
      nodes {
        id
        conversionId
        total
        createdAt
        attributes
      }
    }
  }
`);

/** A customer with the last five orders. */
export function Customer(props: { profile: FragmentType<typeof CustomerFragment> }) {
  const profile = unmask(CustomerFragment, props.profile);
  const orders = profile.conversions;
  return (
    <article className="card">
      <RenameForm profile={profile} />
      <dl>
        <dt>E-mail</dt>
        <dd>{profile.email ?? 'not known'}</dd>
        <dt>Country</dt>
        <dd>{profile.country ?? 'not known'}</dd>
        <dt>Customer since</dt>
        <dd>{formatDate(profile.createdAt)}</dd>
      </dl>
      {orders && (
        <>
          <h3>{orders.totalCount === 1 ? 'The only order' : `The newest of ${orders.totalCount} orders`}</h3>
          <ol>
            {orders.nodes?.map(
              (order) =>
                order && (
                  <li key={order.id}>
                    <a href={orderLink(order.id)}>#{order.conversionId}</a> {formatDate(order.createdAt)}
                    <span>{formatMoney(order.total, order.attributes)}</span>
                  </li>
                ),
            )}
          </ol>
        </>
      )}
    </article>
  );
}
