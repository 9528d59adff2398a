import { z } from 'zod';
import { invalidationUrl, secret } from './checks.ts';
import { readEntries, variableName } from './entries.ts';
import type { Environment } from './environment.ts';

const common = { url: invalidationUrl, secretFrom: variableName };
const SUBGRAPH = 'the name of a subgraph';
const subgraph = z.string(SUBGRAPH).regex(/^[A-Za-z][\w-]*$/, SUBGRAPH);

const target = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('apollo-router'), subgraph: subgraph.default('datatrics'), ...common }),
    z.strictObject({ kind: z.literal('webhook'), ...common }),
  ],
  { error: ({ code }) => (code === 'invalid_union' ? 'apollo-router or webhook' : undefined) },
);

/**
 * Checks the list of caches that learn of writes.
 * @param hasTags whether the subgraph's schema has cache tags, without which a router removes nothing
 */
export function readTargets(given: unknown, env: Environment, hasTags: boolean, problems: string[]) {
  const entry = target.refine(({ kind }) => kind === 'webhook' || hasTags, {
    path: ['kind'],
    message: 'SUBGRAPH_DIRECTIVES with cacheTag where it is "apollo-router"',
  });
  const keyOf = ({ kind, url }: z.infer<typeof target>) => `${kind} ${url.href}`;
  return readEntries('invalidation', given, env, { entry, secret, keyOf }, problems);
}
