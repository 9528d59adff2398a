import { z } from 'zod';
import type { Target } from '../invalidation/target.ts';
import { invalidationUrl, secret } from './checks.ts';
import { type Environment, withoutEmpty } from './environment.ts';
import { fileVariable, readSecretFiles } from './secret-files.ts';

const common = {
  url: invalidationUrl,
  /** Name of the environment variable that holds the secret; with `_FILE` at its end, of the one that names the secret's file. */
  secretFrom: z
    .string('the name of an environment variable')
    .regex(/^[A-Z][A-Z0-9_]*$/, 'the name of an environment variable'),
};

const target = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('apollo-router'),
      subgraph: z
        .string('the name of a subgraph')
        .regex(/^[A-Za-z][\w-]*$/, 'the name of a subgraph')
        .default('datatrics'),
      ...common,
    }),
    z.strictObject({ kind: z.literal('webhook'), ...common }),
  ],
  'apollo-router or webhook',
);

function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return `needs ${issue.message}`;
  const names = issue.keys.map((key) => JSON.stringify(key)).join(', ');
  return `got ${names}; needs kind, url, secretFrom, and for a router subgraph`;
}

export type ConfiguredTarget = Target & {
  readonly secretFrom: string;
  /** The file with the secret, if it is in one. */
  readonly secretFile: string | undefined;
};

/**
 * Checks the list of caches that learn of writes, and adds their secrets from the environment.
 *
 * @param hasTags whether the subgraph's schema has cache tags, without which a router removes nothing
 * @param problems gets a line for each thing that is wrong
 */
export function readTargets(
  given: unknown,
  env: Environment,
  hasTags: boolean,
  problems: string[],
): { readonly targets: ConfiguredTarget[]; readonly secretNames: ReadonlySet<string> } {
  const targets: ConfiguredTarget[] = [];
  const secretNames = new Set<string>();
  const report = (path: readonly PropertyKey[], problem: string): void => {
    problems.push(`GATEWAY_CONFIG: ${['invalidation', ...path].map(String).join('.')}: ${problem}`);
  };
  if (given !== undefined && (!Array.isArray(given) || given.length === 0)) report([], 'needs a list of caches');
  const places = new Set<string>();
  for (const [index, entry] of Array.isArray(given) ? given.entries() : []) {
    const { success, data, error } = target.safeParse(entry);
    if (!success) {
      for (const issue of error.issues) report([index, ...issue.path], problemOf(issue));
      continue;
    }
    const place = `${data.kind} ${data.url.href}`;
    if (places.has(place)) report([index, 'url'], 'got the same cache twice; needs caches that differ');
    places.add(place);
    if (data.kind === 'apollo-router' && !hasTags) {
      report([index, 'kind'], 'got "apollo-router" without tags; needs SUBGRAPH_DIRECTIVES with cacheTag');
    }
    const { secretFrom } = data;
    secretNames.add(secretFrom).add(fileVariable(secretFrom));
    const known = problems.length;
    const fromFile = readSecretFiles(withoutEmpty(env), problems, [secretFrom])[secretFrom];
    if (problems.length > known) continue;
    const value = secret.safeParse(fromFile ?? env[secretFrom]);
    const secretFile = fromFile === undefined ? undefined : env[fileVariable(secretFrom)];
    if (value.success) targets.push({ ...data, secret: value.data, secretFile });
    else {
      const got = (fromFile ?? env[secretFrom]) ? 'got a value that is not shown' : 'not set';
      problems.push(`${secretFrom}: ${got}; needs a secret of 16 or more visible ASCII characters`);
    }
  }
  return { targets, secretNames };
}
