import { useResponseCache } from '@graphql-yoga/plugin-response-cache';

/**
 * Keeps whole answers for five seconds. Needs `npm install @graphql-yoga/plugin-response-cache` beside the gateway.
 *
 * The session is the caller's: who may see other data gets another answer. Consider the gateway's own cache of records first
 * (`freshness`), which knows of writes.
 *
 * @type {import('graphql-yoga').Plugin[]}
 */
export default [useResponseCache({ session: (_request, { caller }) => caller.sessionKey, ttl: 5_000 })];
