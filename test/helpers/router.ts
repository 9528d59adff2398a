import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { serve } from './closing.ts';
import { copyExample } from './example.ts';
import { ask } from './gateway.ts';
import { end } from './process.ts';

const EXAMPLE = 'examples/federation';

/** What a router sent to the gateway. */
export interface RouterRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly query: string;
  readonly variables?: { readonly representations?: readonly object[] } & Readonly<Record<string, unknown>>;
}

export type TestRouter = Awaited<ReturnType<typeof startRouter>>;

/** The example's packages: a router and what it needs are too much to be installed for all other tests. */
export function installRouters(): void {
  if (existsSync(`${EXAMPLE}/node_modules/@graphql-hive/gateway`)) return;
  execFileSync('npm', ['ci', '--ignore-scripts', '--prefix', EXAMPLE], { stdio: 'inherit' });
}

/** Stands between router and gateway, passes everything on, and notes what came to `/subgraph`. */
function startRecorder(target: string, requests: RouterRequest[]) {
  return serve(async (req, res) => {
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
}

/** The example of `examples/federation` in a process of its own, in front of a gateway that the test has started. */
export async function startRouter(
  kind: 'apollo' | 'hive',
  gateway: string,
  env: Record<string, string> = {},
  stderr: 'inherit' | 'ignore' = 'inherit',
) {
  const requests: RouterRequest[] = [];
  const recorder = await startRecorder(gateway, requests);
  const child = spawn(
    process.execPath,
    [`${EXAMPLE}/start.ts`, '--router', kind, '--port', '0', '--gateway', recorder.url],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', stderr] },
  );
  const url = await addressOf(child);
  requests.length = 0;
  return {
    query: (query: string, variables?: object, headers?: Record<string, string>) => ask(url, query, variables, headers),
    /** What the router sent to `/subgraph`, since the last look. */
    takeRequests: () => requests.splice(0),
    async close(): Promise<void> {
      await end(child, 'SIGTERM');
      await recorder.close();
    },
  };
}

/** The example as its reader starts it, in a copy, in front of a running gateway. */
export async function startExample(kind: 'apollo' | 'hive', gateway: string) {
  const folder = await copyExample(EXAMPLE);
  const child = spawn(process.execPath, ['start.ts', '--router', kind], {
    cwd: folder,
    env: { ...process.env, PORT: '0', GATEWAY_URL: `${gateway}/graphql` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await addressOf(child);
  return {
    query: (query: string) => ask(url, query),
    /** The exit code. */
    async close() {
      const code = await end(child, 'SIGTERM');
      rmSync(dirname(folder), { recursive: true });
      return code;
    },
  };
}

async function addressOf(child: ChildProcessByStdio<null, Readable, null>): Promise<string> {
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^Router .*: (http\S+)/.exec(line)?.[1];
    if (url) return url;
  }
  throw new Error('The router did not start.');
}
