import { type Cache, cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { Client, fetchExchange } from 'urql';
import type { RenameMutationVariables } from './gql/graphql.ts';

/** A profile's key in the cache: what a mutation's input has too, so that it can be found before the API answers. */
const profileKey = ({ profileId, source }: { readonly [field: string]: unknown }) => `${source}/${profileId}`;

/** What the payload will be when all goes well. */
function expectRename({ input }: RenameMutationVariables, cache: Cache) {
  const { profileId, source, name = null } = input;
  const id = cache.resolve(`Profile:${profileKey(input)}`, 'id') as string;
  const profile = { __typename: 'Profile' as const, id, profileId, source, name };
  return { __typename: 'ProfilePayload' as const, profile, userErrors: [] };
}

/** urql with its normalized cache: a profile that is edited in one place changes in all. */
export const client = new Client({
  url: '/graphql',
  // Queries can go by GET too; POST keeps what they ask out of addresses and logs.
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
