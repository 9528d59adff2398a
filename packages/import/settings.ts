import { type Config, readConfig } from '../../src/config/config.ts';
import { UsageError } from './problem.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings of the API. With a gateway, the importer uses only limits and time zone.
 * @throws UsageError, ConfigError
 */
export function importConfig(env: Env, gateway?: URL): Config {
  if (!gateway && !env.DATATRICS_URL) {
    throw new UsageError(
      'No destination: set DATATRICS_URL, DATATRICS_PROJECT and DATATRICS_API_KEY, or give --gateway URL.',
    );
  }
  // The importer does not listen, so the server settings only have to be valid.
  const api = ['DATATRICS_URL', 'DATATRICS_PROJECT', 'DATATRICS_API_KEY', 'DATATRICS_API_KEY_FILE'];
  const unused = gateway && Object.fromEntries(api.map((name) => [name, '']));
  return readConfig({ ...env, AUTH_MODE: 'open', HOST: '127.0.0.1', ...unused });
}
