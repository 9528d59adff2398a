/** The part of the gateway's schema that the workloads use, for schema-first peers. */
export const typeDefs = /* GraphQL */ `
  type Query {
    profile(profileId: ID!, source: String): Profile
    conversions(first: Int): ConversionConnection
  }
  type Profile {
    profileId: ID!
    name: String
    email: String
    country: String
  }
  type ConversionConnection {
    nodes: [Conversion]!
  }
  type Conversion {
    conversionId: ID!
    total: Float
    items: [ConversionItem!]!
    profile(source: String): Profile
  }
  type ConversionItem {
    itemId: ID
    name: String
    price: Float
    quantity: Float
  }
`;
