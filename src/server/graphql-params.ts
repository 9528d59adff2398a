import { GatewayError } from '../lib/error.ts';
import { readClientJson, TooManyValues } from '../lib/exact-json.ts';
import { sha256 } from './persisted-queries.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** The parameters of a GraphQL request. It has either `query` or `documentId`. */
export interface RequestParams {
  readonly query?: string;
  /** Id of a published document, or a hash where there is no query. */
  readonly documentId?: string;
  /** SHA-256 of the document, where the client sent it by Apollo's `extensions.persistedQuery`. */
  readonly persistedHash?: string | undefined;
  readonly operationName: string | undefined;
  readonly variables: JsonObject | undefined;
  readonly extensions?: JsonObject | undefined;
}

function badRequest(message: string): GatewayError {
  return new GatewayError('BAD_REQUEST', message);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the body of a POST, https://graphql.github.io/graphql-over-http/draft/#sec-JSON-Encoding
 * @throws GatewayError `BAD_REQUEST`
 */
export function readJsonBody(body: Uint8Array): RequestParams {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw badRequest('The body is not UTF-8.');
  }
  return checkParams(readJson(text, 'The body'));
}

/** @param what the text is, for the message */
function readJson(text: string, what: string): unknown {
  try {
    return readClientJson(text);
  } catch (error) {
    throw badRequest(error instanceof TooManyValues ? error.message : `${what} is not JSON.`);
  }
}

/**
 * Reads the query of a GET, https://graphql.github.io/graphql-over-http/draft/#sec-GET
 * @throws GatewayError `BAD_REQUEST`
 */
export function readSearchParams(search: URLSearchParams): RequestParams {
  const json = (name: string): unknown => {
    const text = search.get(name);
    return text ? readJson(text, `The parameter ${name}`) : undefined;
  };
  return checkParams({
    ...Object.fromEntries(search),
    variables: json('variables'),
    extensions: json('extensions'),
  });
}

function checkParams(params: unknown): RequestParams {
  if (Array.isArray(params))
    throw badRequest(
      'Batching is not supported: send one operation per request, and switch batching off in the client.',
    );
  if (!isObject(params)) throw badRequest('The request must be an object with a query.');
  const query = params.query ?? undefined;
  const operationName = params.operationName ?? undefined;
  const variables = params.variables ?? undefined;
  const extensions = params.extensions ?? undefined;
  if (operationName !== undefined && typeof operationName !== 'string') {
    throw badRequest('operationName must be a string.');
  }
  if (variables !== undefined && !isObject(variables)) throw badRequest('variables must be an object.');
  if (extensions !== undefined && !isObject(extensions)) throw badRequest('extensions must be an object.');
  // https://www.apollographql.com/docs/graphos/routing/operations/apq
  const persisted = extensions?.persistedQuery;
  const hash = (isObject(persisted) ? persisted.sha256Hash : undefined) ?? undefined;
  const others = { operationName, variables, extensions };
  if (query !== undefined) {
    if (typeof query !== 'string') throw badRequest('query must be a string.');
    if (hash !== undefined && hash !== sha256(query)) {
      throw badRequest('extensions.persistedQuery.sha256Hash is not the SHA-256 of the query.');
    }
    return { query, persistedHash: hash, ...others };
  }
  // Relay's network layers send the id as `doc_id`, as its docs do, or as `id`; others number their requests by `id`.
  const documentId = params.documentId ?? hash ?? params.doc_id ?? (typeof params.id === 'string' ? params.id : null);
  if (documentId === null) throw badRequest('The request has no query.');
  if (typeof documentId !== 'string') throw badRequest('The id of the document must be a string.');
  return { documentId, persistedHash: documentId === hash ? documentId : undefined, ...others };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
