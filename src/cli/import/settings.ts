import { type Config, readConfig } from '../../config/config.ts';
import { UsageError } from './problem.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Settings for the way to the API; with a gateway only limits and zone are used.
 * @throws UsageError, ConfigError
 */
export function importConfig(env: Env, gateway?: URL): Config {
  if (!gateway && !env.DATATRICS_URL) {
    throw new UsageError(
      'Where to? Set DATATRICS_URL, DATATRICS_PROJECT and DATATRICS_API_KEY, or give --gateway URL.',
    );
  }
  // The importer listens to nobody; with a gateway, the settings of the API are not used.
  const api = ['DATATRICS_URL', 'DATATRICS_PROJECT', 'DATATRICS_API_KEY', 'DATATRICS_API_KEY_FILE'];
  const unused = gateway && Object.fromEntries(api.map((name) => [name, '']));
  return readConfig({ ...env, AUTH_MODE: 'open', HOST: '127.0.0.1', ...unused });
}
