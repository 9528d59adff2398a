import { createServer, type Server } from 'node:http';
import { type AddressInfo, Server as NetServer } from 'node:net';
import { Backlog } from './backlog.ts';
import { ClientGone, createReadBody } from './body.ts';
import { Connections } from './connections.ts';
import { responsesWithin } from './responses.ts';
import { type RouteOptions, route } from './routes.ts';
import { sendError } from './send.ts';

export interface ServerOptions extends RouteOptions {
  readonly host: string;
  readonly port: number;
  /** Open at once; beyond that one is closed at once: each costs memory, whatever it sends. */
  readonly maxConnections: number;
  /** Bytes of all answers that clients have not read, and of all bodies that they have not finished. */
  readonly maxWaitingBytes: number;
}

export interface GatewayServer {
  /** `http://host:port`, as a browser on this machine reaches it. */
  readonly url: string;
  /**
   * Takes no more connections, and lets requests under way finish for at most `graceMs`. Open connections are told to go
   * elsewhere with the answer to their next request, for which they have `lingerMs`: closed at once, they would lose one
   * that is on its way.
   */
  close(graceMs: number, lingerMs: number): Promise<void>;
}

/** ms in which a client must have sent its headers, and its whole request. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** ms in which a client must read the next slice of its answer (128 KiB, or what is left). */
const STALL_MS = 20_000;
/** How often slow clients are looked for. */
const CHECK_INTERVAL_MS = 2_000;
/** Idle connections stay open longer than those of common balancers (60 s), so that it is never us who cut one off. */
const KEEP_ALIVE_MS = 65_000;
/** How often, while the server closes, connections are looked for that have become idle. */
const CLOSE_IDLE_MS = 50;
/** ms in which clients must have read their answers while the server closes: it exits within 5 s of SIGTERM. */
const CLOSE_READ_MS = 3_000;

/** Listens: node:http reads every request. */
export async function startServer(options: ServerOptions): Promise<GatewayServer> {
  let isClosing = false;
  const { maxWaitingBytes, metrics } = options;
  const unread = new Backlog(maxWaitingBytes, () => metrics.onDisconnect('unread'));
  const unfinished = new Backlog(maxWaitingBytes, () => metrics.onDisconnect('unfinished'));
  const readBody = createReadBody(options.maxBodyBytes, unfinished);
  const server = createServer({
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    ServerResponse: responsesWithin(unread),
  });
  const connections = new Connections(server, unread, (req, res) => {
    if (isClosing) res.shouldKeepAlive = false;
    route(options, readBody, req, res).catch((error) => {
      if (error instanceof ClientGone) return;
      options.reportUnexpected(error);
      if (res.headersSent) res.destroy();
      else sendError(res, error, req.headers);
    });
  });
  const stalls = setInterval(() => unread.disconnectStalled(STALL_MS), CHECK_INTERVAL_MS).unref();
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = options.maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  const host = ['0.0.0.0', '::'].includes(options.host) ? 'localhost' : options.host;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async close(graceMs, lingerMs) {
      isClosing = true;
      await closeServer(server, connections, graceMs, lingerMs);
      clearInterval(stalls);
    },
  };
}

function closeServer(server: Server, connections: Connections, graceMs: number, lingerMs: number): Promise<void> {
  const lingerUntil = performance.now() + lingerMs;
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), lingerMs + graceMs);
    // Clients keep a connection open that is busy now, once it has its answer.
    const closeIdle = (): void => {
      if (performance.now() >= lingerUntil) connections.closeIdle(lingerUntil, CLOSE_READ_MS);
    };
    const idle = setInterval(closeIdle, CLOSE_IDLE_MS);
    // The close of `net`: that of `http` would cut idle connections off at once.
    NetServer.prototype.close.call(server, () => {
      clearTimeout(timer);
      clearInterval(idle);
      // Stops its watch over slow clients.
      server.close();
      resolve();
    });
    closeIdle();
  });
}
