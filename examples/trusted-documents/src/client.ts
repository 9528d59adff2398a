import { GraphQLClient } from 'graphql-request';
import type { TypedDocumentString } from './gql/graphql.ts';

/** graphql-request has no option for document ids. It gets an id in place of the text, and this sends it as `documentId`. */
const client = new GraphQLClient(process.env.GATEWAY_URL ?? 'http://localhost:4000/graphql', {
  jsonSerializer: {
    parse: JSON.parse,
    stringify: ({ query: documentId, ...rest }) => JSON.stringify({ documentId, ...rest }),
  },
});

/**
 * Runs a published document: the request contains its id, never its text.
 *
 * @throws ClientError for an operation that the gateway refuses, or an answer with errors
 */
export function run<Result, Variables extends object>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const id: unknown = document.__meta__?.hash;
  return client.request<Result>(String(id), variables);
}
