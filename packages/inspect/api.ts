import { UsageError } from '../../src/cli/usage.ts';
import { type Config, loadConfig } from '../../src/config/config.ts';
import type { Endpoint } from '../../src/datatrics/endpoints.ts';
import { buildPath, type CallArgs } from '../../src/datatrics/paths.ts';
import { type CustomFields, createRecordTypes } from '../../src/datatrics/records/custom-fields.ts';
import type { RecordTypes } from '../../src/datatrics/records/record-types.ts';
import { createAbortController } from '../../src/lib/abort.ts';
import type { UpstreamResponse } from '../../src/upstream/call.ts';
import { createPool } from '../../src/upstream/pool.ts';
import { Resilience } from '../../src/upstream/resilience.ts';
import { sendWithRetry } from '../../src/upstream/retry.ts';

/** The read endpoints of the configured API, for commands that inspect a project. */
export interface ReadOnlyApi {
  readonly project: string;
  /** Address of the API, for display. */
  readonly where: string;
  readonly config: Config;
  readonly customFields: CustomFields;
  readonly recordTypes: RecordTypes;
  /** IANA zone of the project's times. */
  readonly timeZone: string;
  /** HTTP requests so far, including retries. */
  calls(): number;
  /**
   * Sends one GET, with retries.
   * @throws TransportError when the API does not answer
   * @throws UsageError when the API rejects the key (401, 403)
   */
  get(endpoint: Endpoint, args: CallArgs): Promise<UpstreamResponse>;
  close(): Promise<void>;
}

/** ms for all attempts of one read together. */
const READ_MS = 30_000;

/**
 * Opens the API that the gateway's settings name. Without DATATRICS_URL it starts a sandbox.
 *
 * @param projectId default: the configured project
 * @throws ConfigError for invalid settings
 * @throws UsageError without a project or its API key
 */
export async function openApi(projectId: string | undefined): Promise<ReadOnlyApi> {
  const config = loadConfig();
  const { url, project, apiKey, stop } = config.upstream ? configuredTarget(config, projectId) : await sandboxTarget();
  const { origin, pathname } = new URL(url);
  const pool = createPool({ origin, connections: 4, timeoutMs: config.upstreamTimeoutMs });
  const accepted = ['accept', 'application/json', 'content-type', 'application/json'];
  const headers = [...accepted, 'x-apikey', apiKey];
  const { signal } = createAbortController();
  const resilience = new Resilience();
  let calls = 0;
  return {
    project,
    where: config.upstream ? url : 'the embedded sandbox',
    config,
    customFields: config.customFields,
    recordTypes: createRecordTypes(config.customFields),
    timeZone: config.projects.find(({ id }) => id === project)?.timeZone ?? config.timeZone,
    calls: () => calls,
    async get(endpoint, args) {
      if (endpoint.method !== 'GET') throw new Error(`${endpoint.label} is not a read endpoint`);
      const deadline = performance.now() + READ_MS;
      const path = pathname + buildPath(endpoint, args, project);
      const response = await sendWithRetry(
        pool.send,
        { method: 'GET', path, headers },
        { signal, deadline: () => deadline, spend: () => (calls += 1) },
        resilience,
      );
      if (response.status === 401 || response.status === 403) {
        throw new UsageError(`${endpoint.label} answered ${response.status}: the API rejects the API key.`);
      }
      return response;
    },
    async close() {
      await pool.close();
      await stop();
    },
  };
}

interface Target {
  readonly url: string;
  readonly project: string;
  readonly apiKey: string;
  readonly stop: () => Promise<void>;
}

function configuredTarget(config: Config, projectId: string | undefined): Target {
  const { origin, basePath } = config.upstream as { origin: string; basePath: string };
  const project = projectId ?? config.project ?? config.projects[0]?.id;
  if (project === undefined) throw new UsageError('No project: give --project ID or set DATATRICS_PROJECT.');
  const listed = config.projects.find(({ id }) => id === project)?.secret;
  const apiKey = listed ?? (project === config.project || projectId === undefined ? config.apiKey : undefined);
  if (apiKey === undefined) throw new UsageError(`The settings have no API key for project ${project}.`);
  return { url: `${origin}${basePath}`, project, apiKey, stop: async () => undefined };
}

async function sandboxTarget(): Promise<Target> {
  const { startSandbox } = await import('../../src/sandbox/server.ts');
  const running = await startSandbox();
  return { url: running.url, project: running.project, apiKey: running.apiKey, stop: () => running.close() };
}
