import { z } from 'zod';
import type { Environment } from './environment.ts';
import { readSecretFiles } from './secret-files.ts';
import { fileVariable } from './variables.ts';

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

interface Checks<T> {
  readonly entry: z.ZodType<T>;
  readonly secret: z.ZodType<string, string>;
  /** What differs between entries. No message shows it. */
  readonly keyOf: (entry: T) => string;
}

/**
 * Checks a list in the configuration file, and adds the secrets of its entries from the environment.
 *
 * @param problems gets a line for each thing that is wrong
 * @returns the valid entries, and the environment variables that hold secrets
 */
export function readEntries<T extends Entry>(
  name: string,
  given: unknown,
  env: Environment,
  checks: Checks<T>,
  problems: string[],
): { readonly entries: (T & WithSecret)[]; readonly secretNames: readonly string[] } {
  const entries: (T & WithSecret)[] = [];
  const secretNames: string[] = [];
  const list: readonly unknown[] = Array.isArray(given) ? given : [];
  if (given !== undefined && list.length === 0) problems.push(`GATEWAY_CONFIG: ${name}: needs a list of ${name}`);
  const known = new Set<string>();
  for (const [index, one] of list.entries()) {
    const place = `${name}.${index}`;
    const { data, error } = checks.entry.safeParse(one);
    for (const issue of error?.issues ?? []) {
      problems.push(`GATEWAY_CONFIG: ${[place, ...issue.path].map(String).join('.')}: ${textOf(issue)}`);
    }
    if (data === undefined) continue;
    const key = checks.keyOf(data);
    if (known.has(key)) problems.push(`GATEWAY_CONFIG: ${place}: got the same twice; needs ${name} that differ`);
    known.add(key);
    const { secretFrom } = data;
    secretNames.push(secretFrom, fileVariable(secretFrom));
    const secretFile = env[fileVariable(secretFrom)];
    const inFile = readSecretFiles(env, problems, [secretFrom])[secretFrom];
    if (secretFile !== undefined && inFile === undefined) continue;
    const text = inFile ?? env[secretFrom];
    const value = checks.secret.safeParse(text ?? '');
    if (value.success) entries.push({ ...data, secret: value.data, secretFile });
    else {
      const got = text === undefined ? 'not set' : 'got a value that is not shown';
      problems.push(`${secretFrom}: ${got}; needs ${value.error.issues[0]?.message}, for ${place}`);
    }
  }
  return { entries, secretNames };
}

function textOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return `needs ${issue.message}`;
  return `got ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}; needs only members that docs/configuration.md names`;
}
