import Fastify from 'fastify';
import mercurius from 'mercurius';
import {
  type ConversionRow,
  getConversions,
  getProfile,
  type ItemRow,
  isoTime,
  PORT,
  type ProfileRow,
  stopOnSignal,
} from './rest.ts';
import { typeDefs } from './schema.ts';

/** Mercurius with the settings that its documentation recommends for speed: JIT from the second request, and loaders. */
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
    Profile: {
      profileId: (it: ProfileRow) => it.profileid,
      firstName: (it: ProfileRow) => it.firstname,
      lastName: (it: ProfileRow) => it.lastname,
      createdAt: (it: ProfileRow) => isoTime(it.created),
      updatedAt: (it: ProfileRow) => isoTime(it.updated),
    },
    Conversion: {
      conversionId: (it: ConversionRow) => it.conversionid,
      profileId: (it: ConversionRow) => it.profileid,
      createdAt: (it: ConversionRow) => isoTime(it.created),
      updatedAt: (it: ConversionRow) => isoTime(it.updated),
    },
    ConversionItem: { itemId: (it: ItemRow) => it.itemid },
  },
  loaders: {
    Conversion: {
      // Mercurius deduplicates by the whole object, so the loader itself makes one call for each distinct profile.
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
