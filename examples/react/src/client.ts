import { type Cache, cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { Client, fetchExchange } from 'urql';
import type { RenameMutationVariables } from './gql/graphql.ts';

/** A profile's cache key. It consists of values in the mutation's input, so that the cache finds the profile before the answer. */
const profileKey = ({ profileId, source }: { readonly [field: string]: unknown }) => `${source}/${profileId}`;

/** The expected payload of a successful mutation. */
function expectRename({ input }: RenameMutationVariables, cache: Cache) {
  const { profileId, source, name = null } = input;
  const id = cache.resolve(`Profile:${profileKey(input)}`, 'id') as string;
  const profile = { __typename: 'Profile' as const, id, profileId, source, name };
  return { __typename: 'ProfilePayload' as const, profile, userErrors: [] };
}

/** urql with its normalized cache: an edited profile changes everywhere on the page. */
export const client = new Client({
  url: '/graphql',
  // Queries may use GET too. POST keeps their text out of URLs and logs.
  preferGetMethod: false,
  exchanges: [
    cacheExchange({
      keys: { Profile: profileKey, ConversionItem: () => null },
      resolvers: { Query: { conversions: relayPagination() } },
      optimistic: { updateProfile: (args, cache) => expectRename(args as RenameMutationVariables, cache) },
    }),
    fetchExchange,
  ],
});
