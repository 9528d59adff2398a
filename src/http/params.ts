import type { OperationRequest } from '../graph/pipeline.ts';
import { GatewayError } from '../lib/error.ts';

/** A request that can not be answered at all; `status` is the HTTP status of the answer. */
export class RequestRefused extends GatewayError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super('BAD_REQUEST', message);
    this.name = 'RequestRefused';
    this.status = status;
    this.headers = headers;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the body of a POST, https://graphql.github.io/graphql-over-http/draft/#sec-JSON-Encoding
 * @throws RequestRefused 400
 */
export function readJsonBody(body: Uint8Array): OperationRequest {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw new RequestRefused(400, 'The body is not UTF-8.');
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new RequestRefused(400, 'The body is not JSON.');
  }
  return checkParams(json);
}

/**
 * Reads the query of a GET, https://graphql.github.io/graphql-over-http/draft/#sec-GET
 * @throws RequestRefused 400
 */
export function readSearchParams(search: URLSearchParams): OperationRequest {
  const json = (name: string): unknown => {
    const text = search.get(name);
    if (text === null || text === '') return undefined;
    try {
      return JSON.parse(text);
    } catch {
      throw new RequestRefused(400, `The parameter ${name} is not JSON.`);
    }
  };
  return checkParams({
    query: search.get('query') ?? undefined,
    operationName: search.get('operationName') ?? undefined,
    variables: json('variables'),
    extensions: json('extensions'),
  });
}

function checkParams(params: unknown): OperationRequest {
  if (Array.isArray(params))
    throw new RequestRefused(400, 'Batches are not supported: send one operation per request.');
  if (!isObject(params)) throw new RequestRefused(400, 'The request must be an object with a query.');
  const { query, operationName, variables, extensions } = params;
  if (query === undefined || query === null) throw new RequestRefused(400, 'The request has no query.');
  if (typeof query !== 'string') throw new RequestRefused(400, 'query must be a string.');
  if (!isMissing(operationName) && typeof operationName !== 'string') {
    throw new RequestRefused(400, 'operationName must be a string.');
  }
  if (!isMissing(variables) && !isObject(variables)) throw new RequestRefused(400, 'variables must be an object.');
  if (!isMissing(extensions) && !isObject(extensions)) throw new RequestRefused(400, 'extensions must be an object.');
  return { query, operationName, variables };
}

function isMissing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
