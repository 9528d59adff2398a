import { GatewayError, run } from './client.ts';
import { graphql } from './gql/gql.ts';
import { TypedDocumentString } from './gql/graphql.ts';

const Product = graphql(/* GraphQL */ `
  query Product($contentId: ID!) {
    content(contentId: $contentId) {
      name
      url
    }
  }
`);

const { content } = await run(Product, { contentId: '2001' });
console.log(`published: ${content?.name}`);

/** A document that is not in the manifest. */
const strange = new TypedDocumentString<unknown, object>('query Strange { profiles { nodes { email } } }', {
  hash: '0'.repeat(40),
});
try {
  await run(strange, {});
} catch (error) {
  if (!(error instanceof GatewayError)) throw error;
  console.log(`not published: ${error.code}`);
}
