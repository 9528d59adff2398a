import { z } from 'zod';
import { type Environment, withoutEmpty } from './environment.ts';
import { fileVariable, readSecretFiles } from './secret-files.ts';

const NAME = 'the name of an environment variable';

/** Check of the environment variable that holds a secret; with `_FILE` at its end, of the one that names the secret's file. */
export const variableName = z.string(NAME).regex(/^[A-Z][A-Z0-9_]*$/, NAME);

interface Entry {
  readonly secretFrom: string;
}

export interface WithSecret extends Entry {
  readonly secret: string;
  /** The file with the secret, if it is in one. */
  readonly secretFile: string | undefined;
}

interface ListOptions<T extends Entry> {
  readonly name: string;
  /** What it lists, such as `caches`. */
  readonly what: string;
  readonly entry: z.ZodType<T>;
  readonly secret: z.ZodType<string, string>;
  /** What differs between entries. No message shows it. */
  readonly keyOf: (entry: T) => string;
  /** Further problems of an entry: its member, and what is wrong with it. */
  readonly problemOf?: (entry: T) => readonly [member: string, problem: string] | undefined;
}

/**
 * Checks a list in the configuration file, and adds the secrets of its entries from the environment.
 *
 * @param problems gets a line for each thing that is wrong
 * @returns the valid entries, and the environment variables that hold secrets
 */
export function readEntries<T extends Entry>(
  { name, what, entry: check, secret, keyOf, problemOf }: ListOptions<T>,
  given: unknown,
  env: Environment,
  problems: string[],
): { readonly entries: (T & WithSecret)[]; readonly secretNames: readonly string[] } {
  const entries: (T & WithSecret)[] = [];
  const secretNames: string[] = [];
  const report = (path: readonly PropertyKey[], problem: string): void => {
    problems.push(`GATEWAY_CONFIG: ${[name, ...path].map(String).join('.')}: ${problem}`);
  };
  if (given === undefined) return { entries, secretNames };
  if (!Array.isArray(given) || given.length === 0) report([], `needs a list of ${what}`);
  const known = new Set<string>();
  for (const [index, one] of Array.isArray(given) ? given.entries() : []) {
    const { success, data, error } = check.safeParse(one);
    if (!success) {
      for (const issue of error.issues) report([index, ...issue.path], problemOfIssue(issue));
      continue;
    }
    const key = keyOf(data);
    if (known.has(key)) report([index], `got the same twice; needs ${what} that differ`);
    known.add(key);
    const further = problemOf?.(data);
    if (further) report([index, further[0]], further[1]);
    const { secretFrom } = data;
    secretNames.push(secretFrom, fileVariable(secretFrom));
    const count = problems.length;
    const fromFile = readSecretFiles(withoutEmpty(env), problems, [secretFrom])[secretFrom];
    if (problems.length > count) continue;
    const value = secret.safeParse(fromFile ?? env[secretFrom] ?? '');
    const secretFile = fromFile === undefined ? undefined : env[fileVariable(secretFrom)];
    if (value.success) entries.push({ ...data, secret: value.data, secretFile });
    else {
      const got = (fromFile ?? env[secretFrom]) ? 'got a value that is not shown' : 'not set';
      problems.push(`${secretFrom}: ${got}; needs ${value.error.issues[0]?.message}, for ${name}.${index}`);
    }
  }
  return { entries, secretNames };
}

function problemOfIssue(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return `needs ${issue.message}`;
  return `got ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}; needs only members that docs/configuration.md names`;
}
