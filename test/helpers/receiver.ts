import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The body as it came over the wire. */
  readonly text: string;
  readonly status: number;
}

/** A cache outside the gateway that receives invalidations. */
export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

export async function startReceiver() {
  const server = createServer(async (req, res) => {
    let text = '';
    for await (const chunk of req) text += chunk;
    const request = { path: `${req.method} ${req.url}`, headers: req.headers, text };
    const status = receiver.answer(request);
    if (status === undefined) return;
    receiver.received.push({ ...request, status });
    res.writeHead(status, { 'content-type': 'application/json', location: '/elsewhere' }).end('{"count":1}');
  });
  let port = 0;
  const start = async (): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  };
  await start();
  const receiver = {
    origin: `http://127.0.0.1:${port}`,
    received: [] as Received[],
    /** Status for each request from now on; undefined never answers. */
    answer: (_request: Omit<Received, 'status'>): number | undefined => 202,
    /** Listens again on the same port. */
    start,
    /** Stops listening, and breaks open connections. */
    async stop(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}

/**
 * Answers as Apollo Router 2.10 does: 401 without its key, 400 for what it cannot read, otherwise 202.
 * @returns status, and the cache tags that it removes
 */
export function asApolloRouter(key: string, { path, headers, text }: Omit<Received, 'status'>): number {
  if (path !== 'POST /invalidation') return 404;
  if (headers.authorization !== key) return 401;
  const requests = JSON.parse(text) as unknown;
  const isValid =
    Array.isArray(requests) &&
    requests.every(
      ({ kind, subgraphs, cache_tag: tag, ...rest }) =>
        kind === 'cache_tag' &&
        Array.isArray(subgraphs) &&
        subgraphs.every((name) => name === 'datatrics') &&
        typeof tag === 'string' &&
        Object.keys(rest).length === 0,
    );
  return isValid && headers['content-type'] === 'application/json' ? 202 : 400;
}

/** The cache tags of each accepted request to a router. */
export function tagsOf({ received }: Receiver): string[][] {
  return received
    .filter(({ status }) => status === 202)
    .map(({ text }) => (JSON.parse(text) as { cache_tag: string }[]).map(({ cache_tag }) => cache_tag));
}
