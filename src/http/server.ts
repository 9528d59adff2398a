import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, Server as NetServer } from 'node:net';
import { type Outcome, outcomeOfError, refused } from '../graph/pipeline.ts';
import type { Cors } from './cors.ts';
import type { Graphiql } from './graphiql.ts';
import { PAGE_POLICY, SECURITY_HEADERS } from './headers.ts';
import type { Readiness } from './health.ts';
import type { Load } from './load.ts';
import type { McpHandler } from './mcp.ts';
import type { Metrics } from './metrics.ts';
import type { RequestHead, RunOperation } from './operations.ts';
import { readJsonBody } from './params.ts';
import { requestIdOf } from './request-id.ts';
import { respond } from './respond.ts';
import type { FetchHandler } from './yoga.ts';

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly maxBodyBytes: number;
  /** Open at once; beyond that one is closed at once: each costs memory, whatever it sends. */
  readonly maxConnections: number;
  /** Where GraphQL is served, by path. */
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  /** Whether a POST of JSON skips Yoga; the answers are the same either way. */
  readonly hotPath: boolean;
  readonly graphiql: Graphiql;
  readonly readiness: Readiness;
  readonly load: Load;
  readonly metrics: Metrics;
  readonly cors: Cors;
  /** Undefined: there is no such endpoint. */
  readonly mcp: McpHandler | undefined;
  readonly reportUnexpected: (error: unknown) => void;
}

/** One schema over HTTP. */
export interface Endpoint {
  readonly runOperation: RunOperation;
  readonly yoga: FetchHandler;
  /** Whether people use it too: with GraphiQL, and from the pages of other origins where that is configured. */
  readonly forBrowsers: boolean;
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

/** node:http in front: which path, which method, how large; GraphQL itself goes on to the handler. */
export async function startServer(options: ServerOptions): Promise<GatewayServer> {
  let isClosing = false;
  const server = createServer({ connectionsCheckingInterval: CHECK_INTERVAL_MS }, (req, res) => {
    if (isClosing) res.shouldKeepAlive = false;
    route(options, req, res).catch((error) => {
      options.reportUnexpected(error);
      if (!res.headersSent)
        sendGraphql(
          req,
          res,
          outcomeOfError(error, () => undefined),
        );
      else res.destroy();
    });
  });
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
    close(graceMs, lingerMs) {
      isClosing = true;
      return closeServer(server, graceMs, lingerMs);
    },
  };
}

const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': PAGE_POLICY,
  'cache-control': 'no-cache',
  vary: 'accept',
};

async function route(options: ServerOptions, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const target = req.url ?? '/';
  const question = target.indexOf('?');
  const path = question === -1 ? target : target.slice(0, question);
  const endpoint = options.endpoints[path];
  if (endpoint) return graphql(options, endpoint, target, req, res);
  if (path === '/mcp' && options.mcp) return options.mcp(req, res, () => readBody(req, options.maxBodyBytes));
  if (req.method !== 'GET' && req.method !== 'HEAD')
    return sendText(res, 405, 'Method not allowed.\n', { allow: 'GET' });
  switch (path) {
    case '/health':
      return sendText(res, 200, 'ok\n');
    case '/ready': {
      const problem = options.readiness.problem();
      return problem === null ? sendText(res, 200, 'ready\n') : sendText(res, 503, `not ready: ${problem}\n`);
    }
    case '/metrics':
      return send(res, 200, { 'content-type': options.metrics.contentType }, await options.metrics.text());
    case '/':
      return sendText(res, 302, 'GraphQL is at /graphql.\n', { location: '/graphql' });
  }
  if (path.startsWith('/graphiql/')) {
    if (await options.graphiql.send(path.slice('/graphiql/'.length), req, res)) return;
  }
  sendText(res, 404, 'Not found. GraphQL is at /graphql.\n');
}

function graphql(
  options: ServerOptions,
  endpoint: Endpoint,
  target: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> | void {
  // From here on it is the id that goes through log, spans and REST calls, and back to the client.
  req.headers['x-request-id'] = requestIdOf(req.headers);
  if (options.cors.enabled && endpoint.forBrowsers) {
    for (const [name, value] of Object.entries(options.cors.headers(req.headers))) res.setHeader(name, value);
  }
  if (req.method === 'OPTIONS') {
    const preflight = endpoint.forBrowsers ? options.cors.preflight(req.headers) : {};
    return send(res, 204, { allow: 'GET, POST', ...preflight }, '');
  }
  if (req.method !== 'GET' && req.method !== 'POST') {
    return sendGraphql(
      req,
      res,
      refused(405, 'BAD_REQUEST', 'GraphQL needs POST, or GET for queries.', { allow: 'GET, POST' }),
    );
  }
  if (req.method === 'GET' && endpoint.forBrowsers && prefersHtml(req.headers.accept)) {
    return send(res, 200, PAGE_HEADERS, options.graphiql.page);
  }
  if (!options.load.accepts()) {
    // Read nothing more of it: the answer costs less than the request would.
    return sendGraphql(
      req,
      res,
      refused(503, 'UPSTREAM_UNAVAILABLE', 'The gateway has more to do than it can.', { 'retry-after': '1' }),
    );
  }
  return operate(options, endpoint, target, req, res, req.method);
}

/** A request that was let in. */
async function operate(
  options: ServerOptions,
  endpoint: Endpoint,
  target: string,
  req: IncomingMessage,
  res: ServerResponse,
  method: 'GET' | 'POST',
): Promise<void> {
  const head = new Head(method, req, res);
  if (method === 'GET') return viaFetch(options, endpoint, target, head, null, res);

  if (!isJson(req.headers['content-type'])) {
    const message = 'The content type must be application/json.';
    return sendGraphql(req, res, refused(415, 'BAD_REQUEST', message, { 'accept-post': 'application/json' }));
  }
  if (req.headers['content-encoding'] !== undefined && req.headers['content-encoding'] !== 'identity') {
    return sendGraphql(req, res, refused(415, 'BAD_REQUEST', 'A compressed body is not supported.'));
  }
  const body = await readBody(req, options.maxBodyBytes);
  if (body === null) {
    const message = `The body is larger than ${options.maxBodyBytes} bytes (MAX_BODY_BYTES).`;
    return sendGraphql(req, res, refused(413, 'BAD_REQUEST', message, { connection: 'close' }));
  }
  if (!options.hotPath) return viaFetch(options, endpoint, target, head, body, res);
  // The hot path: a POST of JSON goes straight to the pipeline, and its answer straight to the socket.
  options.load.begin();
  let outcome: Outcome;
  try {
    outcome = await endpoint.runOperation(head, () => readJsonBody(body));
  } finally {
    options.load.end();
  }
  sendGraphql(req, res, outcome);
}

/** A request as operations see it. */
class Head implements RequestHead {
  readonly method: 'GET' | 'POST';
  readonly headers: IncomingHttpHeaders;
  readonly #res: ServerResponse;

  constructor(method: 'GET' | 'POST', { headers }: IncomingMessage, res: ServerResponse) {
    this.method = method;
    this.headers = headers;
    this.#res = res;
  }

  isGone(): boolean {
    return this.#res.closed;
  }

  onDisconnect(callback: () => void): () => void {
    this.#res.once('close', callback);
    return () => this.#res.off('close', callback);
  }
}

/** The long way, through the Fetch API and Yoga: for everything but a POST of JSON. */
async function viaFetch(
  options: ServerOptions,
  endpoint: Endpoint,
  target: string,
  head: RequestHead,
  body: Buffer | null,
  res: ServerResponse,
): Promise<void> {
  const { accept } = head.headers;
  const question = target.indexOf('?');
  const request = new Request(`http://gateway/graphql${question === -1 ? '' : target.slice(question)}`, {
    method: head.method,
    ...(accept !== undefined && { headers: { accept } }),
    ...(body && { body: new Uint8Array(body) }),
  });
  options.load.begin();
  const response = await endpoint.yoga(request, head).finally(() => options.load.end());
  const id = head.headers['x-request-id'] as string;
  const headers: Record<string, string> = { ...Object.fromEntries(response.headers), 'x-request-id': id };
  const varyBy = [res.getHeader('vary'), headers.vary].filter((value) => value !== undefined);
  if (varyBy.length > 0) headers.vary = varyBy.join(', ');
  send(res, response.status, headers, Buffer.from(await response.arrayBuffer()));
}

/** A browser opening the page asks for HTML before all else; GraphQL clients never name it. */
function prefersHtml(accept: string | undefined): boolean {
  return accept?.includes('text/html') ?? false;
}

function isJson(contentType: string | undefined): boolean {
  if (contentType === 'application/json') return true;
  const [type, ...parameters] = (contentType ?? '').toLowerCase().split(';');
  if (type?.trim() !== 'application/json') return false;
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='));
  return charset === undefined || /^charset="?utf-?8"?$/.test(charset);
}

/** The whole body, or null when it is larger than allowed: then the rest is not read. */
async function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) return null;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else {
        req.pause();
        resolve(null);
      }
    });
    req.on('end', () => resolve(Buffer.concat(chunks)));
    req.on('error', reject);
  });
}

/** Answers with GraphQL: one flat list of headers, so that node has nothing to take apart. */
function sendGraphql(req: IncomingMessage, res: ServerResponse, outcome: Parameters<typeof respond>[0]): void {
  const { status, headers, body } = respond(outcome, req.headers.accept);
  const length = Buffer.byteLength(body);
  const id = req.headers['x-request-id'] as string;
  res.writeHead(status, [
    ...headers,
    'x-request-id',
    id,
    'x-content-type-options',
    'nosniff',
    'content-length',
    String(length),
  ]);
  // Nothing but ASCII is the same in Latin-1, which needs no conversion on its way out.
  res.end(body, length === body.length ? 'latin1' : 'utf8');
}

function sendText(res: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  send(res, status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...headers }, text);
}

function send(res: ServerResponse, status: number, headers: Record<string, string>, body: string | Uint8Array): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  res.writeHead(status, {
    ...SECURITY_HEADERS,
    ...headers,
    ...(status !== 204 && status !== 304 && { 'content-length': length }),
  });
  res.end(body);
}

function closeServer(server: Server, graceMs: number, lingerMs: number): Promise<void> {
  const lingerUntil = performance.now() + lingerMs;
  return new Promise((resolve) => {
    const linger = setTimeout(() => server.closeIdleConnections(), lingerMs);
    const timer = setTimeout(() => server.closeAllConnections(), lingerMs + graceMs);
    // What is busy now is kept open by its client once it is answered.
    const idle = setInterval(() => {
      if (performance.now() >= lingerUntil) server.closeIdleConnections();
    }, CLOSE_IDLE_MS);
    // The close of `net`: that of `http` would cut idle connections off at once.
    NetServer.prototype.close.call(server, () => {
      clearTimeout(linger);
      clearTimeout(timer);
      clearInterval(idle);
      // Stops its watch over slow clients.
      server.close();
      resolve();
    });
    if (lingerMs === 0) server.closeIdleConnections();
  });
}
