import type { Principal } from '../auth/principal.ts';
import { readJson } from '../lib/digits.ts';
import { wellFormedJson } from '../lib/well-formed.ts';
import { type SharedRead, SharedReads } from '../upstream/dedupe.ts';
import { ACCEPT_ENCODING } from '../upstream/dispatcher.ts';
import type { Operation } from '../upstream/operation.ts';
import { DEFAULT_POLICY, type Policy } from '../upstream/policy.ts';
import type { Send } from '../upstream/pool.ts';
import { checkAccess, scopeOf } from './access.ts';
import { CachedReads, type FreshnessOptions } from './cached-reads.ts';
import { type Caller, type CallerKind, Callers } from './callers.ts';
import { type Call, Calls, type EndedCall } from './calls.ts';
import { ENDPOINTS, type Endpoint, type EndpointFor, type EndpointName, labelOf, type Resource } from './endpoints.ts';
import { causeOf } from './errors.ts';
import { mayBeWritten, resourcePath, tagOf, tagsOfWrite } from './invalidation.ts';
import type { ReadJson } from './json-selection.ts';
import { buildPath, type CallArgs } from './paths.ts';
import { RawJson } from './raw-json.ts';
import type { JsonObject } from './records/fields.ts';
import { RECORD_TYPES } from './records/record-types.ts';
import { type Page, readBulk, readDone, readWritten } from './responses.ts';
import { SharedAnswer } from './shared-answer.ts';

export type ReadName = EndpointFor<'get' | 'list'>;
type ReadAnswer<N extends ReadName> = N extends EndpointFor<'list'> ? Page : JsonObject | null;

type WriteName = Exclude<EndpointName, ReadName>;
type WriteAnswer<N extends WriteName> = N extends EndpointFor<'bulk'> ? Page | null : JsonObject | null;

/** The client of one operation. */
export interface BoundClient {
  /**
   * What a read found; null for a record that there is not.
   * @param reader reads the answer where not all of it is wanted
   */
  read<N extends ReadName>(name: N, args: CallArgs, reader?: ReadJson): Promise<ReadAnswer<N>>;
  /** What the API answered of what was written; null when it answered nothing, and for a delete. */
  write<N extends WriteName>(name: N, args: CallArgs, body: JsonObject | RawJson): Promise<WriteAnswer<N>>;
}

export interface ClientOptions {
  readonly send: Send;
  /** The base URL's path, without a trailing slash: `/2.0`. */
  readonly basePath: string;
  /** Whether equal reads under way share one call. Default: true. */
  readonly share?: boolean;
  /** Receives the end of every REST call, for metrics, readiness and the log. */
  readonly onCall?: (call: EndedCall) => void;
  /** Called when a write in a project is over, however it went. */
  readonly onWrite?: (project: string) => void;
  /** Undefined: every read calls the API. */
  readonly freshness?: FreshnessOptions | undefined;
  /** Default: callers are not told apart, and every endpoint is called by `DEFAULT_POLICY`. */
  readonly callers?: Callers;
}

/** Reads and writes of a resource fail apart: a list that is too heavy for the API says nothing about its writes. */
const groupOf = (resource: Resource, action: 'read' | 'write'): string => `${resource} ${action}`;

/**
 * The callers of a gateway's clients.
 * @param policies how each resource's endpoints are called. Default: `DEFAULT_POLICY`
 */
export function createCallers(kind: CallerKind, policies: Readonly<Partial<Record<Resource, Policy>>> = {}): Callers {
  const byGroup = Object.entries(policies).flatMap(([resource, policy]) =>
    (['read', 'write'] as const).map((action): [string, Policy] => [groupOf(resource as Resource, action), policy]),
  );
  return new Callers(kind, Object.fromEntries(byGroup), DEFAULT_POLICY);
}

/**
 * A client of the REST API. `as` binds it to one operation: it makes calls with the principal's key, in the principal's
 * project, within the operation's deadline and budget.
 *
 * A read goes: rights → path → cache, where its type has a lifetime → shared with equal reads under way → one REST call.
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
  const calls = new Calls(send, onCall);
  const sharedReads = new SharedReads<SharedAnswer>();
  const cache = freshness && new CachedReads(freshness.cache, sharedReads);

  function read(name: ReadName, args: CallArgs, bound: Bound, reader: ReadJson = readJson): Promise<unknown> {
    const { principal, operation, caller } = bound;
    const endpoint: Endpoint = ENDPOINTS[name];
    const { resource } = endpoint;
    let relative: string;
    try {
      checkAccess(principal.scopes, scopeOf(resource, 'read'));
      relative = buildPath(name, args, principal.project);
    } catch (error) {
      return Promise.reject(error);
    }
    const call = prepare(name, 'GET', relative, groupOf(resource, 'read'), bound);
    const key = share ? `${principal.shareKey} ${call.request.path}` : Symbol();
    const ask = (shared: SharedRead, by: Operation): Promise<SharedAnswer> =>
      calls.read(call, shared, by).then((response) => new SharedAnswer(endpoint, response));

    const lifetimes = freshness?.lifetimes[resource];
    let answer: Promise<SharedAnswer>;
    if (cache === undefined || lifetimes === undefined) {
      operation.freshness?.note(relative, 0, 0);
      answer = sharedReads.run(key, operation, ask, labelOf(endpoint));
    } else {
      const tag = tagOf(principal.project, resource, args.id);
      answer = cache.read({
        key: `${principal.shareKey} ${call.request.path}`,
        path: relative,
        tag,
        lifetimes,
        endpoint,
        operation,
        ask,
        reader,
      });
    }
    return answer.then(
      (taken) => take(taken, operation, caller, reader),
      (error) => {
        throw noteCause(operation, error);
      },
    );
  }

  /**
   * Sends a write once. It is not cancelled when the client goes away or the operation's time is up: what was sent is
   * finished, and only the waiting ends.
   */
  async function write(name: WriteName, args: CallArgs, body: JsonObject | RawJson, bound: Bound): Promise<unknown> {
    const { principal, operation, caller } = bound;
    const endpoint: Endpoint = ENDPOINTS[name];
    checkAccess(principal.scopes, scopeOf(endpoint.resource, 'write'));
    const path = buildPath(name, args, principal.project);
    if (operation.signal.aborted) throw operation.signal.reason;
    const text = wellFormedJson(body instanceof RawJson ? body.text : JSON.stringify(body));
    const call = prepare(name, endpoint.method, path, groupOf(endpoint.resource, 'write'), bound, text);

    const forget = (): Promise<void> | undefined => {
      // Reads under way may have seen what was there before; later ones must not join them.
      onWrite?.(principal.project);
      const resource = resourcePath(endpoint, principal);
      sharedReads.forget(
        (key) => typeof key === 'string' && key.startsWith(`${principal.project}/`) && key.includes(resource),
      );
      return freshness?.cache.invalidate(tagsOfWrite(endpoint, args, body, principal.project));
    };
    const written = calls
      .write(call, operation)
      .then((response) => {
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
      })
      .then(
        async (answer) => {
          caller.accept();
          await forget();
          return answer;
        },
        async (error) => {
          if (mayBeWritten(error)) await caller.whenAccepted(forget);
          throw noteCause(operation, error);
        },
      );
    return operation.until(written, operation.expired);
  }

  function prepare(
    name: EndpointName,
    method: Endpoint['method'],
    relative: string,
    group: string,
    { principal, operation, headers, caller }: Bound,
    body?: string,
  ): Call {
    const resilience = caller.resilience.of(principal.project, group);
    const request = {
      method,
      path: basePath + relative,
      headers,
      caller,
      priority: operation.deadline,
      bulkhead: group,
      timeoutMs: resilience.policy.timeoutMs,
      body,
    };
    return { name, request, resilience, caller };
  }

  class Bound implements BoundClient {
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

    read<N extends ReadName>(name: N, args: CallArgs, reader?: ReadJson): Promise<ReadAnswer<N>> {
      return read(name, args, this, reader) as Promise<ReadAnswer<N>>;
    }

    write<N extends WriteName>(name: N, args: CallArgs, body: JsonObject | RawJson): Promise<WriteAnswer<N>> {
      return write(name, args, body, this) as Promise<WriteAnswer<N>>;
    }
  }

  return {
    /** @param caller default: the principal's */
    as: (principal: Principal, operation: Operation, caller = callers.of(principal.id)): BoundClient =>
      new Bound(principal, operation, caller),
    /** Reads under way, of all principals. */
    get inFlight(): number {
      return sharedReads.size;
    },
  };
}

export type Client = ReturnType<typeof createClient>;

/**
 * An operation's part of an answer. A record or a list shows that the API accepts the caller's key. Nothing found does not:
 * it may be how the API answers for a project that the key does not have.
 *
 * @throws GatewayError for an answer that is an error, or when the operation has read too much
 */
function take(answer: SharedAnswer, operation: Operation, caller: Caller, reader: ReadJson): unknown {
  if (!operation.receive(answer.bytes)) throw operation.budgetExceeded();
  let value: unknown;
  try {
    value = answer.read(reader);
  } catch (error) {
    throw noteCause(operation, error);
  }
  if (!caller.isAccepted && value !== null) caller.accept();
  return value;
}

/** Keeps, for the operation's line in the log, why one of its calls failed. */
function noteCause(operation: Operation, error: unknown): unknown {
  const cause = causeOf(error);
  if (cause !== undefined) operation.noteCause(cause);
  return error;
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
