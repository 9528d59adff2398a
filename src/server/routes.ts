import type { IncomingMessage, ServerResponse } from 'node:http';
import { outcomeOfError, refused } from '../graph/outcome.ts';
import type { ReadBody } from './body.ts';
import type { Compress } from './compression.ts';
import type { Cors } from './cors.ts';
import type { Graphiql } from './graphiql.ts';
import { readJsonBody, readSearchParams } from './graphql-params.ts';
import { PAGE_POLICY, SECURITY_HEADERS } from './headers.ts';
import type { Readiness } from './health.ts';
import { type Load, overloaded } from './load-shedder.ts';
import type { Metrics } from './metrics.ts';
import type { RecordRefusal } from './observer.ts';
import type { Operations } from './operations.ts';
import { requestIdOf } from './request-id.ts';
import { type HttpAnswer, respond } from './respond.ts';
import { sendAnswer, sendResponse, sendText } from './send.ts';
import type { YogaEndpoint } from './yoga.ts';
import { Engine } from './yoga-engine.ts';

/** Answers one request of an agent (`packages/mcp`); `readBody` gives null for a body that is too large. */
export type McpHandler = (
  req: IncomingMessage,
  res: ServerResponse,
  readBody: () => Promise<Buffer | null>,
) => Promise<void>;

/** What answers the requests of an endpoint. */
export interface EndpointParts {
  readonly operations: Operations;
  /** Yoga, when it is first needed. */
  yoga(): Promise<YogaEndpoint>;
}

export interface Endpoint {
  /** Whether people use it too: with GraphiQL, and from the pages of other origins where that is configured. */
  readonly forBrowsers: boolean;
  /** Made when it is first needed. */
  load(): EndpointParts | Promise<EndpointParts>;
}

export interface RouteOptions {
  readonly maxBodyBytes: number;
  /** Where GraphQL is served, by path. */
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  /** Whether a POST of JSON skips Yoga. Answers are the same both ways. Otherwise all requests go to Yoga, for plugins. */
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

const PAGES = new Set(['/', '/health', '/ready', '/metrics']);
const PAGE_HEADERS = Object.entries({
  ...SECURITY_HEADERS,
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': PAGE_POLICY,
  'cache-control': 'no-cache',
}).flat();

/** Counted by the load shedder. A line for each would add to the load. */
const OVERLOADED = 503;

/** Creates the function that answers a request by its path and method. */
export function createRoute(options: RouteOptions, readBody: ReadBody) {
  const { cors, compress, graphiql, load, maxBodyBytes, metrics, readiness, recordRefusal, shortcut } = options;

  async function route(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { path, search } = readTarget(req.url ?? '/');
    if (Object.hasOwn(options.endpoints, path)) return graphql(path, search, req, res);
    if (path === '/mcp' && options.mcp) {
      await options.mcp(req, res, () => readBody(req));
      if (res.statusCode >= 400 && res.statusCode !== OVERLOADED) recordRefusal(res.statusCode, req);
      return;
    }
    const file = path.startsWith('/graphiql/') ? path.slice('/graphiql/'.length) : undefined;
    if (file === undefined ? !PAGES.has(path) : !graphiql.has(file)) {
      recordRefusal(404, req);
      return sendText(res, 404, 'Not found. GraphQL is at /graphql.\n');
    }
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      recordRefusal(405, req);
      return sendText(res, 405, 'Method not allowed.\n', { allow: 'GET' });
    }
    if (file !== undefined) return graphiql.send(file, req, res);
    switch (path) {
      case '/ready': {
        const problem = readiness.problem();
        return problem === null ? sendText(res, 200, 'ready\n') : sendText(res, 503, `not ready: ${problem}\n`);
      }
      case '/metrics':
        return sendText(res, 200, await metrics.registry.metrics(), { 'content-type': metrics.registry.contentType });
      case '/':
        // Relative, since a proxy may serve the gateway below another path.
        return sendText(res, 302, 'GraphQL is at /graphql.\n', { location: 'graphql' });
      default:
        return sendText(res, 200, 'ok\n');
    }
  }

  async function graphql(path: string, search: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const endpoint = options.endpoints[path] as Endpoint;
    // Log, spans, REST calls and the answer all use this id.
    req.headers['x-request-id'] = requestIdOf(req.headers);
    for (const [name, value] of Object.entries(cors.headers(req.headers, endpoint.forBrowsers))) {
      res.setHeader(name, value);
    }
    const early = answerWithoutOperation(endpoint, req);
    if (early) {
      if (early.status >= 400 && early.status !== OVERLOADED) recordRefusal(early.status, req);
      return answerEarly(endpoint, res, early);
    }
    const body = req.method === 'POST' ? await readBody(req) : null;
    if (body === null && req.method === 'POST') {
      const message = `The body is larger than ${maxBodyBytes} bytes (MAX_BODY_BYTES), or arrives in too many pieces.`;
      recordRefusal(413, req);
      const outcome = refused(413, 'BAD_REQUEST', message, { connection: 'close' });
      return answerEarly(endpoint, res, respond(outcome, req.headers.accept));
    }
    load.begin();
    try {
      await answerOperation(path, endpoint, search, body, req, res);
    } finally {
      load.end();
    }
  }

  /** The answer to a request without an operation, or to one that is refused before its body is read; otherwise undefined. */
  function answerWithoutOperation(
    { forBrowsers }: Endpoint,
    { method, headers, url = '' }: IncomingMessage,
  ): HttpAnswer | undefined {
    const refuse = (...refusal: Parameters<typeof refused>) => respond(refused(...refusal), headers.accept);
    if (method === 'OPTIONS') {
      const preflight = forBrowsers ? cors.preflight(headers) : {};
      const all = { ...SECURITY_HEADERS, allow: 'GET, POST', ...preflight };
      return { status: 204, headers: Object.entries(all).flat(), body: '' };
    }
    if (method !== 'GET' && method !== 'POST') {
      return refuse(405, 'BAD_REQUEST', 'GraphQL needs POST, or GET for queries.', { allow: 'GET, POST' });
    }
    if (method === 'GET' && forBrowsers && headers.accept?.includes('text/html')) {
      return { status: 200, headers: PAGE_HEADERS, vary: 'accept', body: graphiql.page(url) };
    }
    if (method === 'GET' && cors.isForeign(headers)) {
      return refuse(403, 'BAD_REQUEST', 'Pages of other origins may not send GET requests; see CORS_ORIGINS.');
    }
    // Refused before anything of it is read: that costs less than the request would.
    if (!load.accepts()) return respond(overloaded(), headers.accept);
    if (method === 'GET') return undefined;
    if (!isJson(headers['content-type'])) {
      const accepted = { 'accept-post': 'application/json' };
      return refuse(415, 'BAD_REQUEST', 'The content type must be application/json.', accepted);
    }
    if (![undefined, 'identity'].includes(headers['content-encoding'])) {
      return refuse(415, 'BAD_REQUEST', 'A compressed body is not supported.');
    }
    return undefined;
  }

  async function answerEarly(endpoint: Endpoint, res: ServerResponse, answer: HttpAnswer) {
    // The Fetch API has no TRACE.
    if (shortcut || res.req.method === 'TRACE') return sendAnswer(res, answer, compress);
    const { yoga } = await endpoint.load();
    await sendResponse(res, await (await yoga()).fetch(res, null, answer), compress);
  }

  /** @param body of a POST; null for a GET */
  async function answerOperation(
    path: string,
    endpoint: Endpoint,
    search: string,
    body: Buffer | null,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> {
    const { operations, yoga } = await endpoint.load();
    const accepted = await operations.accept({ req, res, route: path }, () =>
      body === null ? readSearchParams(new URLSearchParams(search)) : readJsonBody(body),
    );
    if ('kind' in accepted) return answerEarly(endpoint, res, respond(accepted, req.headers.accept));
    const { checked } = accepted;
    const isIncremental = !('kind' in checked) && checked.operation.facts.isIncremental;
    if (shortcut && body !== null && !isIncremental) {
      const outcome = 'kind' in checked ? checked : await operations.run(accepted, checked);
      operations.finish(accepted, outcome);
      return sendAnswer(res, respond(outcome, req.headers.accept), compress);
    }
    const engine = new Engine(operations, accepted);
    try {
      await sendResponse(res, await (await yoga()).fetch(res, body, engine), compress);
    } catch (error) {
      engine.outcome = outcomeOfError(error, () => undefined);
      throw error;
    } finally {
      // An answer made by a plugin has no outcome here.
      operations.finish(accepted, engine.outcome ?? { kind: 'executed', result: {} });
    }
  }

  return route;
}

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

function isJson(contentType = ''): boolean {
  if (contentType === 'application/json') return true;
  const [type, ...parameters] = contentType
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  const charset = parameters.find((parameter) => parameter.startsWith('charset=')) ?? 'charset=utf-8';
  return type === 'application/json' && /^charset="?utf-?8"?$/.test(charset);
}
