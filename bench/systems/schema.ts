/** The part of the gateway's schema that the workloads use, for schema-first peers. */
export const typeDefs = /* GraphQL */ `
  type Query {
    profile(profileId: ID!, source: String): Profile
    conversions(first: Int): ConversionConnection
  }
  type Profile {
    profileId: ID!
    source: String!
    name: String
    firstName: String
    lastName: String
    email: String
    country: String
    createdAt: String
    updatedAt: String
  }
  type ConversionConnection {
    nodes: [Conversion]!
  }
  type Conversion {
    conversionId: ID!
    source: String!
    profileId: ID
    email: String
    total: Float
    createdAt: String
    updatedAt: String
    items: [ConversionItem!]!
    profile(source: String): Profile
  }
  type ConversionItem {
    itemId: ID
    name: String
    price: Float
    quantity: Float
    total: Float
  }
`;
