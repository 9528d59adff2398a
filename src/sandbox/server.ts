import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerApi } from './api.ts';
import { ApiError, badRequest } from './errors.ts';
import { type Answer, type Effects, type FaultRule, Faults, failure, failureOf } from './faults.ts';
import { SOURCES, seedStore } from './seed.ts';
import { Store } from './store.ts';
import { sendAnswer } from './wire.ts';

export type { FaultRule } from './faults.ts';
export type { JsonObject, Kind } from './store.ts';

/** One request to the API. */
export interface LoggedRequest {
  readonly method: string;
  /** Undecoded, with the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The first 100,000 characters; absent for a request without a body. */
  readonly body?: string;
  /** 0 until the response, and if there is none. */
  status: number;
}

export interface SandboxOptions {
  /** Default: any free port. */
  readonly port?: number;
  readonly host?: string;
  readonly project?: string;
  readonly apiKey?: string;
  readonly faults?: FaultRule | readonly FaultRule[];
  /** Whether to start without records. */
  readonly empty?: boolean;
  /** Number of newest requests in `requests`. */
  readonly maxRequestLog?: number;
}

export type Sandbox = Awaited<ReturnType<typeof startSandbox>>;

const MAX_LOGGED_BODY = 100_000;

/**
 * Starts a server that behaves like the Datatrics REST API v2, with generated records in memory.
 *
 * ```ts
 * const sandbox = await startSandbox({ empty: true });
 * sandbox.store.put('profile', { profileid: '1', source: 'shop', name: 'Ada' });
 * sandbox.faults.set({ match: { method: 'GET', path: '/sale' }, times: 2, status: 503 });
 * await fetch(`${sandbox.url}/project/${sandbox.project}/profile/1?source=shop`, { headers: { 'x-apikey': sandbox.apiKey } });
 * ```
 *
 * @throws Error of `listen`, such as `EADDRINUSE`
 */
export async function startSandbox(options: SandboxOptions = {}) {
  const { port = 0, host = '127.0.0.1', project = '123456', apiKey = 'sandbox-key' } = options;
  const { faults: initialFaults = [], empty = false, maxRequestLog = 1000 } = options;
  const store = new Store();
  const faults = new Faults();
  const requests: LoggedRequest[] = [];
  const closing = new AbortController();
  /** Restores the initial records. Keeps faults and requests. */
  function reset(): void {
    store.clear();
    if (!empty) seedStore(store);
  }

  reset();
  faults.set(initialFaults);

  function log(req: IncomingMessage, body: string): LoggedRequest {
    const { method = '', url = '', headers } = req;
    const entry = { method, path: url, headers, ...(body && { body: body.slice(0, MAX_LOGGED_BODY) }), status: 0 };
    requests.push(entry);
    if (requests.length > maxRequestLog) requests.shift();
    return entry;
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method = '', url = '' } = req;
    const body = await text(req);
    if (url === '/_sandbox/faults') return sendAnswer(res, setFaults(method, body));
    const entry = log(req, body);
    const effects = faults.effectsFor(method, url);
    await delay(effects.latencyMs);
    if (effects.hang) return;
    if (effects.reset === 'before') {
      req.socket.resetAndDestroy();
      return;
    }
    const answer = failureOf(effects) ?? answerOf(req, body, effects);
    entry.status = answer.status;
    await sendAnswer(res, answer, effects);
  }

  /** `GET`, `PUT` and `DELETE` the faults. */
  function setFaults(method: string, body: string): Answer {
    if (method === 'DELETE') faults.clear();
    else if (method === 'PUT') {
      try {
        faults.set(JSON.parse(body));
      } catch (error) {
        throw badRequest((error as Error).message);
      }
    } else if (method !== 'GET') throw new ApiError(405, 'Allowed are GET, PUT and DELETE.');
    return { status: 200, body: JSON.stringify(faults.rules) };
  }

  function answerOf(req: IncomingMessage, body: string, effects: Effects): Answer {
    try {
      const answer = answerApi(req, body, { store, project, apiKey }, effects);
      return effects.emptyBody
        ? { status: effects.emptyBody, body: '' }
        : { status: 200, body: JSON.stringify(answer) };
    } catch (error) {
      return answerOfError(error);
    }
  }

  async function delay(latencyMs: Effects['latencyMs']): Promise<void> {
    if (latencyMs === undefined) return;
    const [min, max] = typeof latencyMs === 'number' ? [latencyMs, latencyMs] : latencyMs;
    await sleep(min + Math.random() * (max - min), undefined, { signal: closing.signal });
  }

  const server = createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
    handle(req, res)
      .catch((error) => sendAnswer(res, answerOfError(error)))
      // The headers are already sent, or the connection is closed.
      .catch(() => res.destroy());
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  const hostName = address.family === 'IPv6' ? `[${address.address}]` : address.address;

  return {
    /** Base URL with the version. */
    url: `http://${hostName}:${address.port}/2.0`,
    project,
    apiKey,
    /** Sources of the seeded data, in the order in which the gateway should try them. */
    sources: SOURCES,
    store,
    faults,
    /** Requests to the API, oldest first. */
    requests,
    reset,
    /** Stops the server at once and closes open connections. */
    async close(): Promise<void> {
      closing.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function answerOfError(error: unknown): Answer {
  if (error instanceof ApiError) return failure(error.status, error.message, error.headers);
  return failure(500, 'Internal error of the sandbox.');
}
