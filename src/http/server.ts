import { createServer, type Server } from 'node:http';
import { type AddressInfo, Server as NetServer } from 'node:net';
import { HotConnections } from './hot-connections.ts';
import { answerOfError } from './hot-path.ts';
import { type RouteOptions, route, sendAnswer } from './routes.ts';

export interface ServerOptions extends RouteOptions {
  readonly host: string;
  readonly port: number;
  /** Open at once; beyond that one is closed at once: each costs memory, whatever it sends. */
  readonly maxConnections: number;
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
/** How often slow clients are looked for. */
const CHECK_INTERVAL_MS = 2_000;
/** Idle connections stay open longer than those of common balancers (60 s), so that it is never us who cut one off. */
const KEEP_ALIVE_MS = 65_000;
/** How often, while the server closes, connections are looked for that have become idle. */
const CLOSE_IDLE_MS = 50;

/** Listens: plain POSTs of JSON take the hot path from the socket on, everything else goes by node:http. */
export async function startServer(options: ServerOptions): Promise<GatewayServer> {
  let isClosing = false;
  const server = createServer({ connectionsCheckingInterval: CHECK_INTERVAL_MS }, (req, res) => {
    if (isClosing) res.shouldKeepAlive = false;
    route(options, req, res).catch((error) => {
      options.reportUnexpected(error);
      if (res.headersSent) res.destroy();
      else sendAnswer(res, answerOfError(error, req.headers));
    });
  });
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = options.maxConnections;
  const hot = options.hotPath
    ? new HotConnections(server, CHECK_INTERVAL_MS, {
        ...options,
        headersTimeoutMs: HEADERS_TIMEOUT_MS,
        requestTimeoutMs: REQUEST_TIMEOUT_MS,
        keepAliveMs: KEEP_ALIVE_MS,
        isClosing: () => isClosing,
      })
    : undefined;
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
    close(graceMs, lingerMs) {
      isClosing = true;
      return closeServer(server, hot, graceMs, lingerMs);
    },
  };
}

function closeServer(
  server: Server,
  hot: HotConnections | undefined,
  graceMs: number,
  lingerMs: number,
): Promise<void> {
  const lingerUntil = performance.now() + lingerMs;
  const closeIdle = (): void => {
    server.closeIdleConnections();
    hot?.closeIdle();
  };
  return new Promise((resolve) => {
    const linger = setTimeout(closeIdle, lingerMs);
    const timer = setTimeout(() => {
      server.closeAllConnections();
      hot?.closeAll();
    }, lingerMs + graceMs);
    // What is busy now is kept open by its client once it is answered.
    const idle = setInterval(() => {
      if (performance.now() >= lingerUntil) closeIdle();
    }, CLOSE_IDLE_MS);
    // The close of `net`: that of `http` would cut idle connections off at once.
    NetServer.prototype.close.call(server, () => {
      clearTimeout(linger);
      clearTimeout(timer);
      clearInterval(idle);
      hot?.stop();
      // Stops its watch over slow clients.
      server.close();
      resolve();
    });
    if (lingerMs === 0) closeIdle();
  });
}
