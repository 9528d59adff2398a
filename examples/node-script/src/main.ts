import { ClientError, GraphQLClient } from 'graphql-request';
import { graphql } from './gql/index.ts';
import { refetchOrder } from './refetch.ts';
import { revenueByCountry } from './revenue.ts';

/** What a server asks of the gateway, and how it deals with what can go wrong. */
const client = new GraphQLClient(process.env.GATEWAY_URL ?? 'http://localhost:4000/graphql', {
  // AUTH_MODE=managed wants a token, AUTH_MODE=passthrough the API's own key.
  headers: {
    ...(process.env.GATEWAY_TOKEN && { authorization: `Bearer ${process.env.GATEWAY_TOKEN}` }),
    ...(process.env.GATEWAY_KEY && { 'x-apikey': process.env.GATEWAY_KEY }),
  },
  // One record's failure nulls one field: take the rest, and look at the errors beside it.
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

  // What the sender has to mend is no error: it stands in the payload.
  const { updateProfile } = await client.request(Rename, {
    input: { profileId: 'nobody', source: 'Webshop', name: 'Nobody' },
  });
  for (const { code, message } of updateProfile?.userErrors ?? []) console.log(`not renamed: ${code}: ${message}`);
} catch (error) {
  // The whole request was turned away: 401, 403, 429, a document that does not fit.
  if (!(error instanceof ClientError)) throw error;
  for (const { message, extensions } of error.response.errors ?? []) console.error(`${extensions.code}: ${message}`);
  process.exitCode = 1;
}
