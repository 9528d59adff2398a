import type { RateLimit } from '../auth/rate-limit.ts';
import type { RouterGrants, RouterSecrets } from '../auth/router-proof.ts';
import { BULK_CALLS, type BulkLimits } from '../datatrics/bulk/chunk.ts';
import type { FreshnessOptions } from '../datatrics/cached-reads.ts';
import type { Resource } from '../datatrics/endpoints.ts';
import { readLifetimes } from '../datatrics/lifetimes.ts';
import type { MaskOptions } from '../datatrics/masking.ts';
import { readPolicies } from '../datatrics/policies.ts';
import { type CustomFields, withPersonalFields } from '../datatrics/records/custom-fields.ts';
import { readCustomFields } from '../datatrics/records/declare.ts';
import { MAX_VALUES } from '../graph/answer-size.ts';
import type { MaxAges } from '../graph/cache-control.ts';
import type { OptionalDirective } from '../graph/optional-directives.ts';
import type { PipelineOptions } from '../graph/pipeline.ts';
import { ASSUMED_LIST_SIZE } from '../graph/plan.ts';
import { MAX_WAITING_BYTES } from '../server/backlog.ts';
import type { LoadLimits } from '../server/load-shedder.ts';
import type { TracingOptions } from '../server/tracing.ts';
import type { DocumentsMode } from '../server/trusted-documents.ts';
import { DEFAULT_BULKHEAD, type Policy } from '../upstream/policy.ts';
import { ConfigError } from './config-error.ts';
import { type Environment, readEnvironment, withoutEmpty } from './environment.ts';
import { readFile } from './file.ts';
import { checkNames } from './names.ts';
import { type ProjectConfig, readProjects } from './projects.ts';
import { checkTogether, type Given, readDocuments } from './rules.ts';
import { fileVariable, readSecretFiles, SECRET_FILE_NAMES } from './secret-files.ts';
import { type AuthMode, CHECKS, checkVariables, type Variables } from './variables.ts';

/**
 * Every setting of the gateway, by environment variable. An empty variable counts as unset. `GATEWAY_CONFIG` names a
 * file that may hold the same names; variables win over it.
 */

export interface Config {
  readonly port: number;
  readonly host: string;
  /** Null: the embedded sandbox. */
  readonly upstream: { readonly origin: string; readonly basePath: string } | null;
  readonly project: string | undefined;
  readonly apiKey: string | undefined;
  readonly authMode: AuthMode;
  /** Whose JSON Web Tokens are taken in `managed`; undefined: none. */
  readonly jwt: { readonly issuer: string; readonly audience: string; readonly jwksUrl: URL } | undefined;
  /** Static tokens of `managed`. */
  readonly tokensFile: string | undefined;
  readonly introspection: boolean;
  readonly masking: MaskOptions;
  /** Fields that the file declares, of all projects. */
  readonly customFields: CustomFields;
  /** Projects that the file lists, by id; they differ from the rest of the settings where they say so. */
  readonly projects: readonly ProjectConfig[];
  /** Undefined: none configured; with the sandbox its own are used. */
  readonly sources: Readonly<
    Record<'profile' | 'content' | 'conversion' | 'interaction', readonly string[] | undefined>
  >;
  readonly filters: 'auto' | 'on' | 'off';
  readonly batchReads: 'off' | 'auto' | 'on';
  readonly conversionProfileField: string;
  readonly timeZone: string;
  /** Rows of one page of a list, at most. */
  readonly pageLimit: number;
  readonly operationTimeoutMs: number;
  readonly upstreamTimeoutMs: number;
  readonly upstreamConnections: number;
  /** How long answers may be used, by resource; those left out are always asked for. */
  readonly lifetimes: FreshnessOptions['lifetimes'];
  /** How the endpoints of a resource are called, where that is not `DEFAULT_POLICY`. */
  readonly policies: Readonly<Partial<Record<Resource, Policy>>>;
  /** Calls that wait for a connection. */
  readonly upstreamQueue: number;
  readonly compression: boolean;
  readonly loadLimits: LoadLimits;
  /** Connections of clients. */
  readonly maxConnections: number;
  readonly maxWaitingBytes: number;
  /** bytes of answers kept in memory. */
  readonly cacheMaxBytes: number;
  readonly maxUpstreamCalls: number;
  /** Bytes that one operation reads from the API, decompressed. */
  readonly maxUpstreamBytes: number;
  readonly maxBodyBytes: number;
  readonly documentLimits: PipelineOptions['limits'];
  readonly bulkLimits: BulkLimits;
  /** Whether equal REST reads of one caller that overlap share one call. */
  readonly shareInFlight: boolean;
  /** Whether identical queries of one caller that overlap share one run. */
  readonly collapseOperations: boolean;
  /** Origins that browsers may call from. */
  readonly corsOrigins: readonly string[];
  /** Request headers that pages of these origins may send, besides those that are always allowed. */
  readonly corsHeaders: readonly string[];
  /** Per principal and minute. */
  readonly rateLimit: RateLimit | undefined;
  readonly redisUrl: string | undefined;
  /** Whether clients may register documents by their hash. */
  readonly persistedQueries: boolean;
  /** Modules with plugins of Yoga or Envelop. */
  readonly plugins: readonly string[];
  readonly documentsMode: DocumentsMode;
  /** Published documents by id. */
  readonly documents: ReadonlyMap<string, string>;
  /** Where spans go; undefined: none are made. */
  readonly tracing: TracingOptions | undefined;
  /** Whether agents get the published documents as tools, those that write among them; undefined: not at all. */
  readonly mcp: { readonly mutations: boolean } | undefined;
  /** How a router proves on `/subgraph` that it is ours; undefined ones prove nothing. */
  readonly routerSecrets: RouterSecrets;
  readonly routerGrants: RouterGrants;
  /** Directives of the subgraph's schema that not every router takes. */
  readonly subgraphDirectives: readonly OptionalDirective[];
  /** Seconds for which a router may keep what it read. */
  readonly subgraphMaxAges: MaxAges;
  readonly logLevel: string;
  /** What is worth a line in the log at the start. */
  readonly warnings: readonly string[];
}

/** Names that the environment and the file may have. */
const NAMES: readonly string[] = [...Object.keys(CHECKS), ...SECRET_FILE_NAMES];

/**
 * Reads the settings of this process: its environment, `.env`, and the files that they name.
 * @throws ConfigError naming every problem at once
 */
export function loadConfig(): Config {
  const problems: string[] = [];
  const env = readEnvironment(problems);
  return readConfig(env, problems);
}

/**
 * Reads the settings.
 *
 * @param env the environment, `process.env` in a real start
 * @param problems what is wrong with the environment itself. If anything is, it is not complete, and nothing counts as missing
 * @throws ConfigError naming every problem at once
 */
export function readConfig(env: Environment, problems: string[] = []): Config {
  const isComplete = problems.length === 0;
  const file = readFile(env.GATEWAY_CONFIG, NAMES, problems);
  const given = withoutEmpty({ ...file.settings, ...withoutEmpty(env) });
  const secrets = readSecretFiles(given, problems);
  const labels = new Map(Object.keys(secrets).map((name) => [name, fileVariable(name)]));
  const checked = checkVariables({ ...given, ...secrets }, labels, problems);
  const customFields = readCustomFields(file.sections.customFields, problems);
  const lifetimes = readLifetimes(file.sections.freshness, problems);
  const policies = readPolicies(file.sections.upstream, problems);
  if (!isComplete) throw new ConfigError(problems);
  const { projects, keyNames } = readProjects(file.sections.projects, env, problems);
  const names = checkNames(env, [...NAMES, 'GATEWAY_CONFIG'], keyNames);
  problems.push(...names.problems);
  const together: Given = {
    values: checked,
    has: (name) => given[name] !== undefined || given[fileVariable(name)] !== undefined,
    hasProjects: file.sections.projects !== undefined,
  };
  checkTogether(together, problems);
  const documents = readDocuments(together, problems);
  if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
  const values = checked as Variables;
  const authMode = values.AUTH_MODE ?? 'open';
  return {
    port: values.PORT,
    host: values.HOST,
    upstream: values.DATATRICS_URL ?? null,
    project: values.DATATRICS_PROJECT,
    apiKey: values.DATATRICS_API_KEY,
    authMode,
    jwt: jwtOf(values),
    tokensFile: values.TOKENS_FILE,
    introspection: values.INTROSPECTION === undefined ? authMode !== 'managed' : values.INTROSPECTION === 'on',
    masking: withPersonalFields(
      { mode: values.PII_MASK, key: values.PII_KEY, fields: values.PII_FIELDS },
      customFields,
    ),
    customFields,
    projects,
    sources: {
      profile: values.DATATRICS_PROFILE_SOURCES,
      content: values.DATATRICS_CONTENT_SOURCES,
      conversion: values.DATATRICS_CONVERSION_SOURCES,
      interaction: values.DATATRICS_INTERACTION_SOURCES,
    },
    filters: values.DATATRICS_FILTERS,
    batchReads: values.DATATRICS_BATCH_READS,
    conversionProfileField: values.DATATRICS_CONVERSION_PROFILE_FIELD,
    timeZone: values.DATATRICS_TIMEZONE,
    pageLimit: values.DATATRICS_PAGE_LIMIT,
    operationTimeoutMs: values.OPERATION_TIMEOUT_MS,
    upstreamTimeoutMs: values.UPSTREAM_TIMEOUT_MS,
    upstreamConnections: values.UPSTREAM_CONNECTIONS,
    lifetimes,
    policies,
    upstreamQueue: DEFAULT_BULKHEAD.waiting,
    maxConnections: values.MAX_CONNECTIONS,
    maxWaitingBytes: MAX_WAITING_BYTES,
    loadLimits: { maxRequests: values.MAX_REQUESTS, maxDelayMs: values.MAX_EVENT_LOOP_DELAY_MS },
    cacheMaxBytes: values.CACHE_MAX_BYTES,
    maxUpstreamCalls: values.MAX_UPSTREAM_CALLS,
    maxUpstreamBytes: values.MAX_UPSTREAM_BYTES,
    maxBodyBytes: values.MAX_BODY_BYTES,
    documentLimits: {
      maxTokens: values.MAX_TOKENS,
      maxDepth: values.MAX_DEPTH,
      maxAliases: values.MAX_ALIASES,
      maxRootFields: values.MAX_ROOT_FIELDS,
      maxDirectives: values.MAX_DIRECTIVES,
      maxEstimatedCalls: values.MAX_ESTIMATED_CALLS,
      maxEstimatedValues: MAX_VALUES,
      maxAnswerBytes: values.MAX_ANSWER_BYTES,
      assumedListSize: ASSUMED_LIST_SIZE,
      maxRepresentations: values.MAX_REPRESENTATIONS,
    },
    bulkLimits: {
      ...BULK_CALLS,
      chunkItems: values.BULK_CHUNK_ITEMS,
      maxItems: values.MAX_BULK_ITEMS,
      concurrency: values.BULK_CONCURRENCY,
    },
    shareInFlight: values.SHARE_IN_FLIGHT === 'on',
    collapseOperations: values.COLLAPSE_OPERATIONS === 'on',
    compression: values.COMPRESSION === 'on',
    corsOrigins: values.CORS_ORIGINS,
    corsHeaders: values.CORS_HEADERS,
    rateLimit: values.RATE_LIMIT,
    redisUrl: values.REDIS_URL,
    plugins: values.GATEWAY_PLUGINS,
    documentsMode: values.TRUSTED_DOCUMENTS,
    persistedQueries:
      (values.AUTOMATIC_PERSISTED_QUERIES ?? (values.TRUSTED_DOCUMENTS === 'only' ? 'off' : 'on')) === 'on',
    documents,
    tracing: values.OTEL_EXPORTER_OTLP_ENDPOINT && {
      endpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT,
      headers: values.OTEL_EXPORTER_OTLP_HEADERS ?? {},
      serviceName: values.OTEL_SERVICE_NAME,
      ratio: values.OTEL_TRACES_SAMPLER_ARG,
      spansPerSecond: values.MAX_SPANS_PER_SECOND,
    },
    mcp: values.MCP === 'on' ? { mutations: values.MCP_MUTATIONS === 'on' } : undefined,
    routerSecrets: { header: values.ROUTER_SECRET, hmac: values.ROUTER_HMAC_SECRET },
    routerGrants: { scopes: values.ROUTER_SCOPES, projects: values.ROUTER_PROJECTS },
    subgraphDirectives: values.SUBGRAPH_DIRECTIVES,
    subgraphMaxAges: values.SUBGRAPH_MAX_AGE ?? {},
    logLevel: values.LOG_LEVEL,
    warnings: names.warnings,
  };
}

/**
 * The custom fields of a configuration file alone, for what needs no more of it.
 * @throws ConfigError
 */
export function readDeclaredFields(path: string | undefined): CustomFields {
  const problems: string[] = [];
  const file = readFile(path, NAMES, problems);
  const customFields = readCustomFields(file.sections.customFields, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return customFields;
}

function jwtOf({ JWT_ISSUER: issuer, JWT_AUDIENCE: audience, JWT_JWKS_URL: jwksUrl }: Variables): Config['jwt'] {
  if (issuer === undefined || audience === undefined || jwksUrl === undefined) return undefined;
  return { issuer, audience, jwksUrl };
}
