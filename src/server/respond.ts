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
  /** Names and values in turn, without `vary`. */
  readonly headers: readonly string[];
  /** Request headers that decide the answer, besides `origin` and `accept-encoding`. */
  readonly vary?: string | undefined;
  readonly body: string;
}

/**
 * The HTTP answer for an outcome, https://graphql.github.io/graphql-over-http/draft/#sec-Response
 *
 * For an operation that did not run, the status is 200 under `application/json`, and 400 under
 * `application/graphql-response+json`. Refused requests have the same status under both.
 */
export function respond(outcome: Outcome, accept: string | undefined): HttpAnswer {
  const mediaType = mediaTypeOf(outcome, accept);
  const own = outcome.cacheControl === undefined ? HEADERS[mediaType] : headersOf(mediaType, outcome.cacheControl);
  const headers = outcome.headers ? [...own, ...Object.entries(outcome.headers).flat()] : own;
  outcome.json ??= wellFormedJson(JSON.stringify(outcome.result));
  return { status: statusUnder(mediaType, outcome), headers, body: outcome.json };
}

export function statusOf(outcome: Outcome, accept: string | undefined): number {
  return statusUnder(mediaTypeOf(outcome, accept), outcome);
}

function statusUnder(mediaType: string, { status, kind }: Outcome): number {
  return status ?? (kind === 'invalid' && mediaType === GRAPHQL_RESPONSE_TYPE ? 400 : 200);
}

function mediaTypeOf({ status }: Outcome, accept: string | undefined) {
  // Clients' retry links treat an error status under `application/graphql-response+json` as a result.
  return status === 429 || status === 503 ? JSON_TYPE : chooseMediaType(accept);
}
