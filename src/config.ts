import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import type { BulkLimits } from './bulk/chunk.ts';
import { type ProjectConfig, readFile, readProjects, readSection } from './config-file.ts';
import { type CustomFields, withPersonalFields } from './datatrics/custom-fields.ts';
import { readCustomFields } from './datatrics/declare.ts';
import type { Resource } from './datatrics/endpoints.ts';
import { ENTITY_TYPES } from './datatrics/keys.ts';
import { readLifetimes } from './datatrics/lifetimes.ts';
import type { MaskOptions } from './datatrics/masking.ts';
import { readPolicies } from './datatrics/policies.ts';
import type { FreshnessOptions } from './datatrics/remember.ts';
import { isTimeZone } from './datatrics/time.ts';
import type { MaxAges } from './graph/cache-control.ts';
import { OPTIONAL_DIRECTIVES, type OptionalDirective } from './graph/optional-directives.ts';
import type { PipelineOptions } from './graph/pipeline.ts';
import { type DocumentsMode, readManifest } from './http/documents.ts';
import type { LoadLimits } from './http/load.ts';
import type { RateLimit } from './http/rate-limit.ts';
import type { RouterGrants, RouterSecrets } from './http/router-auth.ts';
import { readTokens } from './http/tokens.ts';
import type { TracingOptions } from './http/tracing.ts';
import { PROJECT_ID } from './lib/principal.ts';
import { SCOPES } from './lib/scopes.ts';
import { CONNECTORS } from './transport/connectors.ts';
import type { Policy } from './transport/policy.ts';

/**
 * Every setting of the gateway, by environment variable. An empty variable counts as unset. `GATEWAY_CONFIG` names a
 * file that may hold the same names; variables win over it.
 */

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|::1)$/;

function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** A whole number in a range; `unit` says what is counted. */
function whole(min: number, max: number, unit: string) {
  const need = `a whole number of ${unit} from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,12}$/, need)
    .transform(Number)
    .refine((value) => value >= min && value <= max, need);
}

const list = z.string().transform((text) => [
  ...new Set(
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  ),
]);

const baseUrl = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  const problem =
    url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')
      ? 'a URL such as https://api.datatrics.com/2.0'
      : url.protocol === 'http:' && !isLoopback(url.hostname)
        ? 'https: (plain http: is for loopback addresses only)'
        : url.username || url.password || url.search || url.hash
          ? 'a URL without user, query or fragment'
          : null;
  if (url === null || problem !== null) {
    context.addIssue({ code: 'custom', message: problem ?? 'a URL' });
    return z.NEVER;
  }
  return { origin: url.origin, basePath: url.pathname.replace(/\/+$/, '') };
});

const jwksUrl = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)))) return url;
  context.addIssue({ code: 'custom', message: 'an https: URL of a JSON Web Key Set (plain http: for loopback only)' });
  return z.NEVER;
});

const receiverUrl = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash) return url;
  context.addIssue({
    code: 'custom',
    message: 'a URL such as https://collector.example:4318, without user, query or fragment',
  });
  return z.NEVER;
});

const pairs = z.string().transform((text, context): Record<string, string> => {
  const entries = text.split(',').map((part) => /^\s*([\w-]+)\s*=((?:[^%]|%[2-7][0-9a-fA-F])*)$/.exec(part));
  if (entries.every((entry) => entry !== null)) {
    return Object.fromEntries(entries.map(([, name, value = '']) => [name, decodeURIComponent(value.trim())]));
  }
  context.addIssue({ code: 'custom', message: 'headers as name=value, comma-separated' });
  return z.NEVER;
});

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

/** Null where a type is none of ours. */
function readMaxAges(text: string): MaxAges | null {
  const ages = text.split(',').map((part) => {
    const [type = '', seconds] = part.trim().split('=');
    return [ENTITY_TYPES.get(type), Number(seconds)] as const;
  });
  return ages.some(([resource]) => resource === undefined) ? null : Object.fromEntries(ages);
}

function readRateLimit(text: string): RateLimit {
  const [, requests] = /(\d+)r/.exec(text) ?? [];
  const [, calls] = /(\d+)c/.exec(text) ?? [];
  return {
    requests: requests === undefined ? undefined : Number(requests),
    calls: calls === undefined ? undefined : Number(calls),
  };
}

const variables = z.object({
  PORT: whole(0, 65_535, 'a port').default(4000),
  HOST: z.string().default('127.0.0.1'),
  DATATRICS_URL: baseUrl.optional(),
  DATATRICS_PROJECT: z.string().regex(PROJECT_ID, 'a project id of letters, digits, _ and -').optional(),
  DATATRICS_API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'a key of visible ASCII characters')
    .optional(),
  DATATRICS_PROFILE_SOURCES: list.optional(),
  DATATRICS_CONTENT_SOURCES: list.optional(),
  DATATRICS_CONVERSION_SOURCES: list.optional(),
  DATATRICS_INTERACTION_SOURCES: list.optional(),
  DATATRICS_FILTERS: z.enum(['auto', 'on', 'off']).default('auto'),
  DATATRICS_BATCH_READS: z.enum(['off', 'auto', 'on']).default('off'),
  DATATRICS_CONVERSION_PROFILE_FIELD: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'a field name such as profileid or profile_id')
    .default('profileid'),
  DATATRICS_TIMEZONE: z.string().refine(isTimeZone, 'an IANA time zone such as Europe/Amsterdam').default('UTC'),
  DATATRICS_PAGE_LIMIT: whole(1, 500, 'rows').default(500),
  AUTH_MODE: z.enum(['open', 'passthrough', 'managed']).optional(),
  JWT_ISSUER: z.string().max(1_000).optional(),
  JWT_AUDIENCE: z.string().max(1_000).optional(),
  JWT_JWKS_URL: jwksUrl.optional(),
  TOKENS_FILE: z.string().optional(),
  INTROSPECTION: z.enum(['on', 'off']).optional(),
  PII_MASK: z.enum(['hash', 'partial', 'null']).default('hash'),
  PII_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{16,}$/, 'a secret of 16 or more visible ASCII characters')
    .optional(),
  PII_FIELDS: list.default([]),
  OPERATION_TIMEOUT_MS: whole(1, 600_000, 'milliseconds').default(15_000),
  UPSTREAM_TIMEOUT_MS: whole(1, 600_000, 'milliseconds').default(5_000),
  UPSTREAM_CONNECTIONS: whole(1, 10_000, 'connections').default(64),
  UPSTREAM_QUEUE: whole(0, 1_000_000, 'calls').default(10_000),
  UPSTREAM_CLIENT: z.enum(CONNECTORS).default('built-in'),
  MAX_CONNECTIONS: whole(1, 1_000_000, 'connections').default(10_000),
  MAX_REQUESTS: whole(1, 1_000_000, 'requests').default(2_000),
  MAX_EVENT_LOOP_DELAY_MS: whole(0, 60_000, 'milliseconds').default(250),
  CACHE_MAX_BYTES: whole(0, 1_099_511_627_776, 'bytes').default(67_108_864),
  MAX_ESTIMATED_CALLS: whole(1, 1_000_000_000, 'calls').default(5_000),
  MAX_ESTIMATED_VALUES: whole(1, 1_000_000_000, 'values').default(350_000),
  MAX_UPSTREAM_CALLS: whole(1, 1_000_000, 'calls').default(1_000),
  MAX_BODY_BYTES: whole(1_024, 1_073_741_824, 'bytes').default(1_048_576),
  MAX_TOKENS: whole(1, 1_000_000, 'tokens').default(5_000),
  MAX_DEPTH: whole(1, 1_000, 'levels').default(12),
  MAX_ALIASES: whole(0, 100_000, 'aliases').default(100),
  MAX_ROOT_FIELDS: whole(1, 100_000, 'fields').default(50),
  MAX_DIRECTIVES: whole(0, 100_000, 'directives').default(50),
  MAX_REPRESENTATIONS: whole(1, 100_000, 'representations').default(500),
  MAX_ANSWER_BYTES: whole(1_024, 1_073_741_824, 'bytes').default(16_777_216),
  MAX_UPSTREAM_BYTES: whole(1_024, 1_099_511_627_776, 'bytes').default(67_108_864),
  MAX_BULK_ITEMS: whole(1, 1_000_000, 'items').default(1_000),
  BULK_CHUNK_ITEMS: whole(1, 10_000, 'items').optional(),
  BULK_CHUNK_BYTES: whole(1_024, 1_073_741_824, 'bytes').default(1_048_576),
  BULK_CONCURRENCY: whole(1, 64, 'calls').default(4),
  BULK_EXTRA_REQUESTS: whole(0, 10_000, 'calls').default(200),
  ASSUMED_LIST_SIZE: whole(1, 100_000, 'items').default(10),
  SHARE_IN_FLIGHT: z.enum(['on', 'off']).default('on'),
  COLLAPSE_OPERATIONS: z.enum(['on', 'off']).default('off'),
  CORS_ORIGINS: list
    .refine((origins) => origins.every(isOrigin), 'origins such as https://app.example, comma-separated')
    .default([]),
  RATE_LIMIT: z
    .string()
    .regex(/^(off|\d{1,9}r(,\d{1,9}c)?|\d{1,9}c)$/, 'off, or requests and REST calls per minute such as 6000r,60000c')
    .transform(readRateLimit)
    .optional(),
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\/\S+$/, 'a URL such as redis://127.0.0.1:6379')
    .optional(),
  TRUSTED_DOCUMENTS: z.enum(['off', 'allowed', 'only']).default('off'),
  TRUSTED_DOCUMENTS_FILE: z.string().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: receiverUrl.optional(),
  OTEL_EXPORTER_OTLP_HEADERS: pairs.optional(),
  OTEL_SERVICE_NAME: z.string().max(200).default('datatrics-graphql-gateway'),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0|1|0?\.\d{1,9}|1\.0+)$/, 'a share from 0 to 1')
    .transform(Number)
    .default(1),
  MAX_SPANS_PER_SECOND: whole(1, 1_000_000, 'spans').default(250),
  MCP: z.enum(['off', 'on']).default('off'),
  MCP_MUTATIONS: z.enum(['off', 'on']).default('off'),
  ROUTER_SECRET: z
    .string()
    .regex(/^[\x21-\x7e]{16,}$/, 'a secret of 16 or more visible ASCII characters')
    .optional(),
  // Whoever sees one signature can try keys on it as fast as they like.
  ROUTER_HMAC_SECRET: z.string().min(16, 'a secret of 16 or more characters').optional(),
  ROUTER_SCOPES: list.pipe(z.array(z.enum(SCOPES))).optional(),
  ROUTER_PROJECTS: list.pipe(z.array(z.string().regex(PROJECT_ID))).optional(),
  SUBGRAPH_DIRECTIVES: list.pipe(z.array(z.enum(OPTIONAL_DIRECTIVES))).default([]),
  SUBGRAPH_MAX_AGE: z
    .string()
    .regex(/^\w+=\d{1,9}(\s*,\s*\w+=\d{1,9})*$/)
    .transform(readMaxAges)
    .refine((ages) => ages !== null)
    .optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
});

type Variables = z.infer<typeof variables>;
export type VariableName = keyof Variables;

/** Each variable's check, for the reference. */
export const CHECKS = variables.shape;

/** Never shown, whatever is wrong with it. */
const SECRETS: ReadonlySet<string> = new Set<VariableName>([
  'DATATRICS_API_KEY',
  'REDIS_URL',
  'PII_KEY',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'ROUTER_SECRET',
  'ROUTER_HMAC_SECRET',
]);

/** What a variable needs where its own check does not say it. */
export const NEEDS: Readonly<Record<string, string>> = {
  DATATRICS_FILTERS: 'auto, on or off',
  DATATRICS_BATCH_READS: 'off, auto or on',
  AUTH_MODE: 'open, passthrough or managed',
  INTROSPECTION: 'on or off',
  PII_MASK: 'hash, partial or null',
  SHARE_IN_FLIGHT: 'on or off',
  UPSTREAM_CLIENT: 'built-in or undici',
  COLLAPSE_OPERATIONS: 'on or off',
  TRUSTED_DOCUMENTS: 'off, allowed or only',
  MCP: 'off or on',
  MCP_MUTATIONS: 'off or on',
  SUBGRAPH_DIRECTIVES: `any of ${OPTIONAL_DIRECTIVES.join(', ')}, comma-separated`,
  ROUTER_SCOPES: 'scopes such as profiles:read, comma-separated',
  ROUTER_PROJECTS: 'project ids of letters, digits, _ and -, comma-separated',
  SUBGRAPH_MAX_AGE: `seconds by type such as Content=300,Profile=5; types are ${[...ENTITY_TYPES.keys()].join(', ')}`,
  LOG_LEVEL: 'trace, debug, info, warn, error, fatal or silent',
};

export type AuthMode = 'open' | 'passthrough' | 'managed';

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
  /** What speaks HTTP to the API. */
  readonly upstreamClient: (typeof CONNECTORS)[number];
  readonly loadLimits: LoadLimits;
  /** Connections of clients. */
  readonly maxConnections: number;
  /** bytes of answers kept in memory. */
  readonly cacheMaxBytes: number;
  readonly maxUpstreamCalls: number;
  /** bytes that one operation reads from the API, decompressed. */
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
  /** Per principal and minute. */
  readonly rateLimit: RateLimit | undefined;
  readonly redisUrl: string | undefined;
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
}

/** Everything that is wrong with the settings, one line per problem. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Reads the settings.
 *
 * @param env the environment, `process.env` in a real start
 * @throws ConfigError naming every problem at once
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const file = readFile(env.GATEWAY_CONFIG, Object.keys(variables.shape), problems);
  const given = { ...file.settings, ...withoutEmpty(env) };
  const projects = readProjects(file.sections.projects, env, problems);
  const customFields = readCustomFields(file.sections.customFields, problems);
  const parsed = variables.safeParse(pick(given));
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const name = String(issue.path[0]);
      problems.push(describe(name, given[name], NEEDS[name] ?? issue.message));
    }
    throw new ConfigError([...new Set(problems)]);
  }
  const values = parsed.data;
  const authMode = checkTogether(values, projects, problems);
  const documents = readDocuments(values, problems);
  const lifetimes = readSection(file.sections, 'freshness', readLifetimes, problems);
  const policies = readSection(file.sections, 'upstream', readPolicies, problems);
  if (problems.length > 0 || authMode === undefined || !lifetimes || !policies) throw new ConfigError(problems);
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
    upstreamQueue: values.UPSTREAM_QUEUE,
    upstreamClient: values.UPSTREAM_CLIENT,
    maxConnections: values.MAX_CONNECTIONS,
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
      maxEstimatedValues: values.MAX_ESTIMATED_VALUES,
      maxAnswerBytes: values.MAX_ANSWER_BYTES,
      assumedListSize: values.ASSUMED_LIST_SIZE,
      maxRepresentations: values.MAX_REPRESENTATIONS,
    },
    bulkLimits: {
      maxItems: values.MAX_BULK_ITEMS,
      chunkItems: values.BULK_CHUNK_ITEMS,
      chunkBytes: values.BULK_CHUNK_BYTES,
      concurrency: values.BULK_CONCURRENCY,
      extraRequests: values.BULK_EXTRA_REQUESTS,
    },
    shareInFlight: values.SHARE_IN_FLIGHT === 'on',
    collapseOperations: values.COLLAPSE_OPERATIONS === 'on',
    corsOrigins: values.CORS_ORIGINS,
    rateLimit: values.RATE_LIMIT,
    redisUrl: values.REDIS_URL,
    documentsMode: values.TRUSTED_DOCUMENTS,
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
  };
}

/**
 * The custom fields of a configuration file alone, for what needs no more of it.
 * @throws ConfigError
 */
export function readDeclaredFields(path: string | undefined): CustomFields {
  const problems: string[] = [];
  const file = readFile(path, Object.keys(variables.shape), problems);
  const customFields = readCustomFields(file.sections.customFields, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return customFields;
}

/** Rules that need more than one variable. */
function checkTogether(
  values: Variables,
  projects: readonly ProjectConfig[],
  problems: string[],
): AuthMode | undefined {
  const { AUTH_MODE: mode, DATATRICS_URL: url, HOST: host } = values;
  if (mode === 'managed') checkManaged(values, problems);
  if (url === undefined) return mode ?? 'open';
  if (mode === undefined) problems.push('AUTH_MODE: not set; with DATATRICS_URL it needs open, passthrough or managed');
  if (mode === 'open' && !isLoopback(host)) {
    problems.push(`AUTH_MODE: got "open" with HOST "${host}"; needs a loopback HOST, or passthrough or managed`);
  }
  if ((mode === 'open' || mode === 'managed') && projects.length === 0) {
    if (values.DATATRICS_PROJECT === undefined) problems.push('DATATRICS_PROJECT: not set; needs the project id');
    if (values.DATATRICS_API_KEY === undefined) problems.push('DATATRICS_API_KEY: not set; needs the API key');
  }
  return mode;
}

/** `managed` fails closed: nobody can get in by a setting that was forgotten. */
function checkManaged(values: Variables, problems: string[]): void {
  const jwt = ['JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_JWKS_URL'] as const;
  const missing = jwt.filter((name) => values[name] === undefined);
  if (missing.length < jwt.length) {
    for (const name of missing) problems.push(`${name}: not set; ${jwt.join(', ')} need each other`);
  } else if (values.TOKENS_FILE === undefined) {
    problems.push(`AUTH_MODE: got "managed"; needs ${jwt.join(', ')}, or TOKENS_FILE, or both`);
  }
  if (values.PII_MASK === 'hash' && values.PII_KEY === undefined) {
    problems.push('PII_KEY: not set; PII_MASK "hash" needs a secret of 16 or more visible ASCII characters');
  }
  if (values.TOKENS_FILE === undefined) return;
  try {
    readTokens(values.TOKENS_FILE);
  } catch (error) {
    const got = JSON.stringify(values.TOKENS_FILE);
    problems.push(`TOKENS_FILE: got ${got} (${(error as Error).message}); needs a JSON list of tokens`);
  }
}

function jwtOf({ JWT_ISSUER: issuer, JWT_AUDIENCE: audience, JWT_JWKS_URL: jwksUrl }: Variables): Config['jwt'] {
  if (issuer === undefined || audience === undefined || jwksUrl === undefined) return undefined;
  return { issuer, audience, jwksUrl };
}

function readDocuments(values: Variables, problems: string[]): ReadonlyMap<string, string> {
  const { TRUSTED_DOCUMENTS: mode, TRUSTED_DOCUMENTS_FILE: path } = values;
  if (path === undefined) {
    if (values.MCP === 'on') problems.push('TRUSTED_DOCUMENTS_FILE: not set; MCP "on" needs a manifest');
    else if (mode !== 'off')
      problems.push(`TRUSTED_DOCUMENTS_FILE: not set; TRUSTED_DOCUMENTS "${mode}" needs a manifest`);
    return new Map();
  }
  try {
    return readManifest(path);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    problems.push(
      `TRUSTED_DOCUMENTS_FILE: got ${JSON.stringify(path)} (${reason}); needs a JSON object of ids to documents`,
    );
    return new Map();
  }
}

function describe(name: string, value: string | undefined, need: string): string {
  // A URL may hold a password before its `@`.
  const secret = SECRETS.has(name) || value?.includes('@');
  const got = secret ? 'got a value that can not be shown' : `got ${JSON.stringify(value)}`;
  return `${name}: ${got}; needs ${need}`;
}

function pick(given: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return Object.fromEntries(Object.keys(variables.shape).map((name) => [name, given[name]]));
}

function withoutEmpty(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
}

/** `process.env` over what a `.env` file in the working directory says. */
export function environment(): Record<string, string | undefined> {
  let file: NodeJS.Dict<string> = {};
  try {
    file = parseEnv(readFileSync('.env', 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new ConfigError([`.env: can not be read (${(error as NodeJS.ErrnoException).code})`]);
    }
  }
  return { ...file, ...withoutEmpty(process.env) };
}
