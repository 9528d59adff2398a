import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, ServerError } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { RetryLink } from '@apollo/client/link/retry';
import { relayStylePagination } from '@apollo/client/utilities';

/** Retries what the gateway turns away before it does any work: 429 and 503. It waits as long as `Retry-After` says. */
const retries = new RetryLink({
  attempts: (count, _operation, error) => count < 5 && ServerError.is(error) && [429, 503].includes(error.statusCode),
  delay: (count, _operation, error) => {
    const seconds = ServerError.is(error) && Number(error.response.headers.get('retry-after'));
    return (seconds || count) * 1_000 * (1 + Math.random() / 4);
  },
});

/** Sends the hash of a query. The link sends the text once, when the gateway does not know the hash. */
const persistedQueries = new PersistedQueryLink({
  async sha256(text) {
    const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
    return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
  },
});

export const client = new ApolloClient({
  link: ApolloLink.from([retries, persistedQueries, new HttpLink({ uri: '/graphql' })]),
  cache: new InMemoryCache({
    typePolicies: {
      // One list for each order: the pages of a list are joined.
      Query: { fields: { contents: relayStylePagination(['orderBy']) } },
    },
  }),
});
