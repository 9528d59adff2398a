import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import type { GraphqlResult } from './gateway.ts';

const EXAMPLE = 'examples/federation';

/** What a router sent to the gateway. */
export interface RouterRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly query: string;
  readonly variables?: { readonly representations?: readonly object[] } & Readonly<Record<string, unknown>>;
}

export interface TestRouter {
  query(query: string, variables?: object, headers?: Record<string, string>): Promise<GraphqlResult>;
  /** What the router sent to `/subgraph`, since the last look. */
  takeRequests(): RouterRequest[];
  close(): Promise<void>;
}

/** The example's packages: a router and what it needs are too much to be installed for all other tests. */
export function installRouters(): void {
  if (existsSync(`${EXAMPLE}/node_modules/@graphql-hive/gateway`)) return;
  execFileSync('npm', ['ci', '--prefix', EXAMPLE], { stdio: 'inherit' });
}

/** Stands between router and gateway, passes everything on, and notes what came to `/subgraph`. */
async function startRecorder(target: string, requests: RouterRequest[]) {
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    if (req.url?.startsWith('/subgraph')) requests.push({ headers: req.headers, ...JSON.parse(body) });
    const { host: _host, connection: _connection, 'content-length': _length, ...headers } = req.headers;
    const answer = await fetch(target + req.url, {
      method: req.method ?? 'POST',
      headers: headers as Record<string, string>,
      body,
    });
    const content = await answer.text();
    res.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(content);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close(): void {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The example of `examples/federation` in a process of its own, in front of a gateway that the test has started. */
export async function startRouter(
  kind: 'apollo' | 'hive',
  gateway: string,
  env: Record<string, string> = {},
): Promise<TestRouter> {
  const requests: RouterRequest[] = [];
  const recorder = await startRecorder(gateway, requests);
  const child = spawn(
    process.execPath,
    [`${EXAMPLE}/start.ts`, '--router', kind, '--port', '0', '--gateway', recorder.url],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let url: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    url = /^Router .*: (http\S+)/.exec(line)?.[1];
    if (url) break;
  }
  if (url === undefined) throw new Error('The router did not start.');
  const address = url;
  requests.length = 0;
  return {
    async query(query, variables, headers = {}) {
      const response = await fetch(address, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
        body: JSON.stringify({ query, variables }),
      });
      return {
        status: response.status,
        headers: response.headers,
        body: (await response.json()) as GraphqlResult['body'],
      };
    },
    takeRequests: () => requests.splice(0),
    async close() {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
      recorder.close();
    },
  };
}
