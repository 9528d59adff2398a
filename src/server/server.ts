import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer } from 'node:net';
import { Backlog } from './backlog.ts';
import { ClientGone, createReadBody } from './body.ts';
import { handleInTurn } from './connections.ts';
import { createRoute, type RouteOptions } from './routes.ts';
import { sendError } from './send.ts';
import { responsesWithin } from './sliced-response.ts';

export interface ServerOptions extends RouteOptions {
  readonly host: string;
  readonly port: number;
  /** Connections open at once. The server closes further ones immediately: each costs memory, whatever it sends. */
  readonly maxConnections: number;
  /** Bytes of all answers that clients have not read, and of all bodies that they have not finished. */
  readonly maxWaitingBytes: number;
}

/** ms in which a client must have sent its headers, and its whole request. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** ms in which a client must read the next slice of its answer (128 KiB, or what is left). */
const STALL_MS = 20_000;
const CHECK_INTERVAL_MS = 2_000;
/** Longer than the idle time-out of common load balancers (60 s), so that the balancer closes idle connections first. */
const KEEP_ALIVE_MS = 65_000;
const CLOSE_IDLE_MS = 50;
/** ms in which clients must have read their answers while the server closes: it exits within 5 s of SIGTERM. */
const CLOSE_READ_MS = 3_000;

export async function startServer(options: ServerOptions) {
  let isClosing = false;
  const { maxWaitingBytes, metrics } = options;
  const unread = new Backlog(maxWaitingBytes, () => metrics.onDisconnect('unread'));
  const unfinished = new Backlog(maxWaitingBytes, () => metrics.onDisconnect('unfinished'));
  const route = createRoute(options, createReadBody(options.maxBodyBytes, unfinished));
  const server = createServer({
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    ServerResponse: responsesWithin(unread),
  });
  const handle = (req: IncomingMessage, res: ServerResponse): void => {
    if (isClosing) res.shouldKeepAlive = false;
    route(req, res).catch((error) => {
      if (error instanceof ClientGone) return;
      options.reportUnexpected(error);
      if (res.headersSent) res.destroy();
      else sendError(res, error);
    });
  };
  const connections = handleInTurn(server, unread, handle, options.recordRefusal);
  const stalls = setInterval(() => unread.disconnectStalled(STALL_MS), CHECK_INTERVAL_MS).unref();
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = options.maxConnections;
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = ['0.0.0.0', '::'].includes(options.host) ? 'localhost' : options.host;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    /**
     * Accepts no more connections, and gives running requests `graceMs` to finish. Open connections stay open for
     * `lingerMs`: a request may already be on its way, and its answer says `connection: close`.
     */
    async close(graceMs: number, lingerMs: number): Promise<void> {
      isClosing = true;
      const lingerUntil = performance.now() + lingerMs;
      const timer = setTimeout(() => server.closeAllConnections(), lingerMs + graceMs);
      // A connection that is busy now becomes idle after its answer, and clients keep it open.
      const closeIdle = (): void => {
        if (performance.now() >= lingerUntil) connections.closeIdle(lingerUntil, CLOSE_READ_MS);
      };
      const idle = setInterval(closeIdle, CLOSE_IDLE_MS);
      closeIdle();
      // `close` of `net`, since that of `http` closes idle connections immediately.
      await new Promise((resolve) => NetServer.prototype.close.call(server, resolve));
      // Stops the timer by which `http` checks its time-outs.
      server.close();
      for (const one of [timer, idle, stalls]) clearTimeout(one);
    },
  };
}
