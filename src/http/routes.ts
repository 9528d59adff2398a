import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { type Outcome, refused } from '../graph/outcome.ts';
import type { Cors } from './cors.ts';
import type { Endpoint } from './endpoint.ts';
import type { Graphiql } from './graphiql.ts';
import { PAGE_POLICY, SECURITY_HEADERS } from './headers.ts';
import type { Readiness } from './health.ts';
import { answerOf, isCompressed, isJson, overloaded, runHot, type WholeAnswer } from './hot-path.ts';
import type { Load } from './load.ts';
import type { McpHandler } from './mcp.ts';
import type { Metrics } from './metrics.ts';
import type { RequestHead } from './operations.ts';
import { requestIdOf } from './request-id.ts';

export interface RouteOptions {
  readonly maxBodyBytes: number;
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

const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': PAGE_POLICY,
  'cache-control': 'no-cache',
  vary: 'accept',
};

/** Which path, which method, how large; GraphQL itself goes on to the endpoint. */
export async function route(options: RouteOptions, req: IncomingMessage, res: ServerResponse): Promise<void> {
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
  options: RouteOptions,
  endpoint: Endpoint,
  target: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> | void {
  // From here on it is the id that goes through log, spans and REST calls, and back to the client.
  req.headers['x-request-id'] = requestIdOf(req.headers);
  for (const [name, value] of Object.entries(options.cors.headers(req.headers, endpoint.forBrowsers))) {
    res.setHeader(name, value);
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
    return sendGraphql(req, res, overloaded());
  }
  return operate(options, endpoint, target, req, res, req.method);
}

/** A request that was let in. */
async function operate(
  options: RouteOptions,
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
  if (isCompressed(req.headers['content-encoding'])) {
    return sendGraphql(req, res, refused(415, 'BAD_REQUEST', 'A compressed body is not supported.'));
  }
  const body = await readBody(req, options.maxBodyBytes);
  if (body === null) {
    const message = `The body is larger than ${options.maxBodyBytes} bytes (MAX_BODY_BYTES).`;
    return sendGraphql(req, res, refused(413, 'BAD_REQUEST', message, { connection: 'close' }));
  }
  if (!options.hotPath) return viaFetch(options, endpoint, target, head, body, res);
  sendGraphql(req, res, await runHot(endpoint, options.load, head, body));
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
  options: RouteOptions,
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

/** Answers with GraphQL. */
function sendGraphql(req: IncomingMessage, res: ServerResponse, outcome: Outcome): void {
  sendAnswer(res, answerOf(outcome, req.headers));
}

/** One flat list of headers, so that node has nothing to take apart. */
export function sendAnswer(res: ServerResponse, { status, headers, body, encoding }: WholeAnswer): void {
  res.writeHead(status, [...headers]);
  res.end(body, encoding);
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
