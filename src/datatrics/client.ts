import { Cancellation } from '../lib/cancellation.ts';
import type { Operation } from '../lib/operation.ts';
import type { Principal } from '../lib/principal.ts';
import type { Span } from '../lib/trace.ts';
import { TransportError } from '../transport/errors.ts';
import type { Send, UpstreamRequest, UpstreamResponse } from '../transport/pool.ts';
import { sendWithRetry } from '../transport/retry.ts';
import { type Flight, InFlight } from '../transport/share.ts';
import { checkAccess, scopeOf } from './access.ts';
import { ENDPOINTS, type Endpoint, type EndpointName, labelOf } from './endpoints.ts';
import { errorOfTransport } from './errors.ts';
import type { JsonObject } from './fields.ts';
import { buildPath, type CallArgs, type Condition } from './paths.ts';
import { RECORD_TYPES } from './records.ts';
import { type Page, readBulk, readDone, readPage, readRecord, readWritten } from './wire.ts';

type IdArgs<E extends Endpoint> = E['path'] extends `${string}{id}${string}` ? { readonly id: string } : unknown;
type QueryArgs<E extends Endpoint> = {
  readonly [K in keyof E['query'] as E['query'][K] extends 'required' ? K : never]: string;
} & { readonly [K in keyof E['query'] as E['query'][K] extends 'optional' ? K : never]?: string | number | undefined };
type FilterArgs<E extends Endpoint> = E['action'] extends 'list' ? { readonly q?: readonly Condition[] } : unknown;

/** What a call of this endpoint takes: its id, its parameters by their REST names, and on lists `q`. */
export type EndpointArgs<N extends EndpointName> = IdArgs<(typeof ENDPOINTS)[N]> &
  QueryArgs<(typeof ENDPOINTS)[N]> &
  FilterArgs<(typeof ENDPOINTS)[N]>;

type ReadName = {
  [N in EndpointName]: (typeof ENDPOINTS)[N]['action'] extends 'get' | 'list' ? N : never;
}[EndpointName];
type ReadAnswer<N extends ReadName> = (typeof ENDPOINTS)[N]['action'] extends 'list' ? Page : JsonObject | null;

/** A body that is JSON already. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type WriteName = Exclude<EndpointName, ReadName>;
type WriteAnswer<N extends WriteName> = (typeof ENDPOINTS)[N]['action'] extends 'bulk'
  ? Page | null
  : (typeof ENDPOINTS)[N]['action'] extends 'delete'
    ? null
    : JsonObject | null;

/**
 * One typed function per endpoint, as the table names them. A read gives what was found, or null; a write gives what the
 * API answered of what it wrote, or null when it answered nothing.
 */
export type BoundClient = { readonly [N in ReadName]: (args: EndpointArgs<N>) => Promise<ReadAnswer<N>> } & {
  readonly [N in WriteName]: (args: EndpointArgs<N>, body: JsonObject | RawJson) => Promise<WriteAnswer<N>>;
};

/** Told of every REST call's end, for metrics and readiness. */
export type CallObserver = (call: { endpoint: EndpointName; outcome: 'ok' | 'refused' | 'failed'; ms: number }) => void;

export interface ClientOptions {
  readonly send: Send;
  /** The base URL's path, without a trailing slash: `/2.0`. */
  readonly basePath: string;
  /** Whether equal reads under way share one call. Default: true. */
  readonly share?: boolean;
  readonly onCall?: CallObserver;
  /** Told when a write in a project is over, however it went. */
  readonly onWrite?: (project: string) => void;
}

/**
 * A client of the REST API. `as` gives its functions to one operation: calls are made with the principal's key, in the
 * principal's project, within the operation's deadline and budget. Equal reads of one principal that overlap share one
 * call.
 */
export function createClient({ send, basePath, share = true, onCall = () => undefined, onWrite }: ClientOptions) {
  const inFlight = new InFlight<unknown>();

  function read(name: ReadName, args: CallArgs, { principal, operation, headers }: Bound): Promise<unknown> {
    const endpoint: Endpoint = ENDPOINTS[name];
    let path: string;
    try {
      checkAccess(principal.scopes, scopeOf(endpoint.resource, 'read'));
      path = basePath + buildPath(name, args, principal.project);
    } catch (error) {
      return Promise.reject(error);
    }
    const request: UpstreamRequest = { method: 'GET', path, headers, priority: operation.deadline };
    const key = share ? `${principal.shareKey} ${path}` : Symbol();
    const { deduped } = operation.usage;
    const result = inFlight.run(key, operation, (flight) => {
      const start = performance.now();
      const span = operation.trace?.begin(labelOf(endpoint));
      return sendWithRetry(send, labelled(request, span), span ? traced(flight, span) : flight).then(
        (response) => {
          observe(name, response, start, span);
          return endpoint.action === 'list'
            ? readPage(response)
            : readRecord(response, RECORD_TYPES[endpoint.resource].idNames);
        },
        (error) => {
          throw explain(name, error, start, span);
        },
      );
    });
    if (operation.usage.deduped > deduped) operation.trace?.join(labelOf(endpoint), result);
    return result;
  }

  function observe(endpoint: EndpointName, { status }: UpstreamResponse, start: number, span?: Span): void {
    const outcome = status === 429 || status >= 500 ? 'failed' : status >= 400 ? 'refused' : 'ok';
    span?.end(outcome);
    onCall({ endpoint, outcome, ms: performance.now() - start });
  }

  /** Gives transport failures their meaning, and tells the observer of them. */
  function explain(endpoint: EndpointName, error: unknown, start: number, span?: Span): unknown {
    span?.end('failed');
    if (!(error instanceof TransportError)) return error;
    onCall({ endpoint, outcome: 'failed', ms: performance.now() - start });
    return errorOfTransport(error);
  }

  /**
   * Sends a write once. It is not taken back when the client goes away or the operation's time is up: what was sent is
   * finished, and only the waiting ends.
   */
  async function write(
    name: WriteName,
    args: CallArgs,
    body: JsonObject | RawJson,
    { principal, operation, headers }: Bound,
  ): Promise<unknown> {
    const endpoint: Endpoint = ENDPOINTS[name];
    checkAccess(principal.scopes, scopeOf(endpoint.resource, 'write'));
    const path = basePath + buildPath(name, args, principal.project);
    if (operation.signal.aborted) throw operation.signal.reason;
    if (!operation.spend()) throw operation.budgetExceeded();
    const request: UpstreamRequest = {
      method: endpoint.method,
      path,
      headers,
      priority: operation.deadline,
      body: body instanceof RawJson ? body.text : JSON.stringify(body),
    };
    const start = performance.now();
    const span = operation.trace?.begin(labelOf(endpoint));
    span?.attempt();
    const sent = send(labelled(request, span), NEVER)
      .then(
        (response) => {
          observe(name, response, start, span);
          switch (endpoint.action) {
            case 'bulk':
              return readBulk(response);
            case 'delete':
              return readDone(response);
            default:
              return readWritten(response, RECORD_TYPES[endpoint.resource].idNames);
          }
        },
        (error) => {
          throw explain(name, error, start, span);
        },
      )
      .finally(() => {
        // Reads under way may have seen what was there before; whoever asks from now on must not join them.
        onWrite?.(principal.project);
        const resource = resourcePath(endpoint, principal);
        inFlight.forget(
          (key) => typeof key === 'string' && key.startsWith(`${principal.project}/`) && key.includes(resource),
        );
      });
    return operation.until(sent, operation.expired);
  }

  /** The functions of the table on a prototype: binding them to an operation costs one object. */
  class Bound {
    readonly principal: Principal;
    readonly operation: Operation;
    /** Of every call. */
    readonly headers: string[];

    constructor(principal: Principal, operation: Operation) {
      this.principal = principal;
      this.operation = operation;
      this.headers = [...headersOf(principal), ...operation.headers];
    }
  }
  for (const name of Object.keys(ENDPOINTS) as EndpointName[]) {
    const call = isRead(name)
      ? function (this: Bound, args: CallArgs) {
          return read(name, args, this);
        }
      : function (this: Bound, args: CallArgs, body: JsonObject | RawJson) {
          return write(name, args, body, this);
        };
    Object.defineProperty(Bound.prototype, name, { value: call });
  }

  return {
    as: (principal: Principal, operation: Operation): BoundClient =>
      new Bound(principal, operation) as unknown as BoundClient,
    /** Reads under way, of all principals. */
    get inFlight(): number {
      return inFlight.size;
    },
  };
}

export type Client = ReturnType<typeof createClient>;

function isRead(name: EndpointName): name is ReadName {
  return ENDPOINTS[name].method === 'GET';
}

/** A request with its span's own headers, where it has some. */
function labelled(request: UpstreamRequest, span: Span | undefined): UpstreamRequest {
  const headers = span?.headers;
  return headers ? { ...request, headers: [...request.headers, ...headers] } : request;
}

/** A flight whose attempts are told to a span. */
function traced(flight: Flight, span: Span): Flight {
  return {
    signal: flight.signal,
    deadline: () => flight.deadline(),
    spend(attempt) {
      flight.spend(attempt);
      span.attempt();
    },
  };
}

/** The signal of what is never given up. */
const NEVER = new Cancellation();

/** The part of a path that all calls of a resource have. */
function resourcePath(endpoint: Endpoint, { project }: Principal): string {
  return endpoint.path.replace('{project}', project).split('/').slice(0, 4).join('/');
}

/** The headers that the collection shows on every call, bodiless ones included. */
function headersOf(principal: Principal): string[] {
  return ['accept', 'application/json', 'content-type', 'application/json', 'x-apikey', principal.apiKey];
}
