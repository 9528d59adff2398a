import type { IncomingMessage, ServerResponse } from 'node:http';
import { request } from 'undici';
import { type Gateway, startGateway } from '../../src/app.ts';
import { type Config, readConfig } from '../../src/config/config.ts';
import { createLogger, type Logger } from '../../src/lib/log.ts';
import type { Upstream } from '../../src/projects.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/server.ts';
import { closeAtEnd, serve } from './closing.ts';

export interface GraphqlResult {
  status: number;
  headers: Headers;
  body: {
    // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
    data?: any;
    errors?: { message: string; path?: (string | number)[]; extensions: { code: string } }[];
    // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
    extensions?: any;
  };
}

export type TestGateway = Awaited<ReturnType<typeof gateway>>;

/** Sends a body as JSON; a text as it stands. */
export function postJson(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** Sends one operation by POST and reads the answer. */
export async function ask(
  url: string,
  query: string,
  variables?: object,
  headers: Record<string, string> = {},
): Promise<GraphqlResult> {
  // `fetch` takes three times the processor's time, more than the gateway needs for its part.
  const response = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  });
  return {
    status: response.statusCode,
    headers: new Headers(Object.entries(response.headers).map(([name, value]) => [name, String(value)])),
    body: (await response.body.json()) as GraphqlResult['body'],
  };
}

/** Settings of a test's gateway, by variable names; what is not given has its default. */
export type Settings = Readonly<Record<string, string>>;

function config(settings: Settings): Config {
  // Tests share a machine and a process: a loop that is late says nothing of the gateway.
  return readConfig({ PORT: '0', LOG_LEVEL: 'silent', MAX_EVENT_LOOP_DELAY_MS: '0', ...settings });
}

/** Whether this run of the tests sends POSTs of JSON through Yoga, as a gateway with plugins does. */
const BY_YOGA = process.env.TEST_WAY === 'yoga';

/** Limits that are no settings, made small. */
type Constants = Partial<Pick<Config, 'upstreamQueue' | 'maxWaitingBytes'>> & {
  readonly documentLimits?: Partial<Config['documentLimits']>;
  readonly bulkLimits?: Partial<Config['bulkLimits']>;
};

function withConstants(config: Config, { documentLimits, bulkLimits, ...rest }: Constants): Config {
  return {
    ...config,
    ...rest,
    documentLimits: { ...config.documentLimits, ...documentLimits },
    bulkLimits: { ...config.bulkLimits, ...bulkLimits },
  };
}

/** What is left out, for comparing the ways a request can go. */
type Parts = NonNullable<Parameters<typeof startGateway>[3]> & {
  readonly constants?: Constants;
  /** Default: none, or standard output at TEST_LOG_LEVEL. */
  readonly log?: Logger;
};

async function gateway(settings: Settings, upstream: Upstream, parts: Parts = {}) {
  const running: Gateway = await startGateway(
    withConstants(config(settings), parts.constants ?? {}),
    upstream,
    parts.log ?? createLogger(process.env.TEST_LOG_LEVEL ?? 'silent', process.stdout),
    { shortcut: !BY_YOGA, ...parts },
  );
  const queryOf = (path: string) => (query: string, variables?: object, headers?: Record<string, string>) =>
    ask(running.url + path, query, variables, headers);
  return {
    url: running.url,
    /** Is called at the end of the test or of the file as well. */
    close: closeAtEnd((lingerMs?: number) => running.close(lingerMs)),
    query: queryOf('/graphql'),
    subgraph: queryOf('/subgraph'),
  };
}

/** A gateway in front of a sandbox of its own. */
export async function startWithSandbox(
  settings: Settings = {},
  options: SandboxOptions = {},
  parts: Parts = {},
): Promise<TestGateway & { sandbox: Sandbox }> {
  const sandbox = await startSandbox(options);
  const running = await startInFrontOf(sandbox, settings, parts);
  const close = closeAtEnd(async (lingerMs?: number) => {
    await running.close(lingerMs);
    await sandbox.close();
  });
  return { ...running, sandbox, close };
}

/** A gateway in front of a sandbox that others use as well. */
export function startInFrontOf(sandbox: Sandbox, settings: Settings = {}, parts: Parts = {}): Promise<TestGateway> {
  const { origin, pathname } = new URL(sandbox.url);
  const { project, apiKey } = sandbox;
  const sources = { ...sandbox.sources, ...config(settings).sources };
  return gateway(settings, { origin, basePath: pathname, project, apiKey, sources }, parts);
}

export interface ReceivedCall {
  method: string;
  /** Path and query as they came over the wire. */
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export type FakeUpstream = Awaited<ReturnType<typeof startUpstream>>;

/** A real HTTP server whose answers a test writes itself. A returned object is sent as JSON with 200. */
export async function startUpstream(
  answer: (call: ReceivedCall, res: ServerResponse, req: IncomingMessage) => unknown,
) {
  const calls: ReceivedCall[] = [];
  const { url: origin, close } = await serve(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    const call = { method: req.method ?? '', path: req.url ?? '', headers: req.headers, body };
    calls.push(call);
    const json = await answer(call, res, req);
    if (json !== undefined && !res.headersSent && !res.destroyed) {
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    }
  });
  return {
    /** Base URL with the version, as DATATRICS_URL takes it. */
    url: `${origin}/2.0`,
    ...{ origin, calls, close },
  };
}

/** A gateway in front of an upstream that the test plays itself: project `1`, key `k`. */
export async function startWithUpstream(
  answer: Parameters<typeof startUpstream>[0],
  settings: Settings = {},
  parts: Parts = {},
): Promise<TestGateway & { upstream: FakeUpstream }> {
  const upstream = await startUpstream(answer);
  const sources = { profile: [], content: [], conversion: [], interaction: [], ...config(settings).sources };
  const api = { origin: upstream.origin, basePath: '/2.0', project: '1', apiKey: 'k', sources };
  const running = await gateway(settings, api, parts);
  const close = closeAtEnd(async (lingerMs?: number) => {
    await running.close(lingerMs);
    await upstream.close();
  });
  return { ...running, upstream, close };
}

/** What was asked of an upstream since the last look: paths below the project, as they came over the wire. */
export function takeCalls(log: { readonly path: string }[]): string[] {
  return log.splice(0).map(({ path }) => path.replace(/^\/2\.0\/project\/[^/]+/, ''));
}
