import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { refused } from '../graph/outcome.ts';
import type { ReadBody } from './body.ts';
import type { Compress } from './compression.ts';
import type { Cors } from './cors.ts';
import type { Endpoint } from './endpoint.ts';
import type { Graphiql } from './graphiql.ts';
import { PAGE_POLICY } from './headers.ts';
import type { Readiness } from './health.ts';
import { type Load, overloaded } from './load.ts';
import type { McpHandler } from './mcp.ts';
import type { Metrics } from './metrics.ts';
import type { RequestHead } from './operations.ts';
import { readJsonBody } from './params.ts';
import { requestIdOf } from './request-id.ts';
import { send, sendCompressed, sendOutcome, sendText } from './send.ts';

export interface RouteOptions {
  readonly maxBodyBytes: number;
  /** Where GraphQL is served, by path. */
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  /** Whether a POST of JSON skips Yoga; the answers are the same either way. */
  readonly shortcut: boolean;
  readonly graphiql: Graphiql;
  readonly readiness: Readiness;
  readonly load: Load;
  readonly metrics: Metrics;
  readonly cors: Cors;
  /** Undefined: answers are not compressed. */
  readonly compress: Compress | undefined;
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
export async function route(
  options: RouteOptions,
  readBody: ReadBody,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { path, search } = readTarget(req.url ?? '/');
  const endpoint = Object.hasOwn(options.endpoints, path) ? options.endpoints[path] : undefined;
  if (endpoint) return graphql(options, endpoint, readBody, search, req, res);
  if (path === '/mcp' && options.mcp) return options.mcp(req, res, () => readBody(req));
  const file = path.startsWith('/graphiql/') ? path.slice('/graphiql/'.length) : undefined;
  if (file === undefined ? !PAGES.has(path) : !options.graphiql.has(file))
    return sendText(res, 404, 'Not found. GraphQL is at /graphql.\n');
  if (req.method !== 'GET' && req.method !== 'HEAD')
    return sendText(res, 405, 'Method not allowed.\n', { allow: 'GET' });
  if (file !== undefined) return options.graphiql.send(file, req, res);
  switch (path) {
    case '/ready': {
      const problem = options.readiness.problem();
      return problem === null ? sendText(res, 200, 'ready\n') : sendText(res, 503, `not ready: ${problem}\n`);
    }
    case '/metrics':
      return send(res, 200, { 'content-type': options.metrics.contentType }, await options.metrics.text());
    case '/':
      return sendText(res, 302, 'GraphQL is at /graphql.\n', { location: '/graphql' });
    default:
      return sendText(res, 200, 'ok\n');
  }
}

const PAGES = new Set(['/', '/health', '/ready', '/metrics']);

/**
 * Splits a request's target. A target in absolute form (https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2) counts as its
 * path, and one slash after an endpoint's path counts as none.
 */
function readTarget(target: string): { path: string; search: string } {
  const own = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?]*/i, '');
  const question = own.indexOf('?');
  const path = question === -1 ? own : own.slice(0, question);
  const search = question === -1 ? '' : own.slice(question);
  return { path: path === '/graphql/' || path === '/subgraph/' ? path.slice(0, -1) : path || '/', search };
}

function graphql(
  options: RouteOptions,
  endpoint: Endpoint,
  readBody: ReadBody,
  search: string,
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
    const message = 'GraphQL needs POST, or GET for queries.';
    return sendOutcome(res, refused(405, 'BAD_REQUEST', message, { allow: 'GET, POST' }), req.headers);
  }
  if (req.method === 'GET' && endpoint.forBrowsers && prefersHtml(req.headers.accept)) {
    return send(res, 200, PAGE_HEADERS, options.graphiql.page);
  }
  // Refused before anything of it is read: that costs less than the request would.
  if (!options.load.accepts()) return sendOutcome(res, overloaded(), req.headers);
  const head = new Head(req.method, req, res);
  return req.method === 'GET'
    ? viaYoga(options, endpoint, search, head, null, res)
    : post(options, endpoint, readBody, search, head, req, res);
}

/** A POST that was let in. */
async function post(
  options: RouteOptions,
  endpoint: Endpoint,
  readBody: ReadBody,
  search: string,
  head: RequestHead,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  if (!isJson(req.headers['content-type'])) {
    const message = 'The content type must be application/json.';
    const outcome = refused(415, 'BAD_REQUEST', message, { 'accept-post': 'application/json' });
    return sendOutcome(res, outcome, req.headers);
  }
  if (isCompressed(req.headers['content-encoding'])) {
    return sendOutcome(res, refused(415, 'BAD_REQUEST', 'A compressed body is not supported.'), req.headers);
  }
  const body = await readBody(req);
  if (body === null) {
    const message = `The body is larger than ${options.maxBodyBytes} bytes (MAX_BODY_BYTES), or comes in too many pieces.`;
    return sendOutcome(res, refused(413, 'BAD_REQUEST', message, { connection: 'close' }), req.headers);
  }
  if (!options.shortcut) return viaYoga(options, endpoint, search, head, body, res);
  options.load.begin();
  const outcome = await endpoint.runOperation(head, () => readJsonBody(body)).finally(() => options.load.end());
  return sendCompressed(res, outcome, req.headers, options.compress);
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

/** The way through the Fetch API and Yoga, for everything but a POST of JSON. */
async function viaYoga(
  options: RouteOptions,
  endpoint: Endpoint,
  search: string,
  head: RequestHead,
  body: Buffer | null,
  res: ServerResponse,
): Promise<void> {
  const { accept } = head.headers;
  const request = new Request(`http://gateway/graphql${search}`, {
    method: head.method,
    ...(accept !== undefined && { headers: { accept } }),
    ...(body && { body: new Uint8Array(body) }),
  });
  options.load.begin();
  const response = await endpoint.yoga(request, head).finally(() => options.load.end());
  const id = head.headers['x-request-id'] as string;
  const headers: Record<string, string> = { ...Object.fromEntries(response.headers), 'x-request-id': id };
  const varyBy = [res.getHeader('vary'), headers.vary, options.compress && 'accept-encoding'].filter(Boolean);
  if (varyBy.length > 0) headers.vary = varyBy.join(', ');
  const text = await response.text();
  const compressed = await options.compress?.(text, head.headers['accept-encoding']);
  if (compressed) headers['content-encoding'] = compressed.encoding;
  send(res, response.status, headers, compressed?.body ?? text);
}

/** A browser opening the page asks for HTML before all else; GraphQL clients never name it. */
function prefersHtml(accept: string | undefined): boolean {
  return accept?.includes('text/html') ?? false;
}

/** Whether a body is JSON as it stands, as far as its headers say. */
function isJson(contentType: string | undefined): boolean {
  if (contentType === 'application/json') return true;
  const [type, ...parameters] = (contentType ?? '').toLowerCase().split(';');
  if (type?.trim() !== 'application/json') return false;
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='));
  return charset === undefined || /^charset="?utf-?8"?$/.test(charset);
}

/** Whether a body would have to be decompressed first, which is not supported. */
function isCompressed(contentEncoding: string | undefined): boolean {
  return contentEncoding !== undefined && contentEncoding !== 'identity';
}
