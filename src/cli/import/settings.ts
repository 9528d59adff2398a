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
  // Who may ask a gateway, and where it listens, is of no matter here.
  return readConfig({ ...env, AUTH_MODE: 'open', HOST: '127.0.0.1', ...(gateway && { DATATRICS_URL: '' }) });
}
