import { SECRET_FILE_NAMES } from '../src/config/secret-files.ts';
import { CHECKS, type VariableName } from '../src/config/variables.ts';

/** Parts of the configuration reference, in the order in which people need them. */
const GROUPS = {
  start: 'Listener and API',
  project: 'Project',
  access: 'Authentication',
  router: 'Federation router',
  privacy: 'Personal data',
  documents: 'Persisted documents and agents',
  limits: 'Limits of an operation',
  rates: 'Rate limits and load',
  bulk: 'Bulk writes',
  upstream: 'Calls to the API',
  operation: 'Operation',
} as const;

type Group = keyof typeof GROUPS;

/** The meaning of each variable. A setting without one does not pass the type check. */
const MEANINGS: Readonly<Record<VariableName, readonly [group: Group, meaning: string]>> = {
  PORT: ['start', 'Port to listen on. `0` takes a free port; the first line of the output shows it.'],
  HOST: [
    'start',
    'Address to listen on. `0.0.0.0` listens on all addresses, which `AUTH_MODE=open` allows only with the sandbox.',
  ],
  DATATRICS_URL: [
    'start',
    'Base URL of the API, including the version. Without it, the gateway serves the embedded sandbox.',
  ],
  DATATRICS_PROJECT: [
    'start',
    'Project for callers that name none. Required with `DATATRICS_URL` in `open` and `managed`.',
  ],
  DATATRICS_API_KEY: [
    'start',
    'Key that the gateway sends as `x-apikey`. Required with `DATATRICS_URL` in `open` and `managed`.',
  ],
  DATATRICS_PROFILE_SOURCES: [
    'project',
    'Sources to try, in order, when a read of a profile or a link names no source.',
  ],
  DATATRICS_CONTENT_SOURCES: ['project', 'The same for content.'],
  DATATRICS_CONVERSION_SOURCES: ['project', 'The same for conversions.'],
  DATATRICS_INTERACTION_SOURCES: ['project', 'The same for interactions.'],
  DATATRICS_FILTERS: [
    'project',
    'Use of the API’s undocumented filters: `auto` probes once per project, `on` assumes that they work, `off` rejects filters.',
  ],
  DATATRICS_BATCH_READS: [
    'project',
    'Reads of many records in one call, which the API does not document: `auto` tries it on records just read, `on` relies on it.',
  ],
  DATATRICS_CONVERSION_PROFILE_FIELD: [
    'project',
    'Field by which the gateway finds a profile’s conversions; `profile_id` with the Magento plugin.',
  ],
  DATATRICS_TIMEZONE: ['project', 'Time zone of the API’s times, which have none.'],
  DATATRICS_PAGE_LIMIT: ['project', 'Rows that the gateway requests from a list in one call.'],
  AUTH_MODE: [
    'access',
    'How callers authenticate, and whose key the gateway sends to the API. Default: `open` with the sandbox; required otherwise. See [authentication and scopes](access.md).',
  ],
  JWT_ISSUER: ['access', '`managed`: issuer (`iss`) of accepted JSON Web Tokens.'],
  JWT_AUDIENCE: ['access', '`managed`: audience (`aud`) of accepted JSON Web Tokens.'],
  JWT_JWKS_URL: ['access', '`managed`: URL of the issuer’s keys.'],
  TOKENS_FILE: [
    'access',
    '`managed`: JSON list of static tokens, stored as hashes. The gateway re-reads the file when it changes.',
  ],
  INTROSPECTION: ['access', 'Introspection of the schema. Default: `on`, but `off` in `managed`.'],
  CORS_ORIGINS: ['access', 'Origins whose pages may call from a browser.'],
  COMPRESSION: [
    'start',
    'Compression of answers of 1 KiB or more (zstd, br or gzip) for clients that request it. See [security](security.md#compression).',
  ],
  CORS_HEADERS: [
    'access',
    'Additional request headers that these pages may send. The gateway’s own headers and those of common clients and tracers are always allowed.',
  ],
  ROUTER_SECRET: ['router', 'Value of `x-router-secret` that your router sends. See [federation](federation.md).'],
  ROUTER_HMAC_SECRET: ['router', 'Key of the signature that Hive Gateway sends as `extensions["hmac-signature"]`.'],
  ROUTER_SCOPES: [
    'router',
    'Scopes of a router that forwards none. Default: all read scopes but `pii:read` in `managed`, all scopes otherwise.',
  ],
  ROUTER_PROJECTS: ['router', 'Projects of a router that forwards none. Default: all.'],
  SUBGRAPH_DIRECTIVES: ['router', 'Directives of the subgraph’s schema that not every router supports.'],
  SUBGRAPH_MAX_AGE: [
    'router',
    'Seconds for which a router may cache records, by type, such as `Content=300,Profile=5`.',
  ],
  MCP: ['documents', 'Offers the trusted documents to agents as tools at `/mcp`. See [agents](agents.md).'],
  MCP_MUTATIONS: ['documents', 'Whether mutations are among these tools.'],
  CACHE_MAX_BYTES: [
    'upstream',
    'Bytes of cached records in memory, where `freshness` allows caching. See [reliability](reliability.md).',
  ],
  MAX_CONNECTIONS: ['rates', 'Client connections; the gateway closes further connections at once.'],
  MAX_REQUESTS: ['rates', 'Concurrent requests; the gateway answers further requests with 503. Callers share them.'],
  MAX_EVENT_LOOP_DELAY_MS: ['rates', 'Event loop delay in ms above which the gateway answers 503; `0` means no limit.'],
  MAX_REPRESENTATIONS: ['limits', 'Representations in one request to `/subgraph`, and ids in one `nodes` field.'],
  OTEL_EXPORTER_OTLP_ENDPOINT: [
    'operation',
    'Receiver of OpenTelemetry spans and metrics (OTLP). Without it, nothing is exported. See [operations](operations.md#opentelemetry).',
  ],
  OTEL_EXPORTER_OTLP_HEADERS: ['operation', 'Headers for that receiver, as `name=value`, comma-separated.'],
  OTEL_EXPORTER_OTLP_PROTOCOL: ['operation', 'Protocol of that receiver; without it, `http/protobuf`.'],
  OTEL_TRACES_EXPORTER: ['operation', 'Exporter of spans; `none` for no spans.'],
  OTEL_METRICS_EXPORTER: ['operation', 'Exporter of metrics, in addition to `/metrics`; `none` for no export.'],
  OTEL_TRACES_SAMPLER: [
    'operation',
    'Sampler of traces, within `MAX_SPANS_PER_SECOND`; without it, `parentbased_always_on`.',
  ],
  OTEL_TRACES_SAMPLER_ARG: [
    'operation',
    'Share of traces for the samplers by ratio. Without `OTEL_TRACES_SAMPLER`, the sampler is `parentbased_traceidratio`.',
  ],
  OTEL_SERVICE_NAME: ['operation', 'Service name in spans and metrics; without it, `datatrics-graphql-gateway`.'],
  OTEL_RESOURCE_ATTRIBUTES: ['operation', 'Further attributes of the service, as `name=value`, comma-separated.'],
  OTEL_SDK_DISABLED: [
    'operation',
    'With `true`, OpenTelemetry exports nothing; the other `OTEL_…` variables have no effect.',
  ],
  MAX_SPANS_PER_SECOND: [
    'operation',
    'Spans per second; the gateway traces no further operations in that second, unless the caller sampled them.',
  ],
  PII_MASK: ['privacy', 'How the gateway returns personal data to callers without the scope `pii:read`.'],
  PII_KEY: ['privacy', 'Key of the hashes that `hash` makes; required in `managed`.'],
  PII_FIELDS: ['privacy', 'Names of additional personal fields.'],
  TRUSTED_DOCUMENTS: [
    'documents',
    '`allowed`: clients may send ids of trusted documents; `only`: the gateway runs nothing else.',
  ],
  AUTOMATIC_PERSISTED_QUERIES: [
    'documents',
    'Whether clients may register documents by their SHA-256 and then send only the hash, as the persisted-query links of Apollo Client and urql do. Default: `on`, unless `TRUSTED_DOCUMENTS` is `only`.',
  ],
  GATEWAY_PLUGINS: [
    'operation',
    'Modules with plugins of Yoga or Envelop, comma-separated: paths from the working directory, or names of installed packages. See [plugins](plugins.md).',
  ],
  TRUSTED_DOCUMENTS_FILE: [
    'documents',
    'Manifest of the trusted documents, from graphql-codegen, Apollo or Relay. See [trusted documents](recipes/trusted-documents.md).',
  ],
  MAX_BODY_BYTES: ['limits', 'Bytes of a request’s body.'],
  MAX_TOKENS: ['limits', 'Tokens of a document.'],
  MAX_DEPTH: [
    'limits',
    'Depth of a document in fields, with fragments spread. The gateway checks this and the next three limits before it runs anything.',
  ],
  MAX_ALIASES: ['limits', 'Aliases of a document, with fragments spread.'],
  MAX_ROOT_FIELDS: ['limits', 'Root fields of an operation, with fragments spread.'],
  MAX_DIRECTIVES: ['limits', 'Directives of a document.'],
  MAX_ESTIMATED_CALLS: ['limits', 'REST calls that an operation may make in the worst case, estimated before it runs.'],
  MAX_ANSWER_BYTES: ['limits', 'Bytes of one answer as JSON, before compression.'],
  MAX_UPSTREAM_BYTES: [
    'limits',
    'Bytes that one operation reads from the API, decompressed. Fields beyond it get `UPSTREAM_BUDGET_EXCEEDED`.',
  ],
  MAX_UPSTREAM_CALLS: ['limits', 'REST calls that one operation makes, including retries.'],
  OPERATION_TIMEOUT_MS: [
    'limits',
    'Time limit of an operation in ms. Fields that are not complete by then get an error.',
  ],
  RATE_LIMIT: ['rates', 'Requests (`r`) and REST calls (`c`) per caller and minute, across projects.'],
  REDIS_URL: ['rates', 'Redis that several instances share. Without it, each instance counts and caches by itself.'],
  MAX_BULK_ITEMS: ['bulk', 'Items of one bulk mutation.'],
  BULK_CHUNK_ITEMS: ['bulk', 'Items of one REST call.'],
  BULK_CONCURRENCY: ['bulk', 'Concurrent REST calls of one mutation.'],
  UPSTREAM_TIMEOUT_MS: ['upstream', 'Time limit of one REST call in ms.'],
  UPSTREAM_CONNECTIONS: ['upstream', 'Concurrent calls to the API per project. Callers share them.'],
  SHARE_IN_FLIGHT: ['upstream', 'Whether identical concurrent REST reads of one caller share one call.'],
  COLLAPSE_OPERATIONS: ['upstream', 'Whether identical concurrent queries of one caller share one execution.'],
  LOG_LEVEL: ['operation', 'Minimum level of log lines, which are JSON on standard output.'],
};

type Check = (typeof CHECKS)[VariableName];

/** What a value must be, in the words of the check itself. */
function needOf(check: Check): string {
  const listed = check.safeParse('a,b');
  if (listed.success && Array.isArray(listed.data)) return 'a comma-separated list';
  const { error } = check.safeParse('\u0000');
  return error?.issues[0]?.message ?? 'text';
}

/** What counts when a variable is not set. */
function defaultOf(check: Check): string {
  const { data } = check.safeParse(undefined);
  if (typeof data === 'boolean') return data ? '`on`' : '`off`';
  return data === undefined || (Array.isArray(data) && data.length === 0) ? '—' : `\`${String(data)}\``;
}

/** `docs/configuration.md`. */
export function renderConfigDocs(): string {
  const secrets = SECRET_FILE_NAMES.map((name) => `\`${name.replace(/_FILE$/, '')}\``).join(', ');
  const names = Object.keys(CHECKS) as VariableName[];
  const tables = Object.entries(GROUPS).map(([group, title]) => {
    const rows = names
      .filter((name) => MEANINGS[name][0] === group)
      .map((name) => {
        const check = CHECKS[name];
        return `| \`${name}\` | ${defaultOf(check)} | ${needOf(check)} | ${MEANINGS[name][1]} |`;
      });
    return `## ${title}\n\n| Variable | Default | Takes | Meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Configuration

_Generated by \`npm run codegen\` from src/config/variables.ts and scripts/config-docs.ts._

Settings are environment variables, or lines of a \`.env\` file in the working directory. An empty variable counts as unset. A wrong
setting stops the start; the gateway reports all problems at once. Without any setting, the gateway serves its sandbox.

The \`.env\` file is UTF-8, with or without a byte order mark, or UTF-16 with one. A line is \`NAME=value\` or a comment that
starts with \`#\`. A value with a \`#\`, or with several lines, stands in quotes. With anything else in it, the file is refused
as a whole. The environment wins over it.

The values of these variables may be in files, which a variable with \`_FILE\` at the end of its name gives, such as
\`DATATRICS_API_KEY_FILE=/run/secrets/key\`: ${secrets}.
One line end at the end of the file is not part of the value. A variable and its \`…_FILE\` may not both be set. The same
holds for the variables that \`apiKeyFrom\` and \`secretFrom\` name. The gateway reads files of API keys and of router secrets
[again when they change](operations.md#key-rotation).

A project or a key without \`DATATRICS_URL\` stops the start: the sandbox takes neither. So does a name that begins with
\`DATATRICS_\` and is close to a setting that is not set, such as \`DATATRICS_ULR\`. Other names that are close to a setting, and
other names that begin with \`DATATRICS_\`, get a warning in the log.

\`GATEWAY_CONFIG\` names a JSON or YAML file of settings by the same names, where lists may be lists, and of
[several projects](access.md#several-projects). Its other sections are [\`freshness\`](reliability.md#caching-and-freshness),
[\`upstream\`](reliability.md#timeouts-retries-and-circuit-breaker), [\`customFields\`](custom-fields.md),
[\`invalidation\`](federation.md#invalidation-after-writes) and [\`poll\`](federation.md#changes-by-other-programs). Variables win over it. Put ids, keys and sources in quotes when YAML takes
them for something else than text: \`"012345"\`, \`"1e5"\`, \`"yes"\`. The gateway refuses what would be converted.

\`\`\`yaml [gateway.yml]
AUTH_MODE: passthrough
DATATRICS_URL: https://api.datatrics.com/2.0
DATATRICS_PROFILE_SOURCES: [Webshop, Magento 2]
RATE_LIMIT: 6000r,60000c
\`\`\`

${tables.join('\n')}`;
}
