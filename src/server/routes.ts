import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Outcome, outcomeOfError, refused } from '../graph/outcome.ts';
import type { ReadBody } from './body.ts';
import type { Compress } from './compression.ts';
import type { Cors } from './cors.ts';
import type { Endpoint } from './endpoint.ts';
import { Engine } from './engine.ts';
import type { Graphiql } from './graphiql.ts';
import { type RequestParams, readJsonBody, readSearchParams } from './graphql-params.ts';
import { PAGE_POLICY, SECURITY_HEADERS } from './headers.ts';
import type { Readiness } from './health.ts';
import { type Load, overloaded } from './load-shedder.ts';
import type { Metrics } from './metrics.ts';
import type { RecordRefusal } from './refusals.ts';
import { RequestHead } from './request-head.ts';
import { requestIdOf } from './request-id.ts';
import { type HttpAnswer, respond } from './respond.ts';
import { send, sendAnswer, sendCompressed, sendResponse, sendText } from './send.ts';

/** Answers one request of an agent (`packages/mcp`); `readBody` gives null for a body that is too large. */
export type McpHandler = (
  req: IncomingMessage,
  res: ServerResponse,
  readBody: () => Promise<Buffer | null>,
) => Promise<void>;

export interface RouteOptions {
  readonly maxBodyBytes: number;
  /** Where GraphQL is served, by path. */
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  /** Whether a POST of JSON skips Yoga. Answers are the same both ways. */
  readonly shortcut: boolean;
  readonly graphiql: Graphiql;
  readonly readiness: Readiness;
  readonly load: Load;
  readonly metrics: Metrics;
  readonly cors: Cors;
  readonly compress: Compress | undefined;
  readonly mcp: McpHandler | undefined;
  readonly reportUnexpected: (error: unknown) => void;
  readonly recordRefusal: RecordRefusal;
}

const PAGE_HEADERS = {
  ...SECURITY_HEADERS,
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': PAGE_POLICY,
  'cache-control': 'no-cache',
  vary: 'accept',
};

/** Routes by path and method, and limits the body. GraphQL requests go on to their endpoint. */
export async function route(
  options: RouteOptions,
  readBody: ReadBody,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { path, search } = readTarget(req.url ?? '/');
  const endpoint = Object.hasOwn(options.endpoints, path) ? options.endpoints[path] : undefined;
  if (endpoint) return graphql(options, endpoint, readBody, search, req, res);
  if (path === '/mcp' && options.mcp) {
    await options.mcp(req, res, () => readBody(req));
    if (res.statusCode >= 400 && res.statusCode !== OVERLOADED) options.recordRefusal(res.statusCode, req);
    return;
  }
  const file = path.startsWith('/graphiql/') ? path.slice('/graphiql/'.length) : undefined;
  if (file === undefined ? !PAGES.has(path) : !options.graphiql.has(file)) {
    options.recordRefusal(404, req);
    return sendText(res, 404, 'Not found. GraphQL is at /graphql.\n');
  }
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    options.recordRefusal(405, req);
    return sendText(res, 405, 'Method not allowed.\n', { allow: 'GET' });
  }
  if (file !== undefined) return options.graphiql.send(file, req, res);
  const { registry } = options.metrics;
  switch (path) {
    case '/ready': {
      const problem = options.readiness.problem();
      return problem === null ? sendText(res, 200, 'ready\n') : sendText(res, 503, `not ready: ${problem}\n`);
    }
    case '/metrics':
      return send(res, 200, { 'content-type': registry.contentType }, await registry.metrics());
    case '/':
      // Relative, since a proxy may serve the gateway below another path.
      return sendText(res, 302, 'GraphQL is at /graphql.\n', { location: 'graphql' });
    default:
      return sendText(res, 200, 'ok\n');
  }
}

/** Counted by the load shedder. A line for each would add to the load. */
const OVERLOADED = 503;

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

async function graphql(
  options: RouteOptions,
  endpoint: Endpoint,
  readBody: ReadBody,
  search: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  // Log, spans, REST calls and the answer all use this id.
  req.headers['x-request-id'] = requestIdOf(req.headers);
  for (const [name, value] of Object.entries(options.cors.headers(req.headers, endpoint.forBrowsers))) {
    res.setHeader(name, value);
  }
  const early = answerWithoutOperation(options, endpoint, req);
  if (early) {
    if (early.status >= 400 && early.status !== OVERLOADED) options.recordRefusal(early.status, req);
    return answerEarly(options, endpoint, req, res, early);
  }
  const body = req.method === 'POST' ? await readBody(req) : null;
  if (body === null && req.method === 'POST') {
    const message = `The body is larger than ${options.maxBodyBytes} bytes (MAX_BODY_BYTES), or arrives in too many pieces.`;
    options.recordRefusal(413, req);
    const outcome = refused(413, 'BAD_REQUEST', message, { connection: 'close' });
    return answerEarly(options, endpoint, req, res, respond(outcome, req.headers.accept));
  }
  const readParams = () => (body === null ? readSearchParams(new URLSearchParams(search)) : readJsonBody(body));
  options.load.begin();
  try {
    await answerOperation(options, endpoint, req, res, body, readParams);
  } finally {
    options.load.end();
  }
}

/** The answer to a request without an operation, or to one that is refused before its body is read; otherwise undefined. */
function answerWithoutOperation(
  { cors, graphiql, load }: RouteOptions,
  { forBrowsers }: Endpoint,
  { method, headers, url = '' }: IncomingMessage,
): HttpAnswer | undefined {
  const refuse = (outcome: Outcome): HttpAnswer => respond(outcome, headers.accept);
  if (method === 'OPTIONS') {
    const preflight = forBrowsers ? cors.preflight(headers) : {};
    const all = { ...SECURITY_HEADERS, allow: 'GET, POST', ...preflight };
    return { status: 204, headers: Object.entries(all).flat(), body: '' };
  }
  if (method !== 'GET' && method !== 'POST') {
    const message = 'GraphQL needs POST, or GET for queries.';
    return refuse(refused(405, 'BAD_REQUEST', message, { allow: 'GET, POST' }));
  }
  if (method === 'GET' && forBrowsers && prefersHtml(headers.accept)) {
    return { status: 200, headers: Object.entries(PAGE_HEADERS).flat(), body: graphiql.page(url) };
  }
  if (method === 'GET' && cors.isForeign(headers)) {
    return refuse(refused(403, 'BAD_REQUEST', 'Pages of other origins may not send GET requests; see CORS_ORIGINS.'));
  }
  // Refused before anything of it is read: that costs less than the request would.
  if (!load.accepts()) return refuse(overloaded());
  if (method === 'GET') return undefined;
  if (!isJson(headers['content-type'])) {
    const message = 'The content type must be application/json.';
    return refuse(refused(415, 'BAD_REQUEST', message, { 'accept-post': 'application/json' }));
  }
  if (isCompressed(headers['content-encoding'])) {
    return refuse(refused(415, 'BAD_REQUEST', 'A compressed body is not supported.'));
  }
  return undefined;
}

/** Methods that the Fetch API does not have. */
const NO_FETCH_METHODS: readonly unknown[] = ['CONNECT', 'TRACE', 'TRACK'];

async function answerEarly(
  options: RouteOptions,
  endpoint: Endpoint,
  req: IncomingMessage,
  res: ServerResponse,
  answer: HttpAnswer,
): Promise<void> {
  if (!endpoint.hasPlugins || NO_FETCH_METHODS.includes(req.method)) return sendAnswer(res, answer, req.headers);
  const { yoga } = await endpoint.load();
  await sendResponse(res, await (await yoga()).fetch(req, res, null, answer), req.headers, options.compress);
}

async function answerOperation(
  options: RouteOptions,
  endpoint: Endpoint,
  req: IncomingMessage,
  res: ServerResponse,
  body: Buffer | null,
  readParams: () => RequestParams,
): Promise<void> {
  const { operations, yoga } = await endpoint.load();
  const head = new RequestHead(req.method === 'GET' ? 'GET' : 'POST', endpoint.path, req, res);
  const accepted = await operations.accept(head, readParams);
  if ('kind' in accepted) return answerEarly(options, endpoint, req, res, respond(accepted, req.headers.accept));
  const checked = operations.check(accepted, accepted.request);
  if ('kind' in checked && checked.kind === 'refused') {
    operations.finish(accepted, checked);
    return answerEarly(options, endpoint, req, res, respond(checked, req.headers.accept));
  }
  const isIncremental = !('kind' in checked) && checked.operation.facts.isIncremental;
  if (options.shortcut && !endpoint.hasPlugins && body !== null && !isIncremental) {
    const outcome = 'kind' in checked ? checked : await operations.run(accepted, checked);
    operations.finish(accepted, outcome);
    return sendCompressed(res, outcome, req.headers, options.compress);
  }
  const engine = new Engine(operations, accepted, checked);
  try {
    await sendResponse(res, await (await yoga()).fetch(req, res, body, engine), req.headers, options.compress);
  } catch (error) {
    engine.outcome = outcomeOfError(error, () => undefined);
    throw error;
  } finally {
    // An answer made by a plugin has no outcome here.
    operations.finish(accepted, engine.outcome ?? { kind: 'executed', result: {} });
  }
}

/** Browsers accept HTML when they open a page; GraphQL clients do not. */
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

/** Whether a body would have to be decompressed first, which is not supported. */
function isCompressed(contentEncoding: string | undefined): boolean {
  return contentEncoding !== undefined && contentEncoding !== 'identity';
}
