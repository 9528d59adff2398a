import { CombinedGraphQLErrors } from '@apollo/client';
import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import type { OrderDirection } from './gql/graphql.ts';
import { graphql } from './gql/index.ts';
import { ProductCard } from './ProductCard.tsx';

const ProductsDocument = graphql(/* GraphQL */ `
  query Products($first: Int!, $after: String, $direction: OrderDirection!) {
    contents(first: $first, after: $after, orderBy: { field: CREATED_AT, direction: $direction }) {
      totalCount
      edges {
        node {
          id
          ...ProductCard
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** The products, newest or oldest first. */
export function Products() {
  const [direction, setDirection] = useState<OrderDirection>('DESC');
  const variables = { first: 12, direction };
  const { data, error, loading, fetchMore, refetch } = useQuery(ProductsDocument, {
    variables,
    notifyOnNetworkStatusChange: true,
  });
  const products = data?.contents;
  return (
    <main aria-busy={loading}>
      <header>
        <h1>Products</h1>
        <label>
          Order{' '}
          <select value={direction} onChange={({ target }) => setDirection(target.value as OrderDirection)}>
            <option value="DESC">newest first</option>
            <option value="ASC">oldest first</option>
          </select>
        </label>
      </header>
      {error && (
        <p role="alert">
          {CombinedGraphQLErrors.is(error) ? 'The products cannot be read just now.' : 'The server cannot be reached.'}{' '}
          <button type="button" onClick={() => void refetch().catch(() => undefined)}>
            Try again
          </button>
        </p>
      )}
      {!products && loading && <p role="status">Loading…</p>}
      {products && (
        <>
          <ul>{products.edges.map(({ node }) => node && <ProductCard key={node.id} product={node} />)}</ul>
          <footer>
            {products.edges.length} of {products.totalCount}
            {products.pageInfo.hasNextPage && (
              <button
                type="button"
                disabled={loading}
                onClick={() => void fetchMore({ variables: { after: products.pageInfo.endCursor ?? null } })}
              >
                {loading ? 'Loading…' : 'Load more'}
              </button>
            )}
          </footer>
        </>
      )}
    </main>
  );
}
