import { type DataSourceConfig, RESTDataSource } from '@apollo/datasource-rest';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { Agent, setGlobalDispatcher } from 'undici';
import {
  CONNECTIONS,
  type ConversionRow,
  conversionsPath,
  HEADERS,
  type ItemRow,
  isoTime,
  PORT,
  type ProfileRow,
  profilePath,
  stopOnSignal,
  UPSTREAM,
} from './rest.ts';
import { typeDefs } from './schema.ts';

/** Apollo Server with its REST data source, which reads each URL once per operation. */
class Datatrics extends RESTDataSource {
  override baseURL = UPSTREAM;

  profile(id: string, source: string): Promise<ProfileRow> {
    return this.get(profilePath(id, source), { headers: HEADERS });
  }

  conversions(first: number): Promise<{ items: ConversionRow[] }> {
    return this.get(conversionsPath(first), { headers: HEADERS });
  }
}

/** Node's fetch, which is faster here than Apollo's default node-fetch. */
type Fetcher = NonNullable<DataSourceConfig['fetch']>;

interface Context {
  readonly api: Datatrics;
}

setGlobalDispatcher(new Agent({ connections: CONNECTIONS }));
const server = new ApolloServer<Context>({
  typeDefs,
  resolvers: {
    Query: {
      profile: (_: unknown, { profileId, source }: { profileId: string; source: string }, { api }: Context) =>
        api.profile(profileId, source),
      conversions: async (_: unknown, { first }: { first: number }, { api }: Context) => ({
        nodes: (await api.conversions(first)).items,
      }),
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
      profile: (it: ConversionRow, { source }: { source: string }, { api }: Context) =>
        api.profile(it.profileid, source),
    },
    ConversionItem: { itemId: (it: ItemRow) => it.itemid },
  },
});
await startStandaloneServer(server, {
  listen: { port: PORT, host: '127.0.0.1' },
  context: async () => ({ api: new Datatrics({ fetch: fetch as unknown as Fetcher }) }),
});
stopOnSignal();
