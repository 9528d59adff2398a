import { createPrincipal } from '../../src/auth/principal.ts';
import { type Config, readConfig } from '../../src/config/config.ts';
import { createTarget } from '../../src/datatrics/bulk/target.ts';
import { Capabilities } from '../../src/datatrics/capabilities.ts';
import { Client } from '../../src/datatrics/client.ts';
import type { Resource } from '../../src/datatrics/endpoints.ts';
import { Masking } from '../../src/datatrics/masking.ts';
import { Session } from '../../src/datatrics/session.ts';
import { Operation } from '../../src/upstream/operation.ts';
import { createPool } from '../../src/upstream/pool.ts';
import type { Target } from './destination.ts';
import { UsageError } from './problem.ts';

/** ms, the maximum of a timer: an import has no time limit. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;
const NO_SOURCES = { profile: [], content: [], conversion: [], interaction: [] };
const NEEDED = ['DATATRICS_URL', 'DATATRICS_PROJECT', 'DATATRICS_API_KEY'];

/** Reads the settings; with a gateway, only limits and time zone are used. @throws UsageError, ConfigError */
export function importConfig(env: Readonly<Record<string, string | undefined>>, gateway?: URL): Config {
  const unused = gateway && Object.fromEntries([...NEEDED, 'DATATRICS_API_KEY_FILE'].map((name) => [name, '']));
  // The importer does not listen, so the server settings only have to be valid.
  const config = readConfig({ ...env, AUTH_MODE: 'open', HOST: '127.0.0.1', ...unused });
  const { upstream, project, apiKey } = config;
  if (!gateway && !(upstream && project && apiKey)) {
    throw new UsageError(`No destination: set ${NEEDED.join(', ')}, or import with --gateway URL.`);
  }
  return config;
}

/** Opens the connections to the API. Returns a function that creates targets on them. */
export function connectApi(config: Config, connections: number): (resource: Resource) => Target {
  const { upstream, project, apiKey, upstreamTimeoutMs: timeoutMs } = config;
  if (!upstream || !project || !apiKey) throw new TypeError('The API is not configured.');
  // The import is the only caller, so no connections are reserved for others.
  const pool = createPool({ origin: upstream.origin, connections, timeoutMs, reservedShare: 0 });
  const principal = createPrincipal('import', project, apiKey);
  const settings = { ...config, sources: NO_SOURCES, masking: new Masking(config.masking) };
  return (resource) => {
    const operation = new Operation({ timeoutMs: NO_TIMEOUT_MS, maxCalls: Number.POSITIVE_INFINITY });
    const client = new Client({ send: pool.send, basePath: upstream.basePath }).as(principal, operation);
    const session = new Session({ client, settings, capabilities: new Capabilities(1) });
    return { ...createTarget(resource, session), close: () => operation.end() };
  };
}
