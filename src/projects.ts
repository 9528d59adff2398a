import type { Config } from './config/config.ts';
import type { ProjectConfig } from './config/projects.ts';
import { Callers } from './datatrics/callers.ts';
import { Client, type ClientOptions } from './datatrics/client.ts';
import { Masking } from './datatrics/masking.ts';
import type { ProjectSettings } from './datatrics/project-settings.ts';
import { createRecordTypes } from './datatrics/records/custom-fields.ts';
import { Admission } from './graph/admission.ts';
import { createPool } from './upstream/pool.ts';

/** The API behind the gateway, with its defaults: project, key and sources. */
export interface Upstream {
  readonly origin: string;
  readonly basePath: string;
  readonly project: string | undefined;
  readonly apiKey: string | undefined;
  readonly sources: ProjectSettings['sources'];
}

/** Estimated calls of running operations for each connection. Three keep every connection busy. */
const CALLS_PER_CONNECTION = 3;

/** How the gateway and the API distinguish callers, by AUTH_MODE. */
const CALLER_KINDS = { open: 'everybody', managed: 'one-key', passthrough: 'own-keys' } as const;

/** Sets up every configured project, and one more `Project` for callers that bring their own key. */
export function createProjects(
  config: Config,
  upstream: Upstream,
  shared: Pick<ClientOptions, 'onCall' | 'onWrite' | 'onInvalidated' | 'freshness'>,
) {
  const masking = new Masking(config.masking);
  const recordTypes = createRecordTypes(config.customFields);
  const pools: ReturnType<typeof createPool>[] = [];
  const callers = new Callers(CALLER_KINDS[config.authMode], config.policies);

  /** Client, settings, limits and admission control of one project. Each project has its own connections. */
  function setUp(own: Partial<ProjectConfig>) {
    const { connections, ...project } = { ...config, ...own };
    const pool = createPool({
      origin: upstream.origin,
      connections,
      timeoutMs: project.upstreamTimeoutMs,
      waiting: config.upstreamQueue,
    });
    pools.push(pool);
    return {
      upstream: upstream.origin + upstream.basePath,
      client: new Client({
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
        filters: project.filters,
        batchReads: project.batchReads,
        conversionProfileField: project.conversionProfileField,
        timeZone: project.timeZone,
        pageLimit: config.pageLimit,
        masking,
        recordTypes,
      },
      limits: {
        timeoutMs: project.operationTimeoutMs,
        maxCalls: project.maxUpstreamCalls,
        maxBytes: config.maxUpstreamBytes,
        maxValues: config.documentLimits.maxEstimatedValues,
      },
      admission: new Admission(connections * CALLS_PER_CONNECTION, connections),
    };
  }

  const common = setUp({});
  const projects = new Map(config.projects.map((own) => [own.id, setUp(own)]));
  const keys = new Map(config.projects.map(({ id, secret }) => [id, secret]));
  const { project, apiKey } = upstream;
  // The environment variables may name a project too. An entry for it in the configuration file takes precedence.
  if (project !== undefined && apiKey !== undefined && !keys.has(project)) keys.set(project, apiKey);

  const clients = [common, ...projects.values()].map(({ client }) => client);
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  return {
    /** Returns the project with this id. Projects that are not configured share one `Project` and use the caller's key. */
    of: (id: string) => projects.get(id) ?? common,
    keys: keys as ReadonlyMap<string, string>,
    /** Replaces a key. Requests that begin from now on use it; those under way keep theirs. */
    setKey: (project: string, apiKey: string) => keys.set(project, apiKey),
    inFlight: () => sum(clients.map(({ inFlight }) => inFlight)),
    queued: () => sum(pools.map(({ waiting }) => waiting)),
    callers,
    async close() {
      await Promise.all(pools.map((pool) => pool.close()));
    },
  };
}
