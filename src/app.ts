import { type Config, ConfigError } from './config.ts';
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
import { createJwtCheck } from './http/jwt.ts';
import { createMetrics } from './http/metrics.ts';
import { BLIND, createObserver } from './http/observe.ts';
import { createRunOperation } from './http/operations.ts';
import { createRateLimiter } from './http/rate-limit.ts';
import { startServer } from './http/server.ts';
import { TokenStore } from './http/tokens.ts';
import { createLazyYogaHandler } from './http/yoga.ts';
import type { Logger } from './lib/log.ts';
import { createProjects } from './projects.ts';

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

/** What can be left out, for comparing the ways, and for looking behind the first of two fences. */
interface Parts {
  /** The way past Yoga. */
  readonly hotPath?: boolean;
  /** Compiled execution. */
  readonly compile?: boolean;
  /** The check of a document against the caller's scopes; the data stays guarded. */
  readonly checkScopes?: boolean;
  /** Lines, counters and spans of operations, for seeing what they cost. */
  readonly observe?: boolean;
}

/**
 * Puts the layers together and listens. The only place that sees them all.
 * @throws ConfigError when the settings do not go together
 */
export async function startGateway(
  config: Config,
  upstream: Upstream,
  log: Logger,
  parts: Parts = {},
): Promise<Gateway> {
  const reportUnexpected = (error: unknown, requestId?: string): void =>
    log.error({ requestId, err: error }, 'unexpected error');
  const readiness = new Readiness();
  const redis =
    config.redisUrl === undefined ? undefined : (await import('./lib/redis.ts')).connectRedis(config.redisUrl, log);
  const collapse = config.collapseOperations ? new Collapse() : undefined;
  const metrics = createMetrics({
    inFlight: () => projects.inFlight(),
    queued: () => projects.queued(),
    ready: () => readiness.problem() === null,
    redisConnected: redis && (() => redis.status === 'ready'),
  });
  const tracing = config.tracing && (await (await import('./http/tracing.ts')).startTracing(config.tracing));
  const projects = createProjects(config, upstream, {
    onWrite: (project) => collapse?.forget(project),
    onCall(call) {
      readiness.observe(call.outcome);
      metrics.onCall(call);
    },
  });
  const rateLimiter = config.rateLimit && createRateLimiter(config.rateLimit, redis);
  const runOperation = createRunOperation({
    pipeline: createPipeline({
      schema: buildSchema(),
      reportUnexpected,
      limits: config.documentLimits,
      introspection: config.introspection,
      compile: parts.compile ?? true,
      checkScopes: parts.checkScopes ?? true,
    }),
    authenticate: createAuthenticate(authOptions(config, upstream, projects.keys, log)),
    challenge: config.authMode === 'managed' ? 'Bearer' : 'ApiKey',
    resolveDocument: createResolveDocument(config.documentsMode, config.documents),
    rateLimiter,
    collapse,
    projectOf: projects.of,
    knowledge: new Knowledge(),
    bulkLimits: config.bulkLimits,
    reportUnexpected,
    onAbandonedWrite: (summary) => log.warn(summary, 'a bulk write was cut short: nobody read its outcome'),
    observer: parts.observe === false ? BLIND : createObserver({ log, metrics, tracing }),
  });
  const server = await startServer({
    host: config.host,
    port: config.port,
    maxBodyBytes: config.maxBodyBytes,
    runOperation,
    yoga: createLazyYogaHandler(runOperation),
    hotPath: parts.hotPath ?? true,
    graphiql: createGraphiql({
      headers: GRAPHIQL_HEADERS[config.authMode],
      maxCalls: config.maxUpstreamCalls,
      maxEstimatedCalls: config.documentLimits.maxEstimatedCalls,
    }),
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
      await projects.close();
      await rateLimiter?.close();
      redis?.disconnect();
      await tracing?.close();
      log.flush();
    },
  };
}

/** What GraphiQL's headers editor starts with. */
const GRAPHIQL_HEADERS = {
  open: {},
  passthrough: { 'x-apikey': '' },
  managed: { authorization: 'Bearer ' },
} as const;

function authOptions(
  config: Config,
  upstream: Upstream,
  keys: ReadonlyMap<string, string>,
  log: Logger,
): Parameters<typeof createAuthenticate>[0] {
  const projects = { keys, configured: upstream.project };
  switch (config.authMode) {
    case 'passthrough':
      return { ...projects, mode: 'passthrough' };
    case 'open': {
      // What the sandbox holds is nobody's.
      const hosts = config.upstream === null ? undefined : new Set([...LOOPBACK_NAMES, config.host.toLowerCase()]);
      if (keys.size === 0) throw new ConfigError(['AUTH_MODE: open needs DATATRICS_PROJECT and DATATRICS_API_KEY']);
      return { ...projects, mode: 'open', hosts };
    }
    default: {
      const onProblem = (problem: string): void =>
        log.error({ problem }, 'TOKENS_FILE can not be read: no static token is valid until it can');
      return {
        ...projects,
        mode: 'managed',
        tokens: config.tokensFile === undefined ? undefined : new TokenStore(config.tokensFile, onProblem),
        checkJwt: config.jwt && createJwtCheck(config.jwt),
      };
    }
  }
}

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];
