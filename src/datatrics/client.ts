import { GatewayError } from '../lib/error.ts';
import type { Operation } from '../lib/operation.ts';
import type { Principal } from '../lib/principal.ts';
import { TransportError } from '../transport/errors.ts';
import type { Send, UpstreamRequest, UpstreamResponse } from '../transport/pool.ts';
import { sendWithRetry } from '../transport/retry.ts';
import { InFlight } from '../transport/share.ts';
import { type Endpoint, type EndpointName, ENDPOINTS } from './endpoints.ts';
import { errorOfTransport } from './errors.ts';
import type { JsonObject } from './fields.ts';
import { checkId } from './keys.ts';
import { RECORD_TYPES } from './records.ts';
import { type Page, readPage, readRecord } from './wire.ts';

/** One condition of a `q[field]=value` or `q[field][$op]=value` filter. */
export interface Condition {
  readonly field: string;
  readonly op?: '$gte' | '$lte';
  readonly value: string;
}

type IdArgs<E extends Endpoint> = E['path'] extends `${string}{id}${string}` ? { readonly id: string } : unknown;
type QueryArgs<E extends Endpoint> = {
  readonly [K in keyof E['query'] as E['query'][K] extends 'required' ? K : never]: string;
} & { readonly [K in keyof E['query'] as E['query'][K] extends 'optional' ? K : never]?: string | number | undefined };
type FilterArgs<E extends Endpoint> = E['action'] extends 'list' ? { readonly q?: readonly Condition[] } : unknown;

/** What a call of this endpoint takes: its id, its parameters by their REST names, and on lists `q`. */
export type EndpointArgs<N extends EndpointName> = IdArgs<(typeof ENDPOINTS)[N]> &
  QueryArgs<(typeof ENDPOINTS)[N]> &
  FilterArgs<(typeof ENDPOINTS)[N]>;

type ReadName = { [N in EndpointName]: (typeof ENDPOINTS)[N]['action'] extends 'get' | 'list' ? N : never }[EndpointName];
type ReadAnswer<N extends ReadName> = (typeof ENDPOINTS)[N]['action'] extends 'list' ? Page : JsonObject | null;

/** One typed function per reading endpoint, as the table names them. */
export type ReadClient = { readonly [N in ReadName]: (args: EndpointArgs<N>) => Promise<ReadAnswer<N>> };

/** Told of every REST call's end, for metrics and readiness. */
export interface CallObserver {
  (call: { endpoint: EndpointName; outcome: 'ok' | 'refused' | 'failed'; ms: number }): void;
}

export interface ClientOptions {
  readonly send: Send;
  /** The base URL's path, without a trailing slash: `/2.0`. */
  readonly basePath: string;
  readonly onCall?: CallObserver;
}

/**
 * A client of the REST API. `as` gives its functions to one operation: calls are made with the principal's key, in the
 * principal's project, within the operation's deadline and budget. Equal reads of one principal that overlap share one
 * call.
 */
export function createClient({ send, basePath, onCall = () => undefined }: ClientOptions) {
  const inFlight = new InFlight<unknown>();

  function read(name: ReadName, args: CallArgs, principal: Principal, operation: Operation): Promise<unknown> {
    const endpoint: Endpoint = ENDPOINTS[name];
    let path: string;
    try {
      path = basePath + buildPath(endpoint, args, principal.project);
    } catch (error) {
      return Promise.reject(error);
    }
    const request: UpstreamRequest = { method: 'GET', path, headers: headersOf(principal) };
    return inFlight.run(`${principal.shareKey} ${path}`, operation, async (flight) => {
      const start = performance.now();
      const observe = (outcome: 'ok' | 'refused' | 'failed'): void =>
        onCall({ endpoint: name, outcome, ms: performance.now() - start });
      let response: UpstreamResponse;
      try {
        response = await sendWithRetry(send, request, {
          signal: flight.signal,
          deadline: () => flight.deadline(),
          onAttempt: (attempt) => flight.spend(attempt),
        });
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        observe('failed');
        throw errorOfTransport(error);
      }
      observe(response.status === 429 || response.status >= 500 ? 'failed' : response.status >= 400 ? 'refused' : 'ok');
      return endpoint.action === 'list' ? readPage(response) : readRecord(response, RECORD_TYPES[endpoint.resource].idNames);
    });
  }

  const readNames = (Object.keys(ENDPOINTS) as EndpointName[]).filter(
    (name): name is ReadName => ENDPOINTS[name].method === 'GET',
  );

  return {
    as(principal: Principal, operation: Operation): ReadClient {
      return Object.fromEntries(
        readNames.map((name) => [name, (args: CallArgs) => read(name, args, principal, operation)]),
      ) as unknown as ReadClient;
    },
    /** Reads under way, of all principals. */
    get inFlight(): number {
      return inFlight.size;
    },
  };
}

export type Client = ReturnType<typeof createClient>;

interface CallArgs {
  readonly id?: string;
  readonly q?: readonly Condition[];
  readonly [name: string]: unknown;
}

/** The headers that the collection shows on every call, bodiless ones included. */
function headersOf(principal: Principal): string[] {
  return ['accept', 'application/json', 'content-type', 'application/json', 'x-apikey', principal.apiKey];
}

/**
 * Path and query of a call. Everything is percent-encoded, so that no value can change the path or add a parameter.
 * @throws GatewayError `BAD_USER_INPUT` for an id that can not stand in a path
 */
export function buildPath(endpoint: Endpoint, args: CallArgs, project: string): string {
  let path = endpoint.path.replace('{project}', encodeURIComponent(project));
  if (args.id !== undefined) path = path.replace('{id}', () => encodeURIComponent(checkId('id', args.id as string)));
  let separator = '?';
  for (const [name, need] of Object.entries(endpoint.query)) {
    const value = args[name];
    if (value === undefined) {
      if (need === 'required') throw new GatewayError('INTERNAL_SERVER_ERROR', `${endpoint.path} needs ${name}`);
      continue;
    }
    path += `${separator}${name}=${encodeURIComponent(String(value))}`;
    separator = '&';
  }
  for (const { field, op, value } of args.q ?? []) {
    const name = op === undefined ? `q[${field}]` : `q[${field}][${op}]`;
    path += `${separator}${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
    separator = '&';
  }
  return path;
}
