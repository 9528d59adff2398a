import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { FORWARDED, type Secrets } from './compose.ts';
import type { Running } from './subgraph.ts';

/** Apollo Gateway on Apollo Server. */
export async function startRouter(supergraphSdl: string, port: number, secrets: Secrets): Promise<Running> {
  const gateway = new ApolloGateway({
    supergraphSdl,
    buildService: ({ url = '' }) =>
      new RemoteGraphQLDataSource({
        url,
        willSendRequest({ request, context }) {
          for (const [name, value] of Object.entries<string>(context.headers ?? {}))
            request.http?.headers.set(name, value);
          if (secrets.header) request.http?.headers.set('x-router-secret', secrets.header);
        },
      }),
  });
  const server = new ApolloServer({ gateway, stopOnTerminationSignals: false });
  const { url } = await startStandaloneServer(server, {
    listen: { port, host: '127.0.0.1' },
    context: async ({ req }) => ({
      headers: Object.fromEntries(
        FORWARDED.flatMap((name) => (typeof req.headers[name] === 'string' ? [[name, req.headers[name]]] : [])),
      ),
    }),
  });
  return { url, close: () => server.stop() };
}
