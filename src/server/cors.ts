import type { IncomingHttpHeaders } from 'node:http';

/** Request headers that pages may send: the gateway's own, and those that common clients and tracers send by themselves. */
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

/**
 * The headers by which a browser lets a page of another origin read an answer. Only configured origins get any, each its
 * own name back; credentials are never allowed, since this API has no cookies to go with them.
 */
export function createCors(origins: readonly string[], headers: readonly string[]) {
  const allowed = new Set(origins);
  const requestHeaders = [...REQUEST_HEADERS, ...headers].join(', ');
  return {
    /**
     * Headers for any answer; none where no page of another origin is ever let in.
     * @param forBrowsers whether the endpoint is for pages at all
     */
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
     * Whether a page of another origin caused a request that a browser sends without asking first. Such a page can't read the
     * answer, but its request would cost REST calls. Browsers say so by `Sec-Fetch-Site`, https://www.w3.org/TR/fetch-metadata/
     */
    isForeign({ origin, 'sec-fetch-site': site }: IncomingHttpHeaders): boolean {
      return site === 'cross-site' && (origin === undefined || !allowed.has(origin));
    },
    /** Further headers for the answer to a preflight of an allowed origin. */
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
