import { ClientError, GraphQLClient } from 'graphql-request';
import { graphql } from './gql/index.ts';
import { refetchOrder } from './refetch.ts';
import { revenueByCountry } from './revenue.ts';

/** A server script: queries, a mutation, and error handling. */
const client = new GraphQLClient(process.env.GATEWAY_URL ?? 'http://localhost:4000/graphql', {
  // AUTH_MODE=managed needs a token, AUTH_MODE=passthrough an API key.
  headers: {
    ...(process.env.GATEWAY_TOKEN && { authorization: `Bearer ${process.env.GATEWAY_TOKEN}` }),
    ...(process.env.GATEWAY_KEY && { 'x-apikey': process.env.GATEWAY_KEY }),
  },
  // A failed record makes one field null: use the other data, and check the errors.
  errorPolicy: 'all',
});

const Rename = graphql(/* GraphQL */ `
  mutation Rename($input: ProfileInput!) {
    updateProfile(input: $input) {
      profile {
        name
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`);

try {
  const revenue = await revenueByCountry(client, 300);
  for (const [country, total] of revenue) console.log(`${country}\t${total.toFixed(2)}`);

  await refetchOrder(client, '3001');

  // Input problems are not errors: they are in the payload.
  const { updateProfile } = await client.request(Rename, {
    input: { profileId: 'nobody', source: 'Webshop', name: 'Nobody' },
  });
  for (const { code, message } of updateProfile?.userErrors ?? []) console.log(`not renamed: ${code}: ${message}`);
} catch (error) {
  // The gateway refused the whole request: 401, 403, 429, or an invalid document.
  if (!(error instanceof ClientError)) throw error;
  for (const { message, extensions } of error.response.errors ?? []) console.error(`${extensions.code}: ${message}`);
  process.exitCode = 1;
}
