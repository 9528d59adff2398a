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
import { mayHaveWritten, resourcePath, tagOf, tagsOfWrite, type Write, writeOf } from './invalidation.ts';
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

/** A client that makes calls for one operation and one principal. */
export interface BoundClient {
  /**
   * Reads a record or a page. Returns null for a record that does not exist.
   * @param reader parses the selected parts of the answer. Default: all of it
   * @throws GatewayError
   */
  read<N extends ReadName>(name: N, args: CallArgs, reader?: ReadJson): Promise<ReadAnswer<N>>;
  /**
   * Writes, and returns the record or page in the API's answer. Returns null for an empty answer and for a delete.
   * @throws GatewayError
   */
  write<N extends WriteName>(name: N, args: CallArgs, body: JsonObject | RawJson): Promise<WriteAnswer<N>>;
}

export interface ClientOptions {
  readonly send: Send;
  /** The base URL's path, without a trailing slash: `/2.0`. */
  readonly basePath: string;
  /** Whether concurrent equal reads share one call. Default: true. */
  readonly share?: boolean;
  /** Called at the end of every REST call, for metrics, readiness and the log. */
  readonly onCall?: (call: EndedCall) => void;
  /** Called after a write in a project that succeeded or may have taken effect. */
  readonly onWrite?: (project: string) => void;
  /** Called after such a write has invalidated the gateway's own caches. The write's answer waits for it. It must not fail. */
  readonly onInvalidated?: ((write: Write) => Promise<void>) | undefined;
  /** Cache and lifetimes. Default: no cache, so that every read calls the API. */
  readonly freshness?: FreshnessOptions | undefined;
  /** Default: all callers count as one, and every endpoint has `DEFAULT_POLICY`. */
  readonly callers?: Callers;
}

/**
 * The group of endpoints that share a circuit breaker. Reads and writes of a resource have separate groups: a list that
 * overloads the API says nothing about writes.
 */
const groupOf = (resource: Resource, action: 'read' | 'write'): string => `${resource} ${action}`;

/**
 * Creates the table of the gateway's callers.
 * @param policies timeouts, retries and circuit breakers by resource. Default: `DEFAULT_POLICY`
 */
export function createCallers(kind: CallerKind, policies: Readonly<Partial<Record<Resource, Policy>>> = {}): Callers {
  const byGroup = Object.entries(policies).flatMap(([resource, policy]) =>
    (['read', 'write'] as const).map((action): [string, Policy] => [groupOf(resource as Resource, action), policy]),
  );
  return new Callers(kind, Object.fromEntries(byGroup), DEFAULT_POLICY);
}

/**
 * Creates a client of the REST API. `as` binds it to one operation. The bound client calls with the principal's key, in the
 * principal's project, within the operation's deadline and budget.
 *
 * Steps of a read: check scopes → build path → look in the cache, if the type has a lifetime → share the call of an
 * equal concurrent read → make one REST call.
 */
export function createClient({
  send,
  basePath,
  share = true,
  onCall = () => undefined,
  onWrite,
  onInvalidated,
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
    const callApi = (shared: SharedRead, initiator: Operation): Promise<SharedAnswer> =>
      calls.read(call, shared, initiator).then((response) => new SharedAnswer(endpoint, response));

    const lifetimes = freshness?.lifetimes[resource];
    let answer: Promise<SharedAnswer>;
    if (cache === undefined || lifetimes === undefined) {
      operation.freshness?.note(relative, 0, 0);
      answer = sharedReads.run(key, operation, callApi, labelOf(endpoint));
    } else {
      const tag = tagOf(principal.project, resource, args.id);
      answer = cache.read({
        key: `${principal.shareKey} ${call.request.path}`,
        path: relative,
        tag,
        lifetimes,
        endpoint,
        operation,
        callApi,
        reader,
      });
    }
    return answer.then(
      (shared) => readAnswer(shared, operation, caller, reader),
      (error) => {
        throw noteCause(operation, error);
      },
    );
  }

  /**
   * Sends a write once. When the client disconnects or the operation times out, only the wait ends: a write that was sent
   * runs to its end.
   */
  async function write(name: WriteName, args: CallArgs, body: JsonObject | RawJson, bound: Bound): Promise<unknown> {
    const { principal, operation, caller } = bound;
    const endpoint: Endpoint = ENDPOINTS[name];
    checkAccess(principal.scopes, scopeOf(endpoint.resource, 'write'));
    const path = buildPath(name, args, principal.project);
    if (operation.signal.aborted) throw operation.signal.reason;
    const text = wellFormedJson(body instanceof RawJson ? body.text : JSON.stringify(body));
    const call = prepare(name, endpoint.method, path, groupOf(endpoint.resource, 'write'), bound, text);

    const invalidate = async (): Promise<void> => {
      // A concurrent read may have the old data. Later reads must not share its call.
      onWrite?.(principal.project);
      const resource = resourcePath(endpoint, principal);
      sharedReads.forget(
        (key) => typeof key === 'string' && key.startsWith(`${principal.project}/`) && key.includes(resource),
      );
      const made = writeOf(endpoint, args, body, principal.project);
      await freshness?.cache.invalidate(tagsOfWrite(made));
      await onInvalidated?.(made);
    };
    const written = calls
      .write(call, operation)
      .then((response) => {
        // Counts the bytes, but does not enforce the budget: the client must learn the outcome of a write.
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
          await invalidate();
          return answer;
        },
        async (error) => {
          if (mayHaveWritten(error)) await caller.whenAccepted(invalidate);
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
    /** Headers of every call: names and values alternate. */
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
    /** @param caller default: the caller of the principal's id */
    as: (principal: Principal, operation: Operation, caller = callers.of(principal.id)): BoundClient =>
      new Bound(principal, operation, caller),
    /** Number of distinct reads in progress, of all principals. */
    get inFlight(): number {
      return sharedReads.size;
    },
  };
}

export type Client = ReturnType<typeof createClient>;

/**
 * Reads what one operation selects from an answer. A record or a page proves that the API accepts the caller's key. A
 * missing record does not: the API may answer 404 for a project that the key has no access to.
 *
 * @throws GatewayError for an answer that is an error, or when the operation exceeds its budget of bytes
 */
function readAnswer(answer: SharedAnswer, operation: Operation, caller: Caller, reader: ReadJson): unknown {
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

/** Adds the cause of a failed call to the operation's log line. Returns the error. */
function noteCause(operation: Operation, error: unknown): unknown {
  const cause = causeOf(error);
  if (cause !== undefined) operation.noteCause(cause);
  return error;
}

/** Headers by principal, since a principal serves many requests. */
const HEADERS = new WeakMap<Principal, string[]>();

/** The headers that the vendor's Postman collection sends with every call, including calls without a body. */
function headersOf(principal: Principal): string[] {
  let headers = HEADERS.get(principal);
  if (headers === undefined) {
    const json = 'application/json';
    headers = ['accept', json, 'accept-encoding', ACCEPT_ENCODING, 'content-type', json, 'x-apikey', principal.apiKey];
    HEADERS.set(principal, headers);
  }
  return headers;
}
