import { createPrincipal } from '../../src/auth/principal.ts';
import { readConfig } from '../../src/config/config.ts';
import { createTarget } from '../../src/datatrics/bulk/target.ts';
import { Capabilities } from '../../src/datatrics/capabilities.ts';
import { Client } from '../../src/datatrics/client.ts';
import type { Resource } from '../../src/datatrics/endpoints.ts';
import { Masking } from '../../src/datatrics/masking.ts';
import type { ProjectSettings } from '../../src/datatrics/project-settings.ts';
import { Session } from '../../src/datatrics/session.ts';
import { Operation } from '../../src/upstream/operation.ts';
import { createPool } from '../../src/upstream/pool.ts';

const config = readConfig({ DATATRICS_FILTERS: 'off' });
const sources = { profile: [], content: [], conversion: [], interaction: [] };
const settings: ProjectSettings = { ...config, sources, masking: new Masking(config.masking) };

/** The bulk endpoint of an API, for the engine without GraphQL; `end` lets go of it. */
export function bulkTarget(resource: Resource, origin: string, timeoutMs: number) {
  const pool = createPool({ origin, connections: 8, timeoutMs });
  const principal = createPrincipal('test', '1', 'k');
  const operation = new Operation({ timeoutMs: 2 ** 31 - 1, maxCalls: Number.POSITIVE_INFINITY });
  const client = new Client({ send: pool.send, basePath: '/2.0' }).as(principal, operation);
  const session = new Session({ client, settings, capabilities: new Capabilities() });
  return {
    target: createTarget(resource, session),
    operation,
    async end(): Promise<void> {
      operation.end();
      await pool.close();
    },
  };
}
