import { readConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/config-error.ts';

/** Why a gateway does not start with these variables, a line each. */
export function problemsOf(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** Settings of a gateway in front of an API that is open to its callers. */
export function settingsOf(url: string, project = '1', key = 'k') {
  return { DATATRICS_URL: url, DATATRICS_PROJECT: project, DATATRICS_API_KEY: key, AUTH_MODE: 'open' };
}
