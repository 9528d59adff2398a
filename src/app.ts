import type { Plugin } from 'graphql-yoga';
import { createAuthenticate } from './auth/authenticate.ts';
import { createRateLimiter } from './auth/rate-limit.ts';
import { createSubgraphAuthenticate } from './auth/router-proof.ts';
import type { Config } from './config/config.ts';
import { pluginsFailed } from './config/plugins.ts';
import { watchSecrets } from './config/secret-watch.ts';
import { Capabilities } from './datatrics/capabilities.ts';
import { tagsOfWrite } from './datatrics/invalidation.ts';
import { createPipeline } from './graph/pipeline.ts';
import { buildSchema } from './graph/schema.ts';
import { watchFreshness } from './graph/stale-fields.ts';
import type { Logger } from './lib/log.ts';
import { version } from './lib/version.ts';
import { loadPackages } from './packages.ts';
import { createProjects, type Upstream } from './projects.ts';
import { Collapse } from './server/collapse.ts';
import { createCompress } from './server/compression.ts';
import { createCors } from './server/cors.ts';
import { createGraphiql } from './server/graphiql.ts';
import { Readiness } from './server/health.ts';
import { Load } from './server/load-shedder.ts';
import { createMetrics } from './server/metrics.ts';
import { createObserver, createRecordRefusal } from './server/observer.ts';
import { createOperations, type Operations, type OperationsOptions } from './server/operations.ts';
import { PersistedQueries } from './server/persisted-queries.ts';
import type { EndpointParts } from './server/routes.ts';
import { startServer } from './server/server.ts';
import { createResolveDocument } from './server/trusted-documents.ts';
import { createUpstreamWarnings } from './server/upstream-warnings.ts';
import { createYogaEndpoint } from './server/yoga.ts';
import { RecordCache } from './upstream/cache.ts';
import { RedisTier } from './upstream/redis-cache.ts';

export type Gateway = Awaited<ReturnType<typeof startGateway>>;

/** ms that requests under way get to finish when the gateway stops, beyond an operation's own time. */
const CLOSE_GRACE_MS = 1_000;

/** What can be left out, for comparing the ways, and for looking behind the first of two fences; and what is counted outside. */
interface Parts {
  readonly shortcut?: boolean;
  /** Compiled execution. */
  readonly compile?: boolean;
  /** The check of a document against the caller's scopes; the data stays guarded. */
  readonly checkScopes?: boolean;
  /** Plugins of Yoga and Envelop that see every request. Default: none. */
  readonly plugins?: readonly Plugin[];
  /** Log lines dropped so far. Default: none. */
  readonly droppedLines?: () => number;
}

/** Puts the layers together and listens. The only place that sees them all. */
export async function startGateway(config: Config, upstream: Upstream, log: Logger, parts: Parts = {}) {
  const { plugins = [] } = parts;
  const packages = await loadPackages(config);
  const reportUnexpected = (error: unknown, requestId?: string): void =>
    log.error({ requestId, err: error }, 'unexpected error');
  const readiness = new Readiness();
  const warn = createUpstreamWarnings(log);
  const redis =
    config.redisUrl === undefined ? undefined : (await import('./lib/redis.ts')).connectRedis(config.redisUrl, log);
  const hasCache = Object.keys(config.lifetimes).length > 0;
  const cache = hasCache
    ? new RecordCache(config.cacheMaxBytes, redis && new RedisTier(redis, config.lifetimes))
    : undefined;
  const collapse = config.collapseOperations ? new Collapse() : undefined;
  const load = new Load(config.loadLimits, config.authMode !== 'open');
  const telemetry = config.telemetry && packages.tracing?.startTelemetry(config.telemetry, { upstream, version, log });
  const metrics = createMetrics({
    inFlight: () => projects.inFlight(),
    queued: () => projects.queued(),
    guarded: () => projects.callers.guarded,
    load,
    droppedLines: parts.droppedLines ?? (() => 0),
    ready: () => readiness.problem() === null,
    redisConnected: redis && (() => redis.status === 'ready'),
    invalidationsWaiting: () => invalidations?.waiting(),
    histogram: telemetry?.histogram,
  });
  const invalidations =
    config.invalidation.length > 0
      ? packages.invalidation?.createInvalidations(config.invalidation, redis, { log, count: metrics.onInvalidation })
      : undefined;
  const projects = createProjects(config, upstream, {
    onWrite: (project) => collapse?.forget(project),
    onInvalidated: invalidations?.add,
    freshness: cache && { cache, lifetimes: config.lifetimes },
    onCall(call) {
      readiness.observe(call);
      metrics.onCall(call);
      warn(call);
    },
  });
  const stopPoll =
    config.poll &&
    packages.invalidation?.startPoll({
      ...config.poll,
      keys: projects.keys,
      clientOf: (project) => projects.of(project).client,
      async onChange(change) {
        collapse?.forget(change.project);
        await cache?.invalidate(tagsOfWrite(change));
        await invalidations?.add(change);
      },
    });
  const routerSecrets = { ...config.routerSecrets };
  const stopWatching = watchSecrets(config, {
    project: upstream.project,
    setKey: projects.setKey,
    routerSecrets,
    setTargetSecret: (index, secret) => invalidations?.setSecret(index, secret),
    onChange: (variable, problem) =>
      problem === undefined
        ? log.info({ variable }, 'secret read again')
        : log.error({ variable, problem }, 'secret is unreadable: the last value stays in use'),
  });
  const rateLimiter = config.rateLimit && createRateLimiter(config.rateLimit, redis);
  const schema = buildSchema({ customFields: config.customFields });
  const authProjects = { keys: projects.keys, configured: upstream.project };
  const authenticate = createAuthenticate(config, authProjects, (problem) =>
    log.error({ problem }, 'TOKENS_FILE is unreadable: static tokens are rejected until it can be read'),
  );
  const challenge = config.authMode === 'managed' ? 'Bearer' : 'ApiKey';
  const pipelineOptions = {
    limits: config.documentLimits,
    introspection: config.introspection,
    compile: parts.compile ?? true,
    checkScopes: parts.checkScopes ?? true,
  };
  const options: OperationsOptions = {
    pipeline: createPipeline({ ...pipelineOptions, schema: hasCache ? watchFreshness(schema) : schema }),
    schemaName: 'gateway',
    authenticate,
    challenge,
    resolveDocument: createResolveDocument(config.documentsMode, config.documents),
    persistedQueries: config.persistedQueries ? new PersistedQueries(redis) : undefined,
    rateLimiter,
    collapse,
    projectOf: projects.of,
    capabilities: new Capabilities(),
    callers: projects.callers,
    load,
    bulkLimits: config.bulkLimits,
    hasCache,
    reportUnexpected,
    onAbandonedWrite: (summary) => log.warn(summary, 'bulk write aborted: the client disconnected before its end'),
    observer: createObserver(log, metrics, telemetry),
  };
  const timeoutMs = config.operationTimeoutMs + CLOSE_GRACE_MS;
  const endpointOf = (path: string, operations: Operations): EndpointParts => ({
    operations,
    yoga: lazy(() => createYogaEndpoint({ path, schema: operations.pipeline.schema, plugins, timeoutMs })),
  });
  const operations = createOperations(options);
  const gateway = endpointOf('/graphql', operations);
  const loadSubgraph = lazy(async () => {
    const { buildSubgraphSchema, cacheTagExtensions, createCacheControl } = await import('./graph/subgraph.ts');
    const plain = buildSubgraphSchema({
      directives: config.subgraphDirectives,
      customFields: config.customFields,
      masking: config.masking,
    });
    const schema = hasCache ? watchFreshness(plain) : plain;
    const subgraph = createOperations({
      ...options,
      pipeline: createPipeline({
        ...pipelineOptions,
        schema,
        ...(config.subgraphDirectives.includes('cacheTag') && { extensionsOf: cacheTagExtensions }),
        cacheControlOf: createCacheControl(config.subgraphMaxAges, projects.keys.size === 1),
      }),
      schemaName: 'subgraph',
      authenticate: createSubgraphAuthenticate(
        authenticate,
        config.authMode,
        authProjects,
        routerSecrets,
        config.routerGrants,
      ),
    });
    return endpointOf('/subgraph', subgraph);
  });
  if (plugins.length > 0) {
    // Plugins that throw when they are put to use stop the start.
    await Promise.all([gateway.yoga(), loadSubgraph().then(({ yoga }) => yoga())]).catch((error: unknown) => {
      throw pluginsFailed(config.plugins, error);
    });
  }
  const mcp = packages.mcp?.createMcp({
    schema,
    documents: config.documents,
    mutations: config.mcp?.mutations ?? false,
    operations,
    authenticate,
    challenge,
    load,
    costSettings: ({ project }) => ({
      project: projects.of(project).settings,
      projectId: project,
      bulkLimits: config.bulkLimits,
    }),
    reportUnexpected,
  });
  if (mcp && mcp.leftOut.length > 0) {
    log.warn({ leftOut: mcp.leftOut }, 'trusted documents that are not offered as MCP tools');
  }
  await telemetry?.observe(metrics.registry);
  const server = await startServer({
    host: config.host,
    port: config.port,
    maxBodyBytes: config.maxBodyBytes,
    maxConnections: config.maxConnections,
    maxWaitingBytes: config.maxWaitingBytes,
    endpoints: {
      '/graphql': { load: () => gateway, forBrowsers: true },
      '/subgraph': { load: loadSubgraph, forBrowsers: false },
    },
    shortcut: (parts.shortcut ?? true) && plugins.length === 0,
    graphiql: createGraphiql({
      authMode: config.authMode,
      maxCalls: config.maxUpstreamCalls,
      maxEstimatedCalls: config.documentLimits.maxEstimatedCalls,
    }),
    readiness,
    load,
    metrics,
    compress: config.compression ? createCompress() : undefined,
    cors: createCors(config.corsOrigins, config.corsHeaders),
    mcp: mcp?.handle,
    reportUnexpected,
    recordRefusal: createRecordRefusal(log, metrics),
  });
  readiness.state = 'serving';

  return {
    url: server.url,
    /**
     * Stops taking requests, finishes those under way, and lets go of everything.
     * @param lingerMs for which open connections may still bring a request
     */
    async close(lingerMs = 0): Promise<void> {
      readiness.state = 'draining';
      stopWatching();
      stopPoll?.();
      await server.close(timeoutMs, lingerMs);
      load.close();
      await projects.close();
      await invalidations?.close();
      await rateLimiter?.close();
      redis?.disconnect();
      await telemetry?.close();
    },
  };
}

/** @param create makes a value once, when it is first asked for */
function lazy<T>(create: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= create();
    return made;
  };
}
