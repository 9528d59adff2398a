import { Cancellation } from '../lib/cancellation.ts';
import { readJson } from '../lib/digits.ts';
import type { Staleness } from '../lib/freshness.ts';
import type { Operation } from '../lib/operation.ts';
import type { Principal } from '../lib/principal.ts';
import type { Span } from '../lib/trace.ts';
import { wellFormedJson } from '../lib/well-formed.ts';
import type { UpstreamRequest, UpstreamResponse } from '../transport/call.ts';
import { type Caller, type CallerKind, Callers } from '../transport/callers.ts';
import { ACCEPT_ENCODING } from '../transport/dispatcher.ts';
import { TransportError } from '../transport/errors.ts';
import type { Guard } from '../transport/guard.ts';
import { DEFAULT_POLICY, type Policy } from '../transport/policy.ts';
import type { Send } from '../transport/pool.ts';
import { pause, retryAfterMs, sendWithRetry } from '../transport/retry.ts';
import { type Flight, InFlight } from '../transport/share.ts';
import { checkAccess, scopeOf } from './access.ts';
import { ENDPOINTS, type Endpoint, type EndpointName, labelOf, type Resource } from './endpoints.ts';
import { DatatricsError, errorOfTransport } from './errors.ts';
import { type JsonObject, readText } from './fields.ts';
import { buildPath, type CallArgs, type Condition } from './paths.ts';
import { RECORD_TYPES } from './records.ts';
import { type FreshnessOptions, Memory } from './remember.ts';
import type { ReadJson } from './selection.ts';
import { SharedAnswer } from './shared-answer.ts';
import { type Page, readBulk, readDone, readWritten } from './wire.ts';

type IdArgs<E extends Endpoint> = E['path'] extends `${string}{id}${string}` ? { readonly id: string } : unknown;
type QueryArgs<E extends Endpoint> = {
  readonly [K in keyof E['query'] as E['query'][K] extends 'required' ? K : never]: string;
} & { readonly [K in keyof E['query'] as E['query'][K] extends 'optional' ? K : never]?: string | number | undefined };
type FilterArgs<E extends Endpoint> = E['action'] extends 'list' ? { readonly q?: readonly Condition[] } : unknown;

/** What a call of this endpoint takes: its id, its parameters by their REST names, and on lists `q`. */
export type EndpointArgs<N extends EndpointName> = IdArgs<(typeof ENDPOINTS)[N]> &
  QueryArgs<(typeof ENDPOINTS)[N]> &
  FilterArgs<(typeof ENDPOINTS)[N]>;

export type ReadName = {
  [N in EndpointName]: (typeof ENDPOINTS)[N]['action'] extends 'get' | 'list' ? N : never;
}[EndpointName];
type ReadAnswer<N extends ReadName> = (typeof ENDPOINTS)[N]['action'] extends 'list' ? Page : JsonObject | null;

/** A body that is JSON already. */
export class RawJson {
  readonly text: string;
  /** Of the records in it. */
  readonly ids: readonly string[];

  constructor(text: string, ids: readonly string[]) {
    this.text = text;
    this.ids = ids;
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
export type BoundClient = {
  /** @param readJson what reads the answer, where not all of it is wanted */
  readonly [N in ReadName]: (args: EndpointArgs<N>, readJson?: ReadJson) => Promise<ReadAnswer<N>>;
} & {
  readonly [N in WriteName]: (args: EndpointArgs<N>, body: JsonObject | RawJson) => Promise<WriteAnswer<N>>;
};

/** The end of a REST call, retries included. */
export interface EndedCall {
  readonly endpoint: EndpointName;
  readonly outcome: 'ok' | 'refused' | 'failed';
  readonly ms: number;
  readonly caller: Caller;
  /** False where the API could not be connected to, which no caller causes. */
  readonly isReachable: boolean;
}

/** Receives every REST call's end, for metrics and readiness. */
export type CallObserver = (call: EndedCall) => void;

export interface ClientOptions {
  readonly send: Send;
  /** The base URL's path, without a trailing slash: `/2.0`. */
  readonly basePath: string;
  /** Whether equal reads under way share one call. Default: true. */
  readonly share?: boolean;
  readonly onCall?: CallObserver;
  /** Told when a write in a project is over, however it went. */
  readonly onWrite?: (project: string) => void;
  /** Undefined: every read asks the API. */
  readonly freshness?: FreshnessOptions | undefined;
  /** Default: callers are not told apart, and every endpoint is called by `DEFAULT_POLICY`. */
  readonly callers?: Callers;
}

/** Reads and writes of a resource fail apart: a list that is too heavy for the API says nothing of its writes. */
const GROUPS = {
  profile: { read: 'profile', write: 'profile write' },
  content: { read: 'content', write: 'content write' },
  conversion: { read: 'conversion', write: 'conversion write' },
  interaction: { read: 'interaction', write: 'interaction write' },
} as const;

/**
 * The callers of a gateway's clients.
 * @param policies how each resource's endpoints are called. Default: `DEFAULT_POLICY`
 */
export function createCallers(kind: CallerKind, policies: Readonly<Partial<Record<Resource, Policy>>> = {}): Callers {
  const byGroup = Object.entries(policies).flatMap(([resource, policy]) =>
    Object.values(GROUPS[resource as Resource]).map((group): [string, Policy] => [group, policy]),
  );
  return new Callers(kind, Object.fromEntries(byGroup), DEFAULT_POLICY);
}

/**
 * A client of the REST API. `as` gives its functions to one operation: calls are made with the principal's key, in the
 * principal's project, within the operation's deadline and budget. Equal reads of one principal that overlap share one
 * call.
 */
export function createClient({
  send,
  basePath,
  share = true,
  onCall = () => undefined,
  onWrite,
  freshness,
  callers = createCallers('everybody'),
}: ClientOptions) {
  const inFlight = new InFlight<SharedAnswer>();
  const memory = freshness && new Memory(freshness.cache, inFlight);

  function read(
    name: ReadName,
    args: CallArgs,
    { principal, operation, headers, caller }: Bound,
    reader: ReadJson = readJson,
  ): Promise<unknown> {
    const endpoint: Endpoint = ENDPOINTS[name];
    let relative: string;
    try {
      checkAccess(principal.scopes, scopeOf(endpoint.resource, 'read'));
      relative = buildPath(name, args, principal.project);
    } catch (error) {
      return Promise.reject(error);
    }
    const path = basePath + relative;
    const lane = GROUPS[endpoint.resource].read;
    const guard = caller.guards.of(principal.project, lane);
    const request: UpstreamRequest = {
      method: 'GET',
      path,
      headers,
      party: caller,
      priority: operation.deadline,
      lane,
      timeoutMs: guard.policy.timeoutMs,
    };
    if (memory !== undefined) {
      const lifetimes = freshness?.lifetimes[endpoint.resource];
      if (lifetimes !== undefined) {
        return memory
          .read({
            key: `${principal.shareKey} ${path}`,
            path: relative,
            tag: tagOf(principal.project, endpoint.resource, args.id),
            lifetimes,
            operation,
            send: (flight) => ask(name, request, flight, guard, caller),
            decode: (answer) => SharedAnswer.checked(endpoint, answer, reader),
          })
          .then((answer) => take(answer, operation, caller, reader));
      }
      operation.freshness?.note(relative, 0, 0);
    }
    const key = share ? `${principal.shareKey} ${path}` : Symbol();
    const { deduped } = operation.usage;
    const result = inFlight.run(key, operation, (flight) => {
      const start = performance.now();
      const span = operation.trace?.begin(labelOf(endpoint));
      return sendWithRetry(send, labelled(request, span), span ? traced(flight, span) : flight, guard).then(
        (response) => {
          observe(name, response, start, caller, span);
          return new SharedAnswer(endpoint, response);
        },
        (error) => {
          throw explain(name, error, start, caller, span);
        },
      );
    });
    if (operation.usage.deduped > deduped) operation.trace?.join(labelOf(endpoint), result);
    return result.then((answer) => take(answer, operation, caller, reader));
  }

  /** An operation's part of an answer. @throws GatewayError when it has read too much */
  function take(answer: SharedAnswer, operation: Operation, caller: Caller, reader: ReadJson): unknown {
    if (!operation.receive(answer.bytes)) throw operation.budgetExceeded();
    return received(answer.read(reader), caller);
  }

  /** One read's answer as it came. */
  function ask(
    name: ReadName,
    request: UpstreamRequest,
    flight: Flight,
    guard: Guard,
    caller: Caller,
  ): Promise<UpstreamResponse> {
    const start = performance.now();
    return sendWithRetry(send, request, flight, guard).then(
      (response) => {
        observe(name, response, start, caller);
        return response;
      },
      (error) => {
        throw explain(name, error, start, caller);
      },
    );
  }

  function observe(
    endpoint: EndpointName,
    { status }: UpstreamResponse,
    start: number,
    caller: Caller,
    span?: Span,
  ): void {
    const outcome = status === 429 || status >= 500 ? 'failed' : status >= 400 ? 'refused' : 'ok';
    span?.end(outcome);
    onCall({ endpoint, outcome, ms: performance.now() - start, caller, isReachable: true });
  }

  /** Gives transport failures their meaning, and reports them to the observer. */
  function explain(endpoint: EndpointName, error: unknown, start: number, caller: Caller, span?: Span): unknown {
    span?.end('failed');
    if (!(error instanceof TransportError)) return error;
    const isReachable = error.sent || error.failure !== 'unreachable';
    onCall({ endpoint, outcome: 'failed', ms: performance.now() - start, caller, isReachable });
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
    { principal, operation, headers, caller }: Bound,
  ): Promise<unknown> {
    const endpoint: Endpoint = ENDPOINTS[name];
    checkAccess(principal.scopes, scopeOf(endpoint.resource, 'write'));
    const path = basePath + buildPath(name, args, principal.project);
    if (operation.signal.aborted) throw operation.signal.reason;
    const lane = GROUPS[endpoint.resource].write;
    const guard = caller.guards.of(principal.project, lane);
    const start = performance.now();
    const refusal = guard.refusal();
    if (refusal !== null) throw explain(name, refusal, start, caller);
    const waitMs = guard.waitMs(operation.deadline);
    if (waitMs === undefined) throw explain(name, new TransportError('paced', false), start, caller);
    if (!operation.spend()) throw operation.budgetExceeded();
    if (waitMs > 0) {
      await pause(waitMs, operation.signal).catch((error) => {
        // It was booked, and never sent.
        operation.usage.calls -= 1;
        throw error;
      });
    }
    const request: UpstreamRequest = {
      method: endpoint.method,
      path,
      headers,
      party: caller,
      priority: operation.deadline,
      lane,
      timeoutMs: guard.policy.timeoutMs,
      body: wellFormedJson(body instanceof RawJson ? body.text : JSON.stringify(body)),
    };
    const span = operation.trace?.begin(labelOf(endpoint));
    span?.attempt();
    const sent = send(labelled(request, span), NEVER).then(
      (response) => {
        observe(name, response, start, caller, span);
        guard.note(response.status, retryAfterMs(response.retryAfter));
        // The outcome of a write is reported, however long the answer.
        operation.receive(Buffer.byteLength(response.body));
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
        guard.noteFailure(error);
        throw explain(name, error, start, caller, span);
      },
    );
    const forget = (): Promise<void> | undefined => {
      // Reads under way may have seen what was there before; later ones must not join them.
      onWrite?.(principal.project);
      const resource = resourcePath(endpoint, principal);
      inFlight.forget(
        (key) => typeof key === 'string' && key.startsWith(`${principal.project}/`) && key.includes(resource),
      );
      return freshness?.cache.invalidate(tagsOfWrite(endpoint, args, body, principal.project));
    };
    const written = sent.then(
      async (answer) => {
        caller.accept();
        await forget();
        return answer;
      },
      async (error) => {
        if (mayBeWritten(error)) await caller.whenAccepted(forget);
        throw error;
      },
    );
    return operation.until(written, operation.expired);
  }

  /** The functions of the table on a prototype: binding them to an operation costs one object. */
  class Bound {
    readonly principal: Principal;
    readonly operation: Operation;
    /** Of every call. */
    readonly headers: string[];
    readonly caller: Caller;

    constructor(principal: Principal, operation: Operation, caller: Caller) {
      this.principal = principal;
      this.operation = operation;
      this.headers = [...headersOf(principal), ...operation.headers];
      this.caller = caller;
    }
  }
  for (const name of Object.keys(ENDPOINTS) as EndpointName[]) {
    const call = isRead(name)
      ? function (this: Bound, args: CallArgs, readJson?: ReadJson) {
          return read(name, args, this, readJson);
        }
      : function (this: Bound, args: CallArgs, body: JsonObject | RawJson) {
          return write(name, args, body, this);
        };
    Object.defineProperty(Bound.prototype, name, { value: call });
  }

  return {
    /** @param caller default: the principal's */
    as: (principal: Principal, operation: Operation, caller = callers.of(principal.id)): BoundClient =>
      new Bound(principal, operation, caller) as unknown as BoundClient,
    /** Reads under way, of all principals. */
    get inFlight(): number {
      return inFlight.size;
    },
  };
}

export type Client = ReturnType<typeof createClient>;

/**
 * Whether, and how, a read of this operation was answered with something stale.
 * @param project the principal's
 */
export function stalenessOf(
  operation: Operation,
  project: string,
  name: ReadName,
  args: CallArgs,
): Staleness | undefined {
  const stale = operation.freshness?.stale;
  return stale && stale.size > 0 ? stale.get(buildPath(name, args, project)) : undefined;
}

/** What is remembered is out of date when a record with this id was written; lists when any of the resource was. */
function tagOf(project: string, resource: Resource, id: string | undefined): string {
  return id === undefined ? `${project}/${resource}` : `${project}/${resource}/${id}`;
}

/** What a write makes out of date, whatever the source: all lists of the resource, and the records that it names. */
function tagsOfWrite(endpoint: Endpoint, { id }: CallArgs, body: JsonObject | RawJson, project: string): string[] {
  const { resource } = endpoint;
  const ids =
    id !== undefined
      ? [id]
      : body instanceof RawJson
        ? body.ids
        : 'body' in endpoint
          ? [readText(body[endpoint.body.idKey]) ?? '']
          : [];
  return [tagOf(project, resource, undefined), ...new Set(ids.map((one) => tagOf(project, resource, one)))];
}

function isRead(name: EndpointName): name is ReadName {
  return ENDPOINTS[name].method === 'GET';
}

/**
 * An answer that was read. A record or a list shows that the API accepts the caller's key. Nothing found does not: it may be
 * how the API answers for a project that the key does not have.
 */
function received(value: unknown, caller: Caller): unknown {
  if (!caller.isAccepted && value !== null) caller.accept();
  return value;
}

/** Statuses of a refusal before anything is written. */
const NOT_WRITTEN: ReadonlySet<number | undefined> = new Set([401, 403, 404, 429]);

/** Whether a write may have been carried out though it failed. */
function mayBeWritten(error: unknown): boolean {
  return !(error instanceof DatatricsError) || (error.sent && !NOT_WRITTEN.has(error.status));
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

/** Those of callers that come again. */
const HEADERS = new WeakMap<Principal, string[]>();

/** The headers that the collection shows on every call, bodiless ones included. */
function headersOf(principal: Principal): string[] {
  let headers = HEADERS.get(principal);
  if (headers === undefined) {
    const json = 'application/json';
    headers = ['accept', json, 'accept-encoding', ACCEPT_ENCODING, 'content-type', json, 'x-apikey', principal.apiKey];
    HEADERS.set(principal, headers);
  }
  return headers;
}
