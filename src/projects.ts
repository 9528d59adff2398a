import type { Upstream } from './app.ts';
import type { Config } from './config.ts';
import type { ProjectConfig } from './config-file.ts';
import { type Client, type ClientOptions, createClient } from './datatrics/client.ts';
import { Masking } from './datatrics/masking.ts';
import type { ProjectSettings } from './datatrics/session.ts';
import type { OperationLimits } from './lib/operation.ts';
import { createPool } from './transport/pool.ts';

/** What serves one project: its own connections, its own way of being read, its own limits. */
export interface Project {
  readonly client: Client;
  readonly settings: ProjectSettings;
  readonly limits: OperationLimits;
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
  close(): Promise<void>;
}

/** Sets up every configured project, and one more for those that callers bring the key of. */
export function createProjects(
  config: Config,
  upstream: Upstream,
  watch: Pick<ClientOptions, 'onCall' | 'onWrite'>,
): ProjectRegistry {
  const masking = new Masking(config.masking);
  const pools: ReturnType<typeof createPool>[] = [];

  function setUp(own: Partial<ProjectConfig>): Project {
    const pool = createPool({
      origin: upstream.origin,
      connections: own.connections ?? config.upstreamConnections,
      timeoutMs: own.upstreamTimeoutMs ?? config.upstreamTimeoutMs,
    });
    pools.push(pool);
    return {
      client: createClient({ send: pool.send, basePath: upstream.basePath, share: config.shareInFlight, ...watch }),
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
      },
      limits: {
        timeoutMs: own.operationTimeoutMs ?? config.operationTimeoutMs,
        maxCalls: own.maxUpstreamCalls ?? config.maxUpstreamCalls,
      },
    };
  }

  const common = setUp({});
  const projects = new Map(config.projects.map((own) => [own.id, setUp(own)]));
  const keys = new Map(config.projects.map(({ id, apiKey }) => [id, apiKey]));
  const { project, apiKey } = upstream;
  // The variables name a project too; one of the file's list differs from it where that says so.
  if (project !== undefined && apiKey !== undefined && !keys.has(project)) keys.set(project, apiKey);

  return {
    of: (id) => projects.get(id) ?? common,
    keys,
    inFlight: () => [common, ...projects.values()].reduce((sum, { client }) => sum + client.inFlight, 0),
    queued: () => pools.reduce((sum, pool) => sum + pool.waiting(), 0),
    async close() {
      await Promise.all(pools.map((pool) => pool.close()));
    },
  };
}
