import { z } from 'zod';
import { PROJECT_ID } from '../auth/principal.ts';
import type { RateLimit } from '../auth/rate-limit.ts';
import { SCOPES } from '../auth/scopes.ts';
import { ENTITY_TYPES } from '../datatrics/keys.ts';
import { isTimeZone } from '../datatrics/time.ts';
import type { MaxAges } from '../graph/cache-control.ts';
import { OPTIONAL_DIRECTIVES } from '../graph/optional-directives.ts';
import { isLoopback } from '../lib/loopback.ts';

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

function readRateLimit(text: string): RateLimit | undefined {
  if (text === 'off') return undefined;
  const [, requests] = /(\d+)r/.exec(text) ?? [];
  const [, calls] = /(\d+)c/.exec(text) ?? [];
  return {
    requests: requests === undefined ? undefined : Number(requests),
    calls: calls === undefined ? undefined : Number(calls),
  };
}

/** A key as it can stand in a header. */
export const API_KEY = /^[\x21-\x7e]+$/;

const variables = z.object({
  PORT: whole(0, 65_535, 'a port').default(4000),
  HOST: z.string().default('127.0.0.1'),
  DATATRICS_URL: baseUrl.optional(),
  DATATRICS_PROJECT: z.string().regex(PROJECT_ID, 'a project id of letters, digits, _ and -').optional(),
  DATATRICS_API_KEY: z.string().regex(API_KEY, 'a key of visible ASCII characters').optional(),
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
  DATATRICS_PAGE_LIMIT: whole(1, 500, 'rows').default(500),
  DATATRICS_TIMEZONE: z.string().refine(isTimeZone, 'an IANA time zone such as Europe/Amsterdam').default('UTC'),
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
  BULK_CHUNK_ITEMS: whole(1, 10_000, 'items').optional(),
  BULK_CONCURRENCY: whole(1, 64, 'calls').default(4),
  SHARE_IN_FLIGHT: z.enum(['on', 'off']).default('on'),
  COLLAPSE_OPERATIONS: z.enum(['on', 'off']).default('off'),
  CORS_ORIGINS: list
    .refine((origins) => origins.every(isOrigin), 'origins such as https://app.example, comma-separated')
    .default([]),
  COMPRESSION: z.enum(['on', 'off']).default('on'),
  CORS_HEADERS: list
    .refine(
      (names) => names.every((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name)),
      'names of headers such as x-app, comma-separated',
    )
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
  AUTOMATIC_PERSISTED_QUERIES: z.enum(['on', 'off']).optional(),
  GATEWAY_PLUGINS: list.default([]),
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

export type Variables = z.infer<typeof variables>;
export type VariableName = keyof Variables;

export type AuthMode = 'open' | 'passthrough' | 'managed';

/** Each variable's check, for the reference. */
export const CHECKS = variables.shape;

/** Never shown, whatever is wrong with it. */
export const SECRETS: ReadonlySet<string> = new Set<VariableName>([
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
  COLLAPSE_OPERATIONS: 'on or off',
  TRUSTED_DOCUMENTS: 'off, allowed or only',
  AUTOMATIC_PERSISTED_QUERIES: 'on or off',
  COMPRESSION: 'on or off',
  MCP: 'off or on',
  MCP_MUTATIONS: 'off or on',
  SUBGRAPH_DIRECTIVES: `any of ${OPTIONAL_DIRECTIVES.join(', ')}, comma-separated`,
  ROUTER_SCOPES: 'scopes such as profiles:read, comma-separated',
  ROUTER_PROJECTS: 'project ids of letters, digits, _ and -, comma-separated',
  SUBGRAPH_MAX_AGE: `seconds by type such as Content=300,Profile=5; types are ${[...ENTITY_TYPES.keys()].join(', ')}`,
  LOG_LEVEL: 'trace, debug, info, warn, error, fatal or silent',
};

/** The longest value that is shown. */
const MAX_SHOWN = 200;

/** A value as it may be shown. */
function show(name: string, value: string): string {
  // A URL may hold a password before its `@`, or a key in its query.
  if (SECRETS.has(name) || value.includes('@') || /[?&][\w-]+=/.test(value)) return 'a value that is not shown';
  return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
}

/**
 * Checks each variable by itself; gives the values of those that are right.
 *
 * @param labels names of variables that were given under another name
 * @param problems gets a line for each that is wrong
 */
export function checkVariables(
  given: Readonly<Record<string, string | undefined>>,
  labels: ReadonlyMap<string, string>,
  problems: string[],
): Partial<Variables> {
  const values: Record<string, unknown> = {};
  for (const [name, check] of Object.entries(CHECKS)) {
    const value = given[name];
    const { success, data, error } = check.safeParse(value);
    if (success) values[name] = data;
    else {
      const need = NEEDS[name] ?? error.issues[0]?.message ?? 'another value';
      problems.push(`${labels.get(name) ?? name}: got ${show(name, value ?? '')}; needs ${need}`);
    }
  }
  return values;
}
