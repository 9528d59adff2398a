import { useResponseCache } from '@graphql-yoga/plugin-response-cache';

/**
 * Keeps whole answers for five seconds. Needs `npm install @graphql-yoga/plugin-response-cache` beside the gateway.
 *
 * The session is the caller's: callers with other rights get other answers. A write does not remove answers that were read
 * before it: the gateway's own cache of records (`freshness`) does.
 *
 * @type {import('graphql-yoga').Plugin[]}
 */
export default [
  useResponseCache({
    session: (_request, { caller }) => caller.sessionKey,
    ttl: 5_000,
    // Who asks for fresh data gets it.
    enabled: (request) => !request.headers.has('cache-control'),
  }),
];
