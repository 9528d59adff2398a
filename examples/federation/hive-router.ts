import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGatewayRuntime } from '@graphql-hive/gateway';
import { FORWARDED, type Secrets } from './compose.ts';
import type { Running } from './subgraph.ts';

/** Hive Gateway. */
export async function startRouter(supergraph: string, port: number, secrets: Secrets): Promise<Running> {
  const gateway = createGatewayRuntime({
    supergraph,
    logging: 'error',
    graphqlEndpoint: '/',
    propagateHeaders: {
      fromClientToSubgraphs({ request }) {
        const headers: Record<string, string> = {};
        for (const name of FORWARDED) {
          const value = request.headers.get(name);
          if (value !== null) headers[name] = value;
        }
        return { ...headers, ...(secrets.header && { 'x-router-secret': secrets.header }) };
      },
    },
    ...(secrets.hmac && { hmacSignature: { secret: secrets.hmac } }),
  });
  const server = createServer((req, res) => gateway(req, res));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      server.close();
      await gateway.dispose();
    },
  };
}
