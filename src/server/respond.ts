import type { Outcome } from '../graph/outcome.ts';
import { wellFormedJson } from '../lib/well-formed.ts';
import { chooseMediaType, GRAPHQL_RESPONSE_TYPE, JSON_TYPE } from './media-types.ts';

const headersOf = (type: string, cacheControl: string) => [
  'content-type',
  `${type}; charset=utf-8`,
  'cache-control',
  cacheControl,
  'x-content-type-options',
  'nosniff',
];
const HEADERS = {
  [JSON_TYPE]: headersOf(JSON_TYPE, 'no-store'),
  [GRAPHQL_RESPONSE_TYPE]: headersOf(GRAPHQL_RESPONSE_TYPE, 'no-store'),
};

export interface HttpAnswer {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: string;
}

/**
 * Makes an HTTP answer of an outcome, https://graphql.github.io/graphql-over-http/draft/#sec-Response
 *
 * Under `application/json` whatever could be read as GraphQL answers 200; under `application/graphql-response+json` an
 * operation that did not run answers 400. A request that was turned away has its own status under both.
 */
export function respond(outcome: Outcome, accept: string | null | undefined): HttpAnswer {
  // Clients' retry links take a failing status under the other type for a result.
  const mediaType = isRetryable(outcome.status) ? JSON_TYPE : chooseMediaType(accept);
  const status = outcome.status ?? (outcome.kind === 'invalid' && mediaType === GRAPHQL_RESPONSE_TYPE ? 400 : 200);
  const own = outcome.cacheControl === undefined ? HEADERS[mediaType] : headersOf(mediaType, outcome.cacheControl);
  const headers = outcome.headers ? [...own, ...Object.entries(outcome.headers).flat()] : own;
  outcome.json ??= wellFormedJson(JSON.stringify(outcome.result));
  return { status, headers, body: outcome.json };
}

/** Statuses that tell a client to come again later. */
function isRetryable(status: number | undefined): boolean {
  return status === 429 || status === 503;
}
