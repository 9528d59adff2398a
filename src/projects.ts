import type { Upstream } from './app.ts';
import type { Config } from './config.ts';
import type { ProjectConfig } from './config-file.ts';
import { type Client, type ClientOptions, createClient } from './datatrics/client.ts';
import { Masking } from './datatrics/masking.ts';
import type { ProjectSettings } from './datatrics/session.ts';
import { Admission } from './lib/admission.ts';
import type { OperationLimits } from './lib/operation.ts';
import { createPool } from './transport/pool.ts';

/** What serves one project: its own connections, its own way of being read, its own limits. */
export interface Project {
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
  close(): Promise<void>;
}

/** Calls that running operations are expected to make for each connection: enough for it never to wait for work. */
const WAVES = 3;

/** Sets up every configured project, and one more for those that callers bring the key of. */
export function createProjects(
  config: Config,
  upstream: Upstream,
  watch: Pick<ClientOptions, 'onCall' | 'onWrite'>,
): ProjectRegistry {
  const masking = new Masking(config.masking);
  const closing: (() => Promise<void>)[] = [];

  function setUp(own: Partial<ProjectConfig>): Project {
    const connections = own.connections ?? config.upstreamConnections;
    const pool = createPool({
      origin: upstream.origin,
      connections,
      timeoutMs: own.upstreamTimeoutMs ?? config.upstreamTimeoutMs,
    });
    closing.push(pool.close);
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
      admission: new Admission(connections * WAVES),
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
    async close() {
      await Promise.all(closing.map((close) => close()));
    },
  };
}
