import { readClientJson, TooManyValues } from '../lib/digits.ts';
import { GatewayError } from '../lib/error.ts';
import { sha256 } from './persisted-queries.ts';

function badRequest(message: string): GatewayError {
  return new GatewayError('BAD_REQUEST', message);
}

/** The parameters of a GraphQL request: a document's text or its id, and the rest. */
export interface RequestParams {
  readonly query?: string;
  /** Id of a published document, or a hash where there is no query. */
  readonly documentId?: string;
  /** SHA-256 of the document, where the client sent it by Apollo's `extensions.persistedQuery`. */
  readonly persistedHash?: string;
  readonly operationName: string | null | undefined;
  readonly variables: Readonly<Record<string, unknown>> | null | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | null | undefined;
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
    const message = error instanceof TooManyValues ? error.message : `${what} is not JSON.`;
    throw badRequest(message);
  }
}

/**
 * Reads the query of a GET, https://graphql.github.io/graphql-over-http/draft/#sec-GET
 * @throws GatewayError `BAD_REQUEST`
 */
export function readSearchParams(search: URLSearchParams): RequestParams {
  const json = (name: string): unknown => {
    const text = search.get(name);
    return text === null || text === '' ? undefined : readJson(text, `The parameter ${name}`);
  };
  return checkParams({
    query: search.get('query') ?? undefined,
    documentId: search.get('documentId') ?? undefined,
    doc_id: search.get('doc_id') ?? undefined,
    id: search.get('id') ?? undefined,
    operationName: search.get('operationName') ?? undefined,
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
  const { query, operationName, variables, extensions } = params;
  if (!isMissing(operationName) && typeof operationName !== 'string') {
    throw badRequest('operationName must be a string.');
  }
  if (!isMissing(variables) && !isObject(variables)) throw badRequest('variables must be an object.');
  if (!isMissing(extensions) && !isObject(extensions)) throw badRequest('extensions must be an object.');
  if (!isMissing(query)) {
    if (typeof query !== 'string') throw badRequest('query must be a string.');
    const hash = persistedHash(extensions);
    if (isMissing(hash)) return { query, operationName, variables, extensions };
    if (hash !== sha256(query)) {
      throw badRequest('extensions.persistedQuery.sha256Hash is not the SHA-256 of the query.');
    }
    return { query, persistedHash: hash, operationName, variables, extensions };
  }
  const hash = persistedHash(extensions);
  // Relay's network layers send the id as `doc_id`, as its docs do, or as `id`; others number their requests by `id`.
  const documentId = params.documentId ?? hash ?? params.doc_id ?? (typeof params.id === 'string' ? params.id : null);
  if (isMissing(documentId)) throw badRequest('The request has no query.');
  if (typeof documentId !== 'string') throw badRequest('The id of the document must be a string.');
  return {
    documentId,
    ...(documentId === hash && { persistedHash: documentId }),
    operationName,
    variables,
    extensions,
  };
}

/** https://www.apollographql.com/docs/graphos/routing/operations/apq */
function persistedHash(extensions: Record<string, unknown> | null | undefined): unknown {
  const persisted = extensions?.persistedQuery;
  return isObject(persisted) ? persisted.sha256Hash : undefined;
}

function isMissing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
