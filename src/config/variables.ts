import { z } from 'zod';
import { SCOPES } from '../auth/scopes.ts';
import { OPTIONAL_DIRECTIVES } from '../graph/directives.ts';
import {
  apiKey,
  baseUrl,
  fieldName,
  headerName,
  headers,
  hmacSecret,
  jwksUrl,
  list,
  listOf,
  maxAges,
  oneOf,
  onOff,
  origin,
  projectId,
  rateLimit,
  receiverUrl,
  secret,
  timeZone,
  whole,
} from './checks.ts';

/** Every setting, by the name of its variable: what it takes, and its default. */
const variables = z.object({
  PORT: whole(0, 65_535).default(4000),
  HOST: z.string().default('127.0.0.1'),
  DATATRICS_URL: baseUrl.optional(),
  DATATRICS_PROJECT: projectId.optional(),
  DATATRICS_API_KEY: apiKey.optional(),
  DATATRICS_PROFILE_SOURCES: list.optional(),
  DATATRICS_CONTENT_SOURCES: list.optional(),
  DATATRICS_CONVERSION_SOURCES: list.optional(),
  DATATRICS_INTERACTION_SOURCES: list.optional(),
  DATATRICS_FILTERS: oneOf('auto', 'on', 'off').default('auto'),
  DATATRICS_BATCH_READS: oneOf('off', 'auto', 'on').default('off'),
  DATATRICS_CONVERSION_PROFILE_FIELD: fieldName.default('profileid'),
  DATATRICS_PAGE_LIMIT: whole(1, 500, 'rows').default(500),
  DATATRICS_TIMEZONE: timeZone.default('UTC'),
  AUTH_MODE: oneOf('open', 'passthrough', 'managed').optional(),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  JWT_JWKS_URL: jwksUrl.optional(),
  TOKENS_FILE: z.string().optional(),
  INTROSPECTION: onOff.optional(),
  PII_MASK: oneOf('hash', 'partial', 'null').default('hash'),
  PII_KEY: secret.optional(),
  PII_FIELDS: list.default([]),
  OPERATION_TIMEOUT_MS: whole(1, 600_000, 'milliseconds').default(15_000),
  UPSTREAM_TIMEOUT_MS: whole(1, 600_000, 'milliseconds').default(5_000),
  UPSTREAM_CONNECTIONS: whole(1, 10_000, 'connections').default(64),
  MAX_CONNECTIONS: whole(1, 1_000_000, 'connections').default(10_000),
  MAX_REQUESTS: whole(1, 1_000_000, 'requests').default(2_000),
  MAX_EVENT_LOOP_DELAY_MS: whole(0, 60_000, 'milliseconds').default(250),
  CACHE_MAX_BYTES: whole(0, 1_099_511_627_776, 'bytes').default(67_108_864),
  MAX_ESTIMATED_CALLS: whole(1, 1_000_000_000, 'calls').default(5_000),
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
  BULK_CHUNK_ITEMS: whole(1, 10_000, 'items').default(50),
  BULK_CONCURRENCY: whole(1, 64, 'calls').default(4),
  SHARE_IN_FLIGHT: onOff.default(true),
  COLLAPSE_OPERATIONS: onOff.default(false),
  CORS_ORIGINS: listOf(origin, 'origins such as https://app.example, comma-separated').default([]),
  COMPRESSION: onOff.default(true),
  CORS_HEADERS: listOf(headerName, 'names of headers such as x-app, comma-separated').default([]),
  RATE_LIMIT: rateLimit.optional(),
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\/\S+$/, 'a URL such as redis://127.0.0.1:6379')
    .optional(),
  TRUSTED_DOCUMENTS: oneOf('off', 'allowed', 'only').default('off'),
  TRUSTED_DOCUMENTS_FILE: z.string().optional(),
  AUTOMATIC_PERSISTED_QUERIES: onOff.optional(),
  GATEWAY_PLUGINS: list.default([]),
  OTEL_EXPORTER_OTLP_ENDPOINT: receiverUrl.optional(),
  OTEL_EXPORTER_OTLP_HEADERS: headers.optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf('http/protobuf', 'http/json', 'grpc').optional(),
  OTEL_TRACES_EXPORTER: oneOf('otlp', 'zipkin', 'console', 'none').optional(),
  OTEL_METRICS_EXPORTER: oneOf('otlp', 'console', 'none').optional(),
  OTEL_TRACES_SAMPLER: oneOf(
    'always_on',
    'always_off',
    'traceidratio',
    'parentbased_always_on',
    'parentbased_always_off',
    'parentbased_traceidratio',
  ).optional(),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0|1|0?\.\d{1,9}|1\.0+)$/, 'a share from 0 to 1')
    .optional(),
  OTEL_SERVICE_NAME: z.string().optional(),
  OTEL_RESOURCE_ATTRIBUTES: z.string().optional(),
  OTEL_SDK_DISABLED: oneOf('true', 'false').optional(),
  MAX_SPANS_PER_SECOND: whole(1, 1_000_000, 'spans').default(250),
  MCP: onOff.default(false),
  MCP_MUTATIONS: onOff.default(false),
  ROUTER_SECRET: secret.optional(),
  ROUTER_HMAC_SECRET: hmacSecret.optional(),
  ROUTER_SCOPES: listOf(z.enum(SCOPES), 'scopes such as profiles:read, comma-separated').optional(),
  ROUTER_PROJECTS: listOf(projectId, 'project ids of letters, digits, _ and -, comma-separated').optional(),
  SUBGRAPH_DIRECTIVES: listOf(
    z.enum(OPTIONAL_DIRECTIVES),
    `any of ${OPTIONAL_DIRECTIVES.join(', ')}, comma-separated`,
  ).default([]),
  SUBGRAPH_MAX_AGE: maxAges.optional(),
  LOG_LEVEL: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent').default('info'),
});

export type Variables = z.infer<typeof variables>;
export type VariableName = keyof Variables;

export const CHECKS = variables.shape;

/** Values that no message shows. */
export const SECRETS: ReadonlySet<string> = new Set<VariableName>([
  'DATATRICS_API_KEY',
  'REDIS_URL',
  'PII_KEY',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'ROUTER_SECRET',
  'ROUTER_HMAC_SECRET',
]);

/** The variable that names the file of a secret, as orchestrators mount it. */
export function fileVariable(name: string): string {
  return `${name}_FILE`;
}

/** Characters of a value that a message shows. */
const MAX_SHOWN = 200;

function show(name: string, value: string): string {
  // A URL may hold a password before its `@`, or a key in its query.
  if (SECRETS.has(name) || value.includes('@') || /[?&][\w-]+=/.test(value)) return 'a value that is not shown';
  return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
}

/**
 * Checks each variable by itself, and returns the values of those that are valid.
 *
 * @param fromFiles those of the values that are in files
 * @param problems gets a line for each invalid value
 */
export function checkVariables(
  given: Readonly<Record<string, string | undefined>>,
  fromFiles: object,
  problems: string[],
): Partial<Variables> {
  const values: Record<string, unknown> = {};
  for (const [name, check] of Object.entries(CHECKS)) {
    const { success, data, error } = check.safeParse(given[name]);
    if (success) values[name] = data;
    else {
      const label = name in fromFiles ? fileVariable(name) : name;
      problems.push(`${label}: got ${show(name, given[name] ?? '')}; needs ${error.issues[0]?.message}`);
    }
  }
  return values;
}
