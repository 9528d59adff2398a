import type { GraphQLClient } from 'graphql-request';
import type { OrdersQuery } from './gql/graphql.ts';
import { graphql } from './gql/index.ts';

const Orders = graphql(/* GraphQL */ `
  query Orders($first: Int!, $after: String) {
    conversions(first: $first, after: $after) {
      nodes {
        total
        profile {
          country
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/**
 * The revenue of the newest orders, by the customer's country.
 *
 * @param count number of orders, read in pages of 100
 */
export async function revenueByCountry(client: GraphQLClient, count: number): Promise<Map<string, number>> {
  const sums = new Map<string, number>();
  let after: string | null = null;
  for (let left = count; left > 0; left -= 100) {
    const { conversions }: OrdersQuery = await client.request(Orders, { first: Math.min(left, 100), after });
    for (const order of conversions?.nodes ?? []) {
      const country = order?.profile?.country ?? 'unknown';
      sums.set(country, (sums.get(country) ?? 0) + (order?.total ?? 0));
    }
    if (!conversions?.pageInfo.hasNextPage) break;
    after = conversions.pageInfo.endCursor ?? null;
  }
  return new Map([...sums].sort(([, a], [, b]) => b - a));
}
