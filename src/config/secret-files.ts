import { readText } from './text-file.ts';
import { SECRETS } from './variables.ts';

/** Variables that name the file of a secret, as orchestrators mount them. */
export const SECRET_FILE_NAMES: readonly string[] = [...SECRETS].map(fileVariable);

/** The variable that names the file of a secret. */
export function fileVariable(name: string): string {
  return `${name}_FILE`;
}

/**
 * Reads a secret from its file, without one final line end.
 * @throws Error whose message is the reason in a few words, without any content of the file
 */
export function readSecret(path: string): string {
  const value = readText(path).replace(/\r?\n$/, '');
  if (value === '') throw new Error('empty');
  return value;
}

/**
 * Reads the secrets that are in files.
 * @param names of the secrets
 * @returns values by the secrets' names
 */
export function readSecretFiles(
  given: Readonly<Record<string, string | undefined>>,
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
    // The path may be the secret itself, under the wrong name.
    try {
      values[name] = readSecret(path);
    } catch (error) {
      const got = `got a path that is not shown (${(error as Error).message})`;
      problems.push(`${variable}: ${got}; needs a text file with the value of ${name}`);
    }
  }
  return values;
}
