import type { Environment } from './environment.ts';
import { readText } from './text-file.ts';
import { fileVariable, SECRETS } from './variables.ts';

export const SECRET_FILE_NAMES: readonly string[] = [...SECRETS].map(fileVariable);

/**
 * Reads a secret from its file, without one final line end.
 * @throws Error whose message is the reason in a few words, without any content of the file
 */
export function readSecret(path: string): string {
  const value = readText(path).replace(/\r?\n$/, '');
  if (value === '') throw new Error('empty');
  return value;
}

/** Reads those of the secrets that are in files. Returns their values by the secrets' names. */
export function readSecretFiles(
  given: Environment,
  problems: string[],
  names: Iterable<string> = SECRETS,
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const name of names) {
    const variable = fileVariable(name);
    const path = given[variable];
    if (path === undefined) continue;
    if (given[name] !== undefined) {
      problems.push(`${name}, ${variable}: got both; needs one of them`);
      continue;
    }
    try {
      values[name] = readSecret(path);
    } catch (error) {
      // The path may be the secret itself, under the wrong name.
      const got = `got a path that is not shown (${(error as Error).message})`;
      problems.push(`${variable}: ${got}; needs a text file with the value of ${name}`);
    }
  }
  return values;
}
