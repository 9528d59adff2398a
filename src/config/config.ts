import { BULK_CALLS } from '../datatrics/bulk/chunk.ts';
import { type CustomFields, withPersonalFields } from '../datatrics/records/custom-fields.ts';
import { readCustomFields } from '../datatrics/records/declare.ts';
import { readLifetimes, readPolicies, readPoll } from '../datatrics/type-settings.ts';
import { MAX_VALUES } from '../graph/answer-size.ts';
import { ASSUMED_LIST_SIZE } from '../graph/plan.ts';
import { MAX_WAITING_BYTES } from '../server/backlog.ts';
import { MAX_WAITING } from '../upstream/pool.ts';
import { ConfigError } from './config-error.ts';
import { type Environment, readEnvironment, withoutEmpty } from './environment.ts';
import { readFile } from './file.ts';
import { readTargets } from './invalidation.ts';
import { readProjects } from './projects.ts';
import { checkTogether, type Given, readDocuments } from './rules.ts';
import { readSecretFiles, SECRET_FILE_NAMES } from './secret-files.ts';
import { readTelemetry } from './telemetry.ts';
import { checkNames } from './unknown-names.ts';
import { CHECKS, checkVariables, fileVariable, type Variables } from './variables.ts';

/** The settings that the environment and the file may have. */
const NAMES: readonly string[] = [...Object.keys(CHECKS), ...SECRET_FILE_NAMES];

/**
 * Reads the settings of this process: its environment, the `.env` file, and the files that these name.
 * @throws ConfigError with every problem
 */
export function loadConfig(): Config {
  const problems: string[] = [];
  const env = readEnvironment(problems);
  return readConfig(env, problems);
}

/**
 * Reads settings. Variables take precedence over the file that `GATEWAY_CONFIG` names.
 *
 * @param problems those of the environment itself. If there are any, the environment is incomplete, and rules about missing
 * settings are not checked
 * @throws ConfigError with every problem
 */
export function readConfig(environment: Environment, problems: string[] = []) {
  const isIncomplete = problems.length > 0;
  const env = withoutEmpty(environment);
  const { settings, sections } = readFile(env.GATEWAY_CONFIG, NAMES, problems);
  const given = { ...withoutEmpty(settings), ...env };
  const secrets = readSecretFiles(given, problems);
  const values = checkVariables({ ...given, ...secrets }, secrets, problems);
  const customFields = readCustomFields(sections.customFields, problems);
  const lifetimes = readLifetimes(sections.freshness, problems);
  const policies = readPolicies(sections.upstream, problems);
  const poll = readPoll(sections.poll, problems);
  if (isIncomplete) throw new ConfigError(problems);
  const { entries: projects, secretNames: keyNames } = readProjects(sections.projects, env, problems);
  const hasTags = values.SUBGRAPH_DIRECTIVES?.includes('cacheTag') ?? true;
  const { entries: invalidation, secretNames } = readTargets(sections.invalidation, env, hasTags, problems);
  const warnings = checkNames(env, [...NAMES, 'GATEWAY_CONFIG'], [...keyNames, ...secretNames], problems);
  const together: Given = {
    values,
    has: (name) => given[name] !== undefined || given[fileVariable(name)] !== undefined,
    hasProjects: sections.projects !== undefined,
    hasPoll: poll !== undefined,
  };
  checkTogether(together, problems);
  const documents = readDocuments(together, problems);
  if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
  const valid = values as Variables;
  const telemetry = readTelemetry({ ...given, ...secrets });
  return {
    ...toConfig(valid),
    masking: withPersonalFields({ mode: valid.PII_MASK, key: valid.PII_KEY, fields: valid.PII_FIELDS }, customFields),
    telemetry: telemetry && { ...telemetry, spansPerSecond: valid.MAX_SPANS_PER_SECOND },
    customFields,
    // Resources left out are not cached.
    lifetimes,
    // Resources left out have the defaults.
    policies,
    poll,
    projects,
    invalidation,
    documents,
    /** Lines for the log at the start. */
    warnings,
    /** Paths of the files that hold secrets, by the secrets' names. */
    secretFiles: Object.fromEntries(Object.keys(secrets).map((name) => [name, given[fileVariable(name)]])),
  };
}

/**
 * Reads only the custom fields of a configuration file, for commands that need no other setting.
 *
 * @param path default: GATEWAY_CONFIG; without either there are no custom fields
 * @throws ConfigError
 */
export function readDeclaredFields(path: string | undefined): CustomFields {
  const problems: string[] = [];
  const file = readFile(path ?? readEnvironment(problems).GATEWAY_CONFIG, NAMES, problems);
  const customFields = readCustomFields(file.sections.customFields, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return customFields;
}

/** The settings as the layers take them. `docs/configuration.md` describes each variable. */
export type Config = Readonly<ReturnType<typeof readConfig>>;

function toConfig(values: Variables) {
  const authMode = values.AUTH_MODE ?? 'open';
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience, JWT_JWKS_URL: jwksUrl } = values;
  const {
    DATATRICS_PROFILE_SOURCES: profile,
    DATATRICS_CONTENT_SOURCES: content,
    DATATRICS_CONVERSION_SOURCES: conversion,
    DATATRICS_INTERACTION_SOURCES: interaction,
  } = values;
  return {
    port: values.PORT,
    host: values.HOST,
    // Null: the embedded sandbox.
    upstream: values.DATATRICS_URL ?? null,
    project: values.DATATRICS_PROJECT,
    apiKey: values.DATATRICS_API_KEY,
    authMode,
    jwt: issuer !== undefined && audience !== undefined && jwksUrl ? { issuer, audience, jwksUrl } : undefined,
    tokensFile: values.TOKENS_FILE,
    introspection: values.INTROSPECTION ?? authMode !== 'managed',
    // Those left out are not configured: the sandbox has its own.
    sources: {
      ...(profile && { profile }),
      ...(content && { content }),
      ...(conversion && { conversion }),
      ...(interaction && { interaction }),
    },
    filters: values.DATATRICS_FILTERS,
    batchReads: values.DATATRICS_BATCH_READS,
    conversionProfileField: values.DATATRICS_CONVERSION_PROFILE_FIELD,
    timeZone: values.DATATRICS_TIMEZONE,
    pageLimit: values.DATATRICS_PAGE_LIMIT,
    operationTimeoutMs: values.OPERATION_TIMEOUT_MS,
    upstreamTimeoutMs: values.UPSTREAM_TIMEOUT_MS,
    connections: values.UPSTREAM_CONNECTIONS,
    // Calls of a project that may wait for a connection.
    upstreamQueue: MAX_WAITING,
    maxConnections: values.MAX_CONNECTIONS,
    // Bytes of unread answers of all clients; the same for unfinished bodies.
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
      maxItems: values.MAX_BULK_ITEMS,
      chunkItems: values.BULK_CHUNK_ITEMS,
      concurrency: values.BULK_CONCURRENCY,
    },
    shareInFlight: values.SHARE_IN_FLIGHT,
    collapseOperations: values.COLLAPSE_OPERATIONS,
    compression: values.COMPRESSION,
    corsOrigins: values.CORS_ORIGINS,
    corsHeaders: values.CORS_HEADERS,
    rateLimit: values.RATE_LIMIT,
    redisUrl: values.REDIS_URL,
    plugins: values.GATEWAY_PLUGINS,
    documentsMode: values.TRUSTED_DOCUMENTS,
    persistedQueries: values.AUTOMATIC_PERSISTED_QUERIES ?? values.TRUSTED_DOCUMENTS !== 'only',
    mcp: values.MCP ? { mutations: values.MCP_MUTATIONS } : undefined,
    routerSecrets: { header: values.ROUTER_SECRET, hmac: values.ROUTER_HMAC_SECRET },
    routerGrants: { scopes: values.ROUTER_SCOPES, projects: values.ROUTER_PROJECTS },
    subgraphDirectives: values.SUBGRAPH_DIRECTIVES,
    subgraphMaxAges: values.SUBGRAPH_MAX_AGE ?? {},
    logLevel: values.LOG_LEVEL,
  };
}
