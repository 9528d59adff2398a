import type { ProductCardFragment } from './gql/graphql.ts';
import { graphql } from './gql/index.ts';

graphql(/* GraphQL */ `
  fragment ProductCard on Content {
    id
    contentId
    name
    attributes
    createdAt
  }
`);

/** A product. It declares the fields that it shows; their type comes from the fragment. */
export function ProductCard({ product }: { product: ProductCardFragment }) {
  const price = Number(product.attributes?.price);
  return (
    <li>
      <strong>{product.name ?? product.contentId}</strong>
      <small>
        #{product.contentId} {product.createdAt && `· since ${product.createdAt.slice(0, 10)}`}
      </small>
      <b>{Number.isFinite(price) ? `€ ${price.toFixed(2)}` : 'No price'}</b>
    </li>
  );
}
