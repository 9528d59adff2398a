import type { Config } from './config/config.ts';
import type { ProjectConfig } from './config/projects.ts';
import type { Callers } from './datatrics/callers.ts';
import { type Client, type ClientOptions, createCallers, createClient } from './datatrics/client.ts';
import { Masking } from './datatrics/masking.ts';
import { createRecordTypes } from './datatrics/records/custom-fields.ts';
import type { ProjectSettings } from './datatrics/settings.ts';
import { Admission } from './graph/admission.ts';
import type { OperationLimits } from './upstream/operation.ts';
import { DEFAULT_BULKHEAD } from './upstream/policy.ts';
import { createPool } from './upstream/pool.ts';

/** The API that a gateway stands in front of, and what is known of it without configuration. */
export interface Upstream {
  readonly origin: string;
  readonly basePath: string;
  readonly project: string | undefined;
  readonly apiKey: string | undefined;
  readonly sources: ProjectSettings['sources'];
}

/** What serves one project: its own connections, its own way of being read, its own limits. */
export interface Project {
  /** Base URL of its API. */
  readonly upstream: string;
  readonly client: Client;
  readonly settings: ProjectSettings;
  readonly limits: OperationLimits;
  readonly admission: Admission;
}

export interface ProjectRegistry {
  /** The project with this id; one that is not configured is served as the settings say, with the caller's own key. */
  of(id: string): Project;
  /** Keys of the configured projects. */
  readonly keys: ReadonlyMap<string, string>;
  /** REST reads under way. */
  inFlight(): number;
  /** REST calls that wait for a connection. */
  queued(): number;
  /** The callers of all projects. */
  readonly callers: Callers;
  close(): Promise<void>;
}

/** Calls that running operations are expected to make for each connection: enough for it never to wait for work. */
const WAVES = 3;

/** How callers are told apart, here and upstream. */
const CALLER_KINDS = { open: 'everybody', managed: 'one-key', passthrough: 'own-keys' } as const;

/** Sets up every configured project, and one more for those that callers bring the key of. */
export function createProjects(
  config: Config,
  upstream: Upstream,
  shared: Pick<ClientOptions, 'onCall' | 'onWrite' | 'freshness'>,
): ProjectRegistry {
  const masking = new Masking(config.masking);
  const recordTypes = createRecordTypes(config.customFields);
  const pools: ReturnType<typeof createPool>[] = [];
  const callers = createCallers(CALLER_KINDS[config.authMode], config.policies);

  function setUp(own: Partial<ProjectConfig>): Project {
    const connections = own.connections ?? config.upstreamConnections;
    const pool = createPool({
      origin: upstream.origin,
      connections,
      timeoutMs: own.upstreamTimeoutMs ?? config.upstreamTimeoutMs,
      bulkhead: { ...DEFAULT_BULKHEAD, waiting: config.upstreamQueue },
    });
    pools.push(pool);
    return {
      upstream: upstream.origin + upstream.basePath,
      client: createClient({
        send: pool.send,
        basePath: upstream.basePath,
        share: config.shareInFlight,
        callers,
        ...shared,
      }),
      settings: {
        sources: {
          profile: own.profileSources ?? upstream.sources.profile,
          content: own.contentSources ?? upstream.sources.content,
          conversion: own.conversionSources ?? upstream.sources.conversion,
          interaction: own.interactionSources ?? upstream.sources.interaction,
        },
        filters: own.filters ?? config.filters,
        batchReads: own.batchReads ?? config.batchReads,
        conversionProfileField: own.conversionProfileField ?? config.conversionProfileField,
        timeZone: own.timeZone ?? config.timeZone,
        pageLimit: config.pageLimit,
        masking,
        recordTypes,
      },
      limits: {
        timeoutMs: own.operationTimeoutMs ?? config.operationTimeoutMs,
        maxCalls: own.maxUpstreamCalls ?? config.maxUpstreamCalls,
        maxBytes: config.maxUpstreamBytes,
        maxValues: config.documentLimits.maxEstimatedValues,
      },
      admission: new Admission(connections * WAVES, connections),
    };
  }

  const common = setUp({});
  const projects = new Map(config.projects.map((own) => [own.id, setUp(own)]));
  const keys = new Map(config.projects.map(({ id, apiKey }) => [id, apiKey]));
  const { project, apiKey } = upstream;
  // The variables name a project too; one of the file's list differs from it where that says so.
  if (project !== undefined && apiKey !== undefined && !keys.has(project)) keys.set(project, apiKey);

  const clients = [common, ...projects.values()].map(({ client }) => client);
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  return {
    of: (id) => projects.get(id) ?? common,
    keys,
    inFlight: () => sum(clients.map(({ inFlight }) => inFlight)),
    queued: () => sum(pools.map(({ waiting }) => waiting)),
    callers,
    async close() {
      await Promise.all(pools.map((pool) => pool.close()));
    },
  };
}
