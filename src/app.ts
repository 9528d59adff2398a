import { type Config, ConfigError } from './config.ts';
import { createClient } from './datatrics/client.ts';
import { Knowledge } from './datatrics/knowledge.ts';
import type { ProjectSettings } from './datatrics/session.ts';
import { createPipeline } from './graph/pipeline.ts';
import { buildSchema } from './graph/schema.ts';
import { createAuthenticate } from './http/authenticate.ts';
import { Collapse } from './http/collapse.ts';
import { createCors } from './http/cors.ts';
import { createResolveDocument } from './http/documents.ts';
import { createGraphiql } from './http/graphiql.ts';
import { Readiness } from './http/health.ts';
import { createMetrics } from './http/metrics.ts';
import { createLazyRunOperation, createRunOperation, type OperationsOptions } from './http/operations.ts';
import { createRateLimiter } from './http/rate-limit.ts';
import { createRouterDocuments, createSubgraphAuthenticate } from './http/router-auth.ts';
import { startServer } from './http/server.ts';
import { createLazyYogaHandler } from './http/yoga.ts';
import type { Logger } from './lib/log.ts';
import { createPool } from './transport/pool.ts';

/** The API that a gateway stands in front of, and what is known of it without configuration. */
export interface Upstream {
  readonly origin: string;
  readonly basePath: string;
  readonly project: string | undefined;
  readonly apiKey: string | undefined;
  readonly sources: ProjectSettings['sources'];
}

export interface Gateway {
  readonly url: string;
  /** Stops taking requests, finishes those under way, and lets go of everything. */
  close(): Promise<void>;
}

/** ms that requests under way get to finish when the gateway stops, beyond an operation's own time. */
const CLOSE_GRACE_MS = 1_000;

/**
 * Puts the layers together and listens. The only place that sees them all.
 * @param parts what can be left out, for comparing the ways: the hot path past Yoga, compiled execution
 * @throws ConfigError when the settings do not go together
 */
export async function startGateway(
  config: Config,
  upstream: Upstream,
  log: Logger,
  parts: { readonly hotPath?: boolean; readonly compile?: boolean } = {},
): Promise<Gateway> {
  const reportUnexpected = (error: unknown): void => log.error({ err: error }, 'unexpected error');
  const readiness = new Readiness();
  const redis =
    config.redisUrl === undefined ? undefined : (await import('./lib/redis.ts')).connectRedis(config.redisUrl, log);
  const pool = createPool({
    origin: upstream.origin,
    connections: config.upstreamConnections,
    timeoutMs: config.upstreamTimeoutMs,
  });
  const collapse = config.collapseOperations ? new Collapse() : undefined;
  const metrics = createMetrics(() => client.inFlight);
  const client = createClient({
    send: pool.send,
    basePath: upstream.basePath,
    share: config.shareInFlight,
    onWrite: (project) => collapse?.forget(project),
    onCall(call) {
      readiness.observe(call.outcome);
      metrics.onCall(call);
    },
  });
  const pipelineOptions = { reportUnexpected, limits: config.documentLimits, compile: parts.compile ?? true };
  const auth = authOptions(config, upstream);
  const operations: OperationsOptions = {
    pipeline: createPipeline({ ...pipelineOptions, schema: buildSchema() }),
    schemaName: 'gateway',
    authenticate: createAuthenticate(auth),
    resolveDocument: createResolveDocument(config.documentsMode, config.documents),
    rateLimiter: config.rateLimit && createRateLimiter(config.rateLimit, redis),
    collapse,
    client,
    knowledge: new Knowledge(),
    settings: {
      sources: upstream.sources,
      filters: config.filters,
      batchReads: config.batchReads,
      conversionProfileField: config.conversionProfileField,
      timeZone: config.timeZone,
      pageLimit: config.pageLimit,
    },
    bulkLimits: config.bulkLimits,
    limits: { timeoutMs: config.operationTimeoutMs, maxCalls: config.maxUpstreamCalls },
    reportUnexpected,
    onAbandonedWrite: (summary) => log.warn(summary, 'a bulk write was cut short: nobody read its outcome'),
    onOperation: metrics.onOperation,
  };
  const runOperation = createRunOperation(operations);
  const runSubgraphOperation = createLazyRunOperation(async () => {
    const { buildSubgraphSchema, createCacheControl, entityExtensions } = await import('./graph/subgraph.ts');
    const schema = buildSubgraphSchema({ directives: config.subgraphDirectives });
    return createRunOperation({
      ...operations,
      pipeline: createPipeline({
        ...pipelineOptions,
        schema,
        extensionsOf: entityExtensions,
        cacheControlOf: createCacheControl(schema, config.subgraphMaxAges),
      }),
      schemaName: 'subgraph',
      authenticate: createSubgraphAuthenticate(auth, config.routerSecrets),
      resolveDocument: createRouterDocuments(operations.resolveDocument),
    });
  });
  const server = await startServer({
    host: config.host,
    port: config.port,
    maxBodyBytes: config.maxBodyBytes,
    endpoints: {
      '/graphql': { runOperation, yoga: createLazyYogaHandler(runOperation), forBrowsers: true },
      '/subgraph': {
        runOperation: runSubgraphOperation,
        yoga: createLazyYogaHandler(runSubgraphOperation),
        forBrowsers: false,
      },
    },
    hotPath: parts.hotPath ?? true,
    graphiql: createGraphiql({ headers: config.authMode === 'passthrough' ? { 'x-apikey': '' } : {} }),
    readiness,
    metrics,
    cors: createCors(config.corsOrigins),
    reportUnexpected,
  });
  readiness.serving();
  return {
    url: server.url,
    async close() {
      readiness.draining();
      await server.close(config.operationTimeoutMs + CLOSE_GRACE_MS);
      await pool.close();
      redis?.disconnect();
    },
  };
}

function authOptions(config: Config, { project, apiKey }: Upstream): Parameters<typeof createAuthenticate>[0] {
  if (config.authMode === 'passthrough') return { mode: 'passthrough', project };
  if (project === undefined || apiKey === undefined) {
    throw new ConfigError(['AUTH_MODE: open needs DATATRICS_PROJECT and DATATRICS_API_KEY']);
  }
  return { mode: 'open', project, apiKey };
}
