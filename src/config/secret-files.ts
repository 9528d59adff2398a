import { readText } from './text-file.ts';

/** Secrets whose value may be in a file that `…_FILE` names, as orchestrators mount them. */
const SECRETS = ['DATATRICS_API_KEY', 'ROUTER_SECRET', 'ROUTER_HMAC_SECRET', 'PII_KEY', 'REDIS_URL'] as const;

export const SECRET_FILE_NAMES: readonly string[] = SECRETS.map(fileVariable);

/** The variable that names the file of a secret. */
export function fileVariable(name: string): string {
  return `${name}_FILE`;
}

/**
 * Reads the secrets that are in files, each without one final line end.
 * @returns values by the secrets' names
 */
export function readSecretFiles(
  given: Readonly<Record<string, string | undefined>>,
  problems: string[],
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const name of SECRETS) {
    const variable = fileVariable(name);
    const path = given[variable];
    if (path === undefined) continue;
    if (given[name] !== undefined) {
      problems.push(`${name}, ${variable}: got both; needs one of them`);
      continue;
    }
    // The path may be the secret itself, under the wrong name.
    try {
      const value = readText(path).replace(/\r?\n$/, '');
      if (value === '') throw new Error('empty');
      values[name] = value;
    } catch (error) {
      const got = `got a path that is not shown (${(error as Error).message})`;
      problems.push(`${variable}: ${got}; needs a text file with the value of ${name}`);
    }
  }
  return values;
}
