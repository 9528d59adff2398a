import { createHmac, hash } from 'node:crypto';
import type { Resource } from '../../src/datatrics/endpoints.ts';
import { typeNameOf } from '../../src/datatrics/keys.ts';
import { listTagOf, recordTagOf, typeTagOf } from '../../src/graph/cache-tags.ts';

/** A cache outside the gateway that is to learn of writes. */
export interface Target {
  readonly kind: 'apollo-router' | 'webhook';
  readonly url: URL;
  /** Apollo Router only: the name of this subgraph in the supergraph. */
  readonly subgraph?: string | undefined;
  /** Apollo Router's shared key, or the key of the webhook's signature. */
  readonly secret: string;
}

/** Records whose copies in caches are out of date. */
export interface Invalidation {
  /** Stays the same when it is delivered again. */
  readonly id: string;
  readonly project: string;
  readonly resource: Resource;
  /** Ids of the records in their sources; empty if any record of the resource may be out of date. */
  readonly ids: readonly string[];
  /** Time of the write, ISO 8601. */
  readonly at: string;
}

interface Request {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The request that reports invalidations to a target. It does not change when it is repeated, except for the signature's time. */
export function requestFor(target: Target, items: readonly Invalidation[]): Request {
  return target.kind === 'webhook' ? webhookRequest(target, items) : routerRequest(target, items);
}

/**
 * Removes the written records and the lists of their types from the router's cache.
 * https://www.apollographql.com/docs/graphos/routing/performance/caching/response-caching/invalidation
 */
function routerRequest({ secret, subgraph = '' }: Target, items: readonly Invalidation[]): Request {
  const tags = items.flatMap(({ resource, ids }) => [
    ...(ids.length > 0 ? ids.map((id) => recordTagOf(resource, id)) : [typeTagOf(resource)]),
    listTagOf(resource),
  ]);
  const body = [...new Set(tags)].map((tag) => ({ kind: 'cache_tag', subgraphs: [subgraph], cache_tag: tag }));
  return { headers: { 'content-type': 'application/json', authorization: secret }, body: JSON.stringify(body) };
}

/**
 * Signed as https://www.standardwebhooks.com describes. Receivers may skip a request whose id they know, so a retry with more
 * invalidations has another id.
 */
function webhookRequest({ secret }: Target, items: readonly Invalidation[]): Request {
  const body = JSON.stringify({
    invalidations: items.map(({ id, project, resource, ids, at }) => ({
      id,
      project,
      type: typeNameOf(resource),
      ids,
      at,
    })),
  });
  const id = hash('sha256', items.map((item) => item.id).join(), 'base64url');
  const timestamp = Math.floor(Date.now() / 1000);
  const signature = createHmac('sha256', signingKey(secret)).update(`${id}.${timestamp}.${body}`).digest('base64');
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${signature}`,
  };
  return { headers, body };
}

/** Prefix of a secret that is base64, as the libraries of Standard Webhooks take it. */
const BASE64_PREFIX = 'whsec_';

function signingKey(secret: string): Buffer {
  return secret.startsWith(BASE64_PREFIX)
    ? Buffer.from(secret.slice(BASE64_PREFIX.length), 'base64')
    : Buffer.from(secret);
}
