import { readFileSync } from 'node:fs';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { type GraphQLResolveInfo, parse } from 'graphql';

/** A server of this example. */
export interface Running {
  readonly url: string;
  close(): Promise<void>;
}

type Resolver = (parent: never, args: never, context: unknown, info: GraphQLResolveInfo) => unknown;
export type Resolvers = Record<
  string,
  Record<string, Resolver> & { __resolveReference?: (representation: never) => unknown }
>;

/** Serves `<name>.graphql` as a separate subgraph, with @apollo/subgraph on Apollo Server. */
export async function startSubgraph(name: string, port: number, resolvers: Resolvers): Promise<Running> {
  const typeDefs = parse(readFileSync(new URL(`${name}.graphql`, import.meta.url), 'utf8'));
  const server = new ApolloServer({
    schema: buildSubgraphSchema([{ typeDefs, resolvers: resolvers as never }]),
    plugins: [ApolloServerPluginInlineTraceDisabled()],
    stopOnTerminationSignals: false,
  });
  const { url } = await startStandaloneServer(server, { listen: { port, host: '127.0.0.1' } });
  return { url, close: () => server.stop() };
}
