import { SECRET_FILE_NAMES } from '../config/secret-files.ts';
import { CHECKS, NEEDS, type VariableName } from '../config/variables.ts';

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

/** What each variable means. One that is added to the settings and not told of here does not pass the type check. */
const MEANINGS: Readonly<Record<VariableName, readonly [group: Group, meaning: string]>> = {
  PORT: ['start', 'Port to listen on; 0 takes any that is free, and the first line of the output names it.'],
  HOST: ['start', 'Address to listen on. `0.0.0.0` is every one of the machine, which `AUTH_MODE=open` refuses.'],
  DATATRICS_URL: ['start', 'Base URL of the API, version included. Without it the embedded sandbox is used.'],
  DATATRICS_PROJECT: [
    'start',
    'Project to ask for when a caller names none; needed with `DATATRICS_URL` in `open` and `managed`.',
  ],
  DATATRICS_API_KEY: [
    'start',
    'Key that is sent as `x-apikey`, where the gateway holds it; needed with `DATATRICS_URL` in `open` and `managed`.',
  ],
  DATATRICS_PROFILE_SOURCES: ['project', 'Sources to try, in order, when a read of a profile or a link names none.'],
  DATATRICS_CONTENT_SOURCES: ['project', 'The same for content.'],
  DATATRICS_CONVERSION_SOURCES: ['project', 'The same for conversions.'],
  DATATRICS_INTERACTION_SOURCES: ['project', 'The same for interactions.'],
  DATATRICS_FILTERS: [
    'project',
    'Whether the API’s undocumented filters are used: `auto` probes it once per project, `on` assumes them, `off` refuses them.',
  ],
  DATATRICS_BATCH_READS: [
    'project',
    'Whether many records are fetched by one call, which the API does not document: `auto` tries it on records just read, `on` relies on it.',
  ],
  DATATRICS_CONVERSION_PROFILE_FIELD: [
    'project',
    'Field by which a profile’s conversions are found: `profile_id` with the Magento plugin.',
  ],
  DATATRICS_TIMEZONE: ['project', 'Zone of the API’s times, which name none.'],
  DATATRICS_PAGE_LIMIT: ['project', 'Rows to ask of a list in one call.'],
  AUTH_MODE: [
    'access',
    'How a caller is known, and whose key goes to the API; `open` with the sandbox, else it must be set. See [authentication and scopes](access.md).',
  ],
  JWT_ISSUER: ['access', '`managed`: whose JSON Web Tokens are taken (`iss`).'],
  JWT_AUDIENCE: ['access', '`managed`: for whom they must be (`aud`).'],
  JWT_JWKS_URL: ['access', '`managed`: where the issuer’s keys are.'],
  TOKENS_FILE: ['access', '`managed`: JSON list of static tokens by their hashes; read again when it changes.'],
  INTROSPECTION: ['access', 'Whether the schema can be asked for. On, but for `managed`.'],
  CORS_ORIGINS: ['access', 'Origins whose pages may call from a browser.'],
  COMPRESSION: [
    'start',
    'Whether answers of 1 KiB or more are compressed (zstd, br or gzip) for clients that ask for it. See [security](security.md#compression).',
  ],
  CORS_HEADERS: [
    'access',
    'Further request headers that these pages may send. The gateway’s own headers and those of common clients and tracers are always allowed.',
  ],
  ROUTER_SECRET: ['router', 'What a router of yours sends as `x-router-secret`. See [federation](federation.md).'],
  ROUTER_HMAC_SECRET: ['router', 'Key of the signature that Hive Gateway puts into `extensions["hmac-signature"]`.'],
  ROUTER_SCOPES: [
    'router',
    'Scopes of a router that forwards none: all reads but `pii:read` in `managed`, else everything.',
  ],
  ROUTER_PROJECTS: ['router', 'Projects of a router that forwards none; all of them by default.'],
  SUBGRAPH_DIRECTIVES: ['router', 'Directives of the subgraph’s schema that not every router takes.'],
  SUBGRAPH_MAX_AGE: [
    'router',
    'Seconds for which a router may keep what it read of a type, such as `Content=300,Profile=5`.',
  ],
  MCP: ['documents', 'Whether agents get the published documents as tools at `/mcp`. See [agents](agents.md).'],
  MCP_MUTATIONS: ['documents', 'Whether those that write are among them.'],
  CACHE_MAX_BYTES: [
    'upstream',
    'Bytes of remembered answers in memory, where `freshness` allows any. See [reliability](reliability.md).',
  ],
  UPSTREAM_QUEUE: [
    'upstream',
    'Calls that wait for a connection before more of them fail at once. Callers share them.',
  ],
  MAX_CONNECTIONS: [
    'rates',
    'Connections of clients; one more is closed at once, since each costs memory, whatever it sends.',
  ],
  MAX_WAITING_BYTES: [
    'rates',
    'Bytes of all answers that clients have not read yet, and as many of all bodies that are not complete. Beyond it, the slowest clients are disconnected.',
  ],
  MAX_REQUESTS: ['rates', 'Requests under way before more of them are answered 503. Callers share them.'],
  MAX_EVENT_LOOP_DELAY_MS: ['rates', 'ms that the event loop may be late before requests are answered 503; 0: any.'],
  MAX_REPRESENTATIONS: [
    'limits',
    'Representations that one request to `/subgraph` may have, and ids that one `nodes` field may have.',
  ],
  OTEL_EXPORTER_OTLP_ENDPOINT: [
    'operation',
    'Where OpenTelemetry spans go (OTLP over HTTP). Without it none are made. See [operations](operations.md).',
  ],
  OTEL_EXPORTER_OTLP_HEADERS: ['operation', 'Headers for that receiver, as `name=value`, comma-separated.'],
  OTEL_SERVICE_NAME: ['operation', 'Name of this service in spans.'],
  OTEL_TRACES_SAMPLER_ARG: [
    'operation',
    'Share of the operations that get spans when no caller decided, within `MAX_SPANS_PER_SECOND`.',
  ],
  MAX_SPANS_PER_SECOND: [
    'operation',
    'Spans a second beyond which no further operation gets any, unless its caller decided so.',
  ],
  PII_MASK: ['privacy', 'How personal data comes without the scope `pii:read`.'],
  PII_KEY: ['privacy', 'Key of the hashes that `hash` makes; `managed` needs it.'],
  PII_FIELDS: ['privacy', 'Names of further personal fields.'],
  TRUSTED_DOCUMENTS: [
    'documents',
    '`allowed`: ids of published documents may be sent in place of texts; `only`: nothing else runs.',
  ],
  AUTOMATIC_PERSISTED_QUERIES: [
    'documents',
    'Whether clients may register documents by their SHA-256 and then send the hash only, as the persisted-query links of Apollo Client and urql do. Default: `on`, unless `TRUSTED_DOCUMENTS` is `only`.',
  ],
  GATEWAY_PLUGINS: [
    'operation',
    'Modules with plugins of Yoga or Envelop, comma-separated: paths from the working directory, or names of installed packages. See [plugins](plugins.md).',
  ],
  TRUSTED_DOCUMENTS_FILE: [
    'documents',
    'The published documents: the manifest of graphql-codegen, Apollo or Relay. See [trusted documents](recipes/trusted-documents.md).',
  ],
  MAX_BODY_BYTES: ['limits', 'Size of a request’s body.'],
  MAX_TOKENS: ['limits', 'Words and signs of a document.'],
  MAX_DEPTH: ['limits', 'Levels of a document, fragments spread; this and the next three hold before anything runs.'],
  MAX_ALIASES: ['limits', 'Aliases of a document.'],
  MAX_ROOT_FIELDS: ['limits', 'Fields of an operation at its root.'],
  MAX_DIRECTIVES: ['limits', 'Directives of a document.'],
  MAX_ESTIMATED_CALLS: [
    'limits',
    'REST calls that an operation may make in the worst case; it is not begun otherwise.',
  ],
  MAX_ESTIMATED_VALUES: [
    'limits',
    'Size of an answer in the worst case, in values, estimated before the operation runs. See [limits](limits.md#the-size-of-an-answer).',
  ],
  MAX_ANSWER_BYTES: ['limits', 'Bytes of one answer as JSON, before compression.'],
  MAX_UPSTREAM_BYTES: [
    'limits',
    'Bytes that one operation reads from the API, decompressed; fields beyond get `UPSTREAM_BUDGET_EXCEEDED`.',
  ],
  ASSUMED_LIST_SIZE: ['limits', 'Items that a list without a page size counts as in that estimate.'],
  MAX_UPSTREAM_CALLS: ['limits', 'REST calls that one operation really makes, retries included.'],
  OPERATION_TIMEOUT_MS: [
    'limits',
    'Time for an operation; what is not there by then is an error, the rest is answered.',
  ],
  RATE_LIMIT: ['rates', 'Requests (`r`) and REST calls (`c`) of one caller per minute, across projects.'],
  REDIS_URL: ['rates', 'Where several instances count them together; without it each counts by itself.'],
  MAX_BULK_ITEMS: ['bulk', 'Items of one mutation.'],
  BULK_CHUNK_ITEMS: ['bulk', 'Items of one REST call; 50 unless set.'],
  BULK_CHUNK_BYTES: ['bulk', 'Bytes of one REST call.'],
  BULK_CONCURRENCY: ['bulk', 'REST calls of one mutation at once.'],
  BULK_EXTRA_REQUESTS: ['bulk', 'REST calls beyond one per chunk, for parting refused items from the rest.'],
  UPSTREAM_TIMEOUT_MS: ['upstream', 'Time for one REST call.'],
  UPSTREAM_CONNECTIONS: ['upstream', 'Connections to the API per project. Callers share them.'],
  SHARE_IN_FLIGHT: ['upstream', 'Whether equal REST reads of one caller that overlap in time share one call.'],
  COLLAPSE_OPERATIONS: ['upstream', 'Whether whole identical queries of one caller that overlap share one run.'],
  LOG_LEVEL: ['operation', 'From which level on lines are logged, as JSON on standard output.'],
};

type Check = (typeof CHECKS)[VariableName];

/** What a value must be, in the words of the check itself. */
function needOf(name: VariableName, check: Check): string {
  const listed = check.safeParse('a,b');
  if (listed.success && Array.isArray(listed.data)) return 'a comma-separated list';
  const { error } = check.safeParse('\u0000');
  return NEEDS[name] ?? error?.issues[0]?.message ?? 'text';
}

/** What counts when a variable is not set. */
function defaultOf(check: Check): string {
  const { data } = check.safeParse(undefined);
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
        return `| \`${name}\` | ${defaultOf(check)} | ${needOf(name, check)} | ${MEANINGS[name][1]} |`;
      });
    return `## ${title}\n\n| Variable | Default | Takes | Meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Configuration

<!-- Made by \`npm run codegen\` from src/config/variables.ts and src/cli/config-docs.ts. -->

By environment variables, or in a \`.env\` file in the working directory. An empty variable counts as unset. A wrong one
stops the start; every problem is named at once, with what it needs. Without any, the gateway serves its sandbox.

The \`.env\` file is UTF-8, with or without a byte order mark, or UTF-16 with one. A line is \`NAME=value\` or a comment that
starts with \`#\`. A value with a \`#\`, or with several lines, stands in quotes. With anything else in it, the file is refused
as a whole. The environment wins over it.

The values of these variables may be in files, which a variable with \`_FILE\` at the end of its name gives, such as
\`DATATRICS_API_KEY_FILE=/run/secrets/key\`: ${secrets}.
One line end at the end of the file is not part of the value. A variable and its \`…_FILE\` may not both be set.

A project or a key without \`DATATRICS_URL\` stops the start: the sandbox takes neither. So does a name that begins with
\`DATATRICS_\` and is close to a setting that is not set, such as \`DATATRICS_ULR\`. Other names that are close to a setting, and
other names that begin with \`DATATRICS_\`, get a warning in the log.

\`GATEWAY_CONFIG\` names a JSON or YAML file of settings by the same names, where lists may be lists, and of
[several projects](access.md#several-projects). Variables win over it. Put ids, keys and sources in quotes when YAML takes
them for something else than text: \`"012345"\`, \`"1e5"\`, \`"yes"\`. The gateway refuses what would be converted.

\`\`\`yaml [gateway.yml]
AUTH_MODE: passthrough
DATATRICS_URL: https://api.datatrics.com/2.0
DATATRICS_PROFILE_SOURCES: [Webshop, Magento 2]
RATE_LIMIT: 6000r,60000c
\`\`\`

${tables.join('\n')}`;
}
