import { useHive } from '@graphql-hive/yoga';

/**
 * Reports to GraphQL Hive which clients use which fields. Needs `npm install @graphql-hive/yoga` in the gateway's directory.
 *
 * HIVE_TOKEN is the access token of the target; HIVE_USAGE_ENDPOINT and HIVE_REGISTRY_ENDPOINT select a self-hosted Hive.
 *
 * @type {import('graphql-yoga').Plugin[]}
 */
export default [
  useHive({
    token: process.env.HIVE_TOKEN ?? '',
    usage: {
      clientInfo({ request }) {
        return {
          name: request.headers.get('apollographql-client-name') ?? 'unknown',
          version: request.headers.get('apollographql-client-version') ?? 'unknown',
        };
      },
    },
    ...(process.env.HIVE_USAGE_ENDPOINT && {
      selfHosting: {
        graphqlEndpoint: process.env.HIVE_REGISTRY_ENDPOINT ?? process.env.HIVE_USAGE_ENDPOINT,
        applicationUrl: process.env.HIVE_REGISTRY_ENDPOINT ?? process.env.HIVE_USAGE_ENDPOINT,
        usageEndpoint: process.env.HIVE_USAGE_ENDPOINT,
      },
    }),
  }),
];
