import type { Principal } from '../auth/principal.ts';
import { readJson } from '../lib/exact-json.ts';
import { wellFormedJson } from '../lib/well-formed.ts';
import type { UpstreamResponse } from '../upstream/call.ts';
import { type SharedRead, SharedReads } from '../upstream/dedupe.ts';
import { ACCEPT_ENCODING } from '../upstream/dispatcher.ts';
import type { Staleness } from '../upstream/freshness.ts';
import type { Operation } from '../upstream/operation.ts';
import type { Send } from '../upstream/pool.ts';
import { checkAccess, scopeOf } from './access.ts';
import { CachedReads, type FreshnessOptions } from './cached-reads.ts';
import { type Caller, Callers } from './callers.ts';
import { type Call, Calls, type EndedCall } from './calls.ts';
import { type Action, type Endpoint, endpointFor, type Resource } from './endpoints.ts';
import { causeOf, mayHaveWritten } from './errors.ts';
import { tagOf, tagsOfWrite, type Write } from './invalidation.ts';
import type { ReadJson } from './json-selection.ts';
import type { RecordKey } from './keys.ts';
import { buildPath, type CallArgs, resourcePath } from './paths.ts';
import type { JsonObject } from './records/fields.ts';
import { RECORD_TYPES } from './records/record-types.ts';
import { type Page, readBulk, readDone, readWritten } from './responses.ts';
import { SharedAnswer } from './shared-answer.ts';

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
  readonly freshness?: FreshnessOptions | undefined;
  /** Default: all callers count as one, with the default time-outs and retries. */
  readonly callers?: Callers;
}

/** Clients of the REST API share calls, cache and callers. */
export class Client {
  readonly options: ClientOptions;
  readonly calls: Calls;
  readonly sharedReads = new SharedReads<SharedAnswer>();
  readonly cachedReads: CachedReads | undefined;
  readonly #callers: Callers;

  constructor(options: ClientOptions) {
    const { send, onCall = () => undefined, freshness, callers = new Callers('everybody') } = options;
    this.options = options;
    this.calls = new Calls(send, onCall);
    this.cachedReads = freshness && new CachedReads(freshness.cache, this.sharedReads);
    this.#callers = callers;
  }

  as(principal: Principal, operation: Operation, caller = this.#callers.of(principal.id)): BoundClient {
    return new BoundClient(this, principal, operation, caller);
  }

  get inFlight(): number {
    return this.sharedReads.size;
  }
}

/**
 * A client for one operation: with the principal's key, in the principal's project, within the operation's deadline and
 * budget. All methods throw GatewayError.
 *
 * Steps of a read: check scopes → build path → look in the cache, if the type has a lifetime → share the call of an
 * equal concurrent read → make one REST call.
 */
export class BoundClient {
  readonly principal: Principal;
  readonly operation: Operation;
  readonly #client: Client;
  readonly #caller: Caller;
  /** Names and values alternate. */
  readonly #headers: string[];

  constructor(client: Client, principal: Principal, operation: Operation, caller: Caller) {
    this.#client = client;
    this.principal = principal;
    this.operation = operation;
    this.#caller = caller;
    this.#headers = [...headersOf(principal), ...operation.headers];
  }

  /**
   * Reads a record. Returns null if it does not exist.
   * @param reader parses the selected parts of the answer. Default: all of it
   */
  get(key: RecordKey, reader?: ReadJson): Promise<JsonObject | null> {
    return this.#read(endpointFor(key.resource, 'get'), key, reader) as Promise<JsonObject | null>;
  }

  list(resource: Resource, args: CallArgs, reader?: ReadJson): Promise<Page> {
    return this.#read(endpointFor(resource, 'list'), args, reader) as Promise<Page>;
  }

  /** How the answer to such a read of this operation was stale; undefined if it was fresh. */
  stalenessOf(resource: Resource, action: Action, args: CallArgs): Staleness | undefined {
    const stale = this.operation.freshness?.stale;
    if (stale === undefined || stale.size === 0) return undefined;
    return stale.get(this.#pathOf(endpointFor(resource, action), args));
  }

  /** Writes a record, and returns it as in the API's answer. Returns null for an empty answer and for a delete. */
  write(action: 'create' | 'update' | 'delete', key: RecordKey, body: JsonObject): Promise<JsonObject | null> {
    const { idNames } = RECORD_TYPES[key.resource];
    return this.#write(endpointFor(key.resource, action), key, [key.id], JSON.stringify(body), (response) =>
      action === 'delete' ? readDone(response) : readWritten(response, idNames),
    );
  }

  /** Writes records of one resource and type. Returns the answer's rows; null for an empty answer. */
  bulk([first, ...others]: readonly [RecordKey, ...RecordKey[]], body: string): Promise<Page | null> {
    const ids = new Set([first, ...others].map(({ id }) => id));
    return this.#write(endpointFor(first.resource, 'bulk'), first, [...ids], body, readBulk);
  }

  #read(endpoint: Endpoint, args: CallArgs, reader: ReadJson = readJson): Promise<unknown> {
    const { operation } = this;
    const { shareKey, project } = this.principal;
    const { calls, sharedReads, cachedReads, options } = this.#client;
    let call: Call;
    try {
      call = this.#callOf(endpoint, args);
    } catch (error) {
      return Promise.reject(error);
    }
    const key = `${shareKey} ${call.path}`;
    const callApi = (shared: SharedRead, initiator: Operation): Promise<SharedAnswer> =>
      calls.read(call, shared, initiator).then((response) => new SharedAnswer(endpoint, response));

    const lifetimes = options.freshness?.lifetimes[endpoint.resource];
    let answer: Promise<SharedAnswer>;
    if (cachedReads === undefined || lifetimes === undefined) {
      operation.freshness?.note(call.path, 0, 0);
      answer = sharedReads.run(options.share === false ? Symbol() : key, operation, callApi, endpoint.label);
    } else {
      const tag = tagOf(project, endpoint.resource, args.id);
      answer = cachedReads.read({ key, tag, lifetimes, call, operation, callApi, reader });
    }
    return answer.then(
      (shared) => this.#parse(shared, reader),
      (error) => {
        throw this.#noteCause(error);
      },
    );
  }

  /**
   * Parses what this operation selects. A record or a page proves that the API accepts the caller's key. A missing record
   * does not: the API may answer 404 for a project that the key has no access to.
   */
  #parse(answer: SharedAnswer, reader: ReadJson): unknown {
    if (!this.operation.receive(answer.bytes)) throw this.operation.budgetExceeded();
    let value: unknown;
    try {
      value = answer.read(reader);
    } catch (error) {
      throw this.#noteCause(error);
    }
    if (value !== null) this.#caller.accept();
    return value;
  }

  /**
   * Sends a write once. When the client disconnects or the operation times out, only the wait ends: a write that was sent
   * runs to its end.
   */
  async #write<T>(
    endpoint: Endpoint,
    args: CallArgs,
    ids: readonly string[],
    body: string,
    read: (response: UpstreamResponse) => T,
  ): Promise<T> {
    const { operation } = this;
    const caller = this.#caller;
    const call = this.#callOf(endpoint, args, wellFormedJson(body));
    if (operation.signal.aborted) throw operation.signal.reason;
    const write = async (): Promise<T> => {
      try {
        const response = await this.#client.calls.write(call, operation);
        // Counts the bytes, but does not enforce the budget: the client must learn the outcome of a write.
        operation.receive(Buffer.byteLength(response.body));
        const answer = read(response);
        caller.accept();
        await this.#invalidate(endpoint.resource, ids);
        return answer;
      } catch (error) {
        if (mayHaveWritten(error)) await caller.whenAccepted(() => this.#invalidate(endpoint.resource, ids));
        throw this.#noteCause(error);
      }
    };
    return operation.until(write(), operation.expired);
  }

  async #invalidate(resource: Resource, ids: readonly string[]): Promise<void> {
    const { project } = this.principal;
    const { options, sharedReads } = this.#client;
    options.onWrite?.(project);
    // A concurrent read may have the old data. Later reads must not share its call.
    const start = resourcePath(project, resource);
    sharedReads.forget((key) => typeof key === 'string' && key.startsWith(`${project}/`) && key.includes(start));
    const made = { project, resource, ids };
    await options.freshness?.cache.invalidate(tagsOfWrite(made));
    await options.onInvalidated?.(made);
  }

  #pathOf(endpoint: Endpoint, args: CallArgs): string {
    return this.#client.options.basePath + buildPath(endpoint, args, this.principal.project);
  }

  #callOf(endpoint: Endpoint, args: CallArgs, body?: string): Call {
    const { project, scopes } = this.principal;
    checkAccess(scopes, scopeOf(endpoint.resource, endpoint.method === 'GET' ? 'read' : 'write'));
    const caller = this.#caller;
    const resilience = caller.resilience.of(project, endpoint);
    return {
      endpoint,
      resilience,
      caller,
      method: endpoint.method,
      path: this.#pathOf(endpoint, args),
      headers: this.#headers,
      priority: this.operation.deadline,
      bulkhead: endpoint.group,
      timeoutMs: resilience.timeoutMs,
      body,
    };
  }

  /** Adds the cause of a failed call to the operation's log line. Returns the error. */
  #noteCause(error: unknown): unknown {
    const cause = causeOf(error);
    if (cause !== undefined) this.operation.noteCause(cause);
    return error;
  }
}

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
