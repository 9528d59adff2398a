import Fastify from 'fastify';
import mercurius from 'mercurius';
import {
  type ConversionRow,
  getConversions,
  getProfile,
  type ItemRow,
  PORT,
  type ProfileRow,
  stopOnSignal,
} from './rest.ts';
import { typeDefs } from './schema.ts';

/** Mercurius as its documentation advises for speed: jit from the first repetition on, loaders for links. */
const app = Fastify();
app.register(mercurius, {
  schema: typeDefs,
  jit: 1,
  resolvers: {
    Query: {
      profile: (_: unknown, { profileId, source }: { profileId: string; source: string }) =>
        getProfile(profileId, source),
      conversions: async (_: unknown, { first }: { first: number }) => ({ nodes: (await getConversions(first)).items }),
    },
    Profile: { profileId: (it: ProfileRow) => it.profileid },
    Conversion: { conversionId: (it: ConversionRow) => it.conversionid },
    ConversionItem: { itemId: (it: ItemRow) => it.itemid },
  },
  loaders: {
    Conversion: {
      // A loader gets what differs by the whole object; one call for each distinct profile is up to it.
      profile: (queries: readonly { obj: ConversionRow; params: { source: string } }[]) => {
        const reads = new Map<string, Promise<ProfileRow>>();
        return Promise.all(
          queries.map(({ obj, params }) => {
            const key = `${params.source}/${obj.profileid}`;
            let read = reads.get(key);
            if (!read) {
              read = getProfile(obj.profileid, params.source);
              reads.set(key, read);
            }
            return read;
          }),
        );
      },
    },
  },
});
await app.listen({ port: PORT, host: '127.0.0.1' });
stopOnSignal();
