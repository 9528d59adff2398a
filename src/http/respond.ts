import type { Outcome } from '../graph/outcome.ts';
import { wellFormedJson } from '../lib/well-formed.ts';

export const JSON_TYPE = 'application/json';
export const GRAPHQL_RESPONSE_TYPE = 'application/graphql-response+json';

const headersOf = (type: string, cacheControl: string) => [
  'content-type',
  `${type}; charset=utf-8`,
  'cache-control',
  cacheControl,
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

/**
 * The media type that a client prefers. Without a preference for either, as with `*∕*` or none of the two, it is
 * `application/json`, which every client understands.
 */
export function chooseMediaType(accept: string | null | undefined): typeof JSON_TYPE | typeof GRAPHQL_RESPONSE_TYPE {
  if (!accept?.includes(GRAPHQL_RESPONSE_TYPE)) return JSON_TYPE;
  const quality = (type: string): number => {
    let best = -1;
    for (const part of accept.split(',')) {
      const [name, ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
      if (name !== type) continue;
      const q = parameters.find((parameter) => parameter.startsWith('q='));
      best = Math.max(best, q === undefined ? 1 : Number(q.slice(2)) || 0);
    }
    return best;
  };
  const wanted = quality(GRAPHQL_RESPONSE_TYPE);
  return wanted > 0 && wanted >= quality(JSON_TYPE) ? GRAPHQL_RESPONSE_TYPE : JSON_TYPE;
}

/** Statuses that tell a client to come again later. */
function isRetryable(status: number | undefined): boolean {
  return status === 429 || status === 503;
}
