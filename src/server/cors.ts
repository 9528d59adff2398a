import type { IncomingHttpHeaders } from 'node:http';

/** Request headers that pages may send: the gateway's own, and those of common clients and tracers. */
const REQUEST_HEADERS = [
  'content-type',
  'authorization',
  'x-apikey',
  'x-datatrics-project',
  'x-request-id',
  'x-upstream-plan',
  'x-upstream-receipt',
  'cache-control',
  // Apollo Client
  'apollographql-client-name',
  'apollographql-client-version',
  'apollo-require-preflight',
  'x-apollo-operation-name',
  // W3C Trace Context and Baggage, Sentry
  'traceparent',
  'tracestate',
  'baggage',
  'sentry-trace',
];
const RESPONSE_HEADERS = 'retry-after, ratelimit, ratelimit-policy, x-request-id, age, etag';

const NONE = {};

/** CORS for configured origins. The answer names the requesting origin, never `*`. Credentials are never allowed. */
export function createCors(origins: readonly string[], headers: readonly string[]) {
  const allowed = new Set(origins);
  const requestHeaders = [...REQUEST_HEADERS, ...headers].join(', ');
  return {
    /** @param forBrowsers whether pages may use the endpoint */
    headers({ origin }: IncomingHttpHeaders, forBrowsers: boolean): Readonly<Record<string, string>> {
      if (!forBrowsers || allowed.size === 0) return NONE;
      if (origin === undefined || !allowed.has(origin)) return { vary: 'origin' };
      return {
        vary: 'origin',
        'access-control-allow-origin': origin,
        'access-control-expose-headers': RESPONSE_HEADERS,
      };
    },
    /**
     * Whether a page of another site caused this request without a preflight. It cannot read the answer, but the request would
     * cost REST calls. https://www.w3.org/TR/fetch-metadata/
     */
    isForeign({ origin, 'sec-fetch-site': site }: IncomingHttpHeaders): boolean {
      return site === 'cross-site' && (origin === undefined || !allowed.has(origin));
    },
    preflight({ origin }: IncomingHttpHeaders): Record<string, string> {
      if (origin === undefined || !allowed.has(origin)) return {};
      return {
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': requestHeaders,
        'access-control-max-age': '600',
      };
    },
  };
}

export type Cors = ReturnType<typeof createCors>;
