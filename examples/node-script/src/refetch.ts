import type { GraphQLClient } from 'graphql-request';
import { graphql } from './gql/index.ts';

const Order = graphql(/* GraphQL */ `
  query Order($conversionId: ID!) {
    conversion(conversionId: $conversionId) {
      ...OrderTotal
      profile {
        id
      }
    }
  }

  fragment OrderTotal on Conversion {
    id
    total
  }
`);

const Refetch = graphql(/* GraphQL */ `
  query Refetch($id: ID!) {
    node(id: $id) {
      __typename
      ...OrderTotal
    }
  }
`);

const RefetchAll = graphql(/* GraphQL */ `
  query RefetchAll($ids: [ID!]!) {
    nodes(ids: $ids) {
      __typename
      id
      ... on Profile {
        name
      }
      ... on Conversion {
        total
      }
    }
  }
`);

/** Reads an order by its source id, and then by its global `id`, as Relay does. */
export async function refetchOrder(client: GraphQLClient, conversionId: string): Promise<void> {
  const { conversion } = await client.request(Order, { conversionId });
  if (!conversion) return console.log(`there is no order ${conversionId}`);

  const { node } = await client.request(Refetch, { id: conversion.id });
  if (node?.__typename === 'Conversion') console.log(`order ${conversionId}, again: ${node.total}`);

  const ids = [conversion.id, ...(conversion.profile ? [conversion.profile.id] : [])];
  const { nodes } = await client.request(RefetchAll, { ids });
  console.log(`by ids: ${nodes.map((record) => record?.__typename).join(', ')}`);
}
