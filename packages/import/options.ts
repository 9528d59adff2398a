import { existsSync, readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { RESOURCES, type Resource } from '../../src/datatrics/endpoints.ts';
import { isTimeZone } from '../../src/datatrics/time.ts';
import { parseArguments } from './command.ts';
import { type DateReader, dateReader } from './dates.ts';
import { UsageError } from './problem.ts';
import { isEncoding } from './source.ts';

export interface ImportOptions {
  readonly resource: Resource;
  /** A path, or `-` for standard input. */
  readonly file: string;
  readonly format: 'csv' | 'ndjson' | undefined;
  readonly encoding: string | undefined;
  readonly separator: string | undefined;
  readonly source: string | undefined;
  readonly type: 'ITEM' | 'CATEGORY';
  /** Names of fields or attributes by column. */
  readonly map: ReadonlyMap<string, string>;
  readonly ignore: ReadonlySet<string>;
  readonly strict: boolean;
  readonly empty: 'skip' | 'null';
  readonly decimal: '.' | ',' | undefined;
  readonly timeZone: string | undefined;
  /** As given; part of what a journal is valid for. */
  readonly dateFormat: string | undefined;
  /** Null without a format. */
  readonly dateReader: DateReader | null;
  readonly exactIds: boolean;
  /** Whether to write without asking at the terminal. */
  readonly yes: boolean;
  readonly gateway: URL | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly concurrency: number | undefined;
  readonly callsPerSecond: number | undefined;
  readonly rejects: string;
  readonly journal: string | null;
  readonly resume: boolean;
  /** Whether workers send the rows. */
  readonly queue: boolean;
  /** Whether to wait for another command that feeds the queue. */
  readonly watch: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Resources by their plurals, as the command names them. */
const BY_PLURAL: ReadonlyMap<string, Resource> = new Map(
  Object.entries(RESOURCES).map(([resource, { plural }]) => [plural, resource as Resource]),
);

const SEPARATORS: Readonly<Record<string, string>> = { tab: '\t', '\\t': '\t', comma: ',', semicolon: ';', pipe: '|' };

const EXTRA_HELP = `
Columns:
  A column with the name of a field, in GraphQL (profileId, firstName) or in REST (profileid, firstname), sets that field;
  case does not matter. Any other column becomes an attribute of the same name. Each row needs its own id (profileId,
  contentId, conversionId, interactionId) and a source. Times are ISO 8601 (2024-05-01T12:00:00Z) or in the format of the
  API (2024-05-01 12:00:00). Empty cells are not sent. A column with the items of a conversion holds a JSON array.

Destination:
  The API that DATATRICS_URL, DATATRICS_PROJECT and DATATRICS_API_KEY name, in the environment or in .env; or --gateway.

Examples:
  Check all rows without sending them:
    npm run import -- profiles people.csv --source CRM --dry-run
  Send at most ten calls per second:
    npm run import -- profiles people.csv --source CRM --limit-calls 10/s
  Map columns with other names to fields:
    npm run import -- profiles people.csv --source CRM --map profileId=Number --map email=E-mail --ignore Notes
  Continue an interrupted import (Ctrl-C, crash, API outage); it does not send rows again that the API has accepted:
    npm run import -- profiles people.csv --source CRM --resume
  Import rejected rows again, after you have fixed them:
    npm run import -- profiles people.csv.rejects.csv --source CRM
  Let workers on one or more machines send the rows (npm run worker); --watch shows the progress or continues the import:
    REDIS_URL=redis://… npm run import -- profiles people.csv --source CRM --queue
  Import from a database, through a pipe:
    psql -c "copy (select * from orders) to stdout csv header" | npm run -s import -- conversions - --source Shop
  Send to a running gateway instead of the API:
    GATEWAY_TOKEN=… npm run import -- profiles people.csv --gateway https://gateway.example/graphql

Exit codes:
  0    the API has accepted every row; with --dry-run, every row is valid
  1    some rows were rejected, or not sent
  2    wrong usage, settings or header; nothing was sent
  3    the API or the gateway could not be reached, or stayed unavailable
  4    the API or the gateway refused the key or the token
  130  stopped by SIGINT (143: by SIGTERM)

See docs/import.md.
`;

function build(): Command {
  const collect = (value: string, all: string[] = []): string[] => [...all, value];
  return new Command('import')
    .usage('<profiles|contents|conversions|interactions> FILE [options]')
    .description('Imports the rows of a CSV or NDJSON file, which may be gzipped, into a Datatrics project.')
    .argument('<what>', 'profiles, contents, conversions or interactions')
    .argument('<file>', 'a file, or - for standard input')
    .optionsGroup('Rows:')
    .option('--source <name>', 'source of rows without one')
    .addOption(
      new Option('--type <type>', 'contents: type of rows without one').choices(['item', 'category']).default('item'),
    )
    .option('--map <field=column>', 'field or attribute that the column sets; repeatable', collect)
    .option('--ignore <column>', 'skip the column; repeatable', collect)
    .option('--strict', 'reject columns that are not a field, instead of importing them as attributes')
    .addOption(
      new Option('--empty <meaning>', 'an empty cell leaves the field unchanged (skip) or clears it (null)')
        .choices(['skip', 'null'])
        .default('skip'),
    )
    .addOption(
      new Option('--decimal <sign>', 'decimal separator (default: the one that the file proves)').choices(['.', ',']),
    )
    .option(
      '--date-format <format>',
      'times such as DD-MM-YYYY HH:mm, or excel, excel1904 (serial days)',
      parseDateFormat,
    )
    .option('--exact-ids', 'take ids as they are, also those that a spreadsheet seems to have changed')
    .option('--time-zone <zone>', 'zone of times without one (default: DATATRICS_TIMEZONE, else UTC)', parseZone)
    .optionsGroup('File format (default: detected):')
    .addOption(new Option('--format <format>').choices(['csv', 'ndjson']))
    .option('--separator <sign>', 'column separator: one character, or tab', parseSeparator)
    .option('--encoding <name>', 'such as utf-8, windows-1252, utf-16le', parseEncoding)
    .optionsGroup('Destination and rate:')
    .option('--gateway <url>', 'send to this gateway instead of the API', parseGatewayUrl)
    .option('--header <name: value>', 'request header for the gateway; repeatable', collect)
    .option('--token-file <file>', 'file with the bearer token for the gateway (or GATEWAY_TOKEN in the environment)')
    .option('--token <token>', 'the bearer token itself, which other users of the machine can see')
    .option('--concurrency <n>', 'concurrent calls (default: BULK_CONCURRENCY, else 4)', wholeNumber(1, 64))
    .option('--limit-calls <n/s>', 'maximum number of calls per second, or per minute as N/m', parseCallRate)
    .option('--queue', 'let workers (npm run worker) send the rows, through Redis (REDIS_URL)')
    .option('--watch', 'show the progress of a queued import and collect its results')
    .optionsGroup('Output:')
    .option(
      '--rejects <file>',
      'new file for rejected rows (default: FILE.rejects.csv, such as people.csv.rejects.csv)',
    )
    .option('--resume', 'continue where an earlier run of the same command stopped')
    .option('--dry-run', 'check every row and send nothing')
    .option('--yes', 'write without asking at the terminal whether the columns are mapped correctly')
    .option('--json', 'print the summary as one JSON object on standard output')
    .option('--quiet', 'show no progress')
    .addHelpText('after', EXTRA_HELP)
    .helpOption('-h, --help', 'print this text')
    .configureHelp({ helpWidth: 120 })
    .exitOverride();
}

/**
 * Reads the command line.
 *
 * @returns null for `--help`, whose text is printed
 * @throws UsageError
 */
export function readOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ImportOptions | null {
  const command = build();
  if (!parseArguments(command, argv)) return null;
  const [what, file] = command.args as [string, string];
  const resource = BY_PLURAL.get(what);
  if (!resource) throw new UsageError(`"${what}" cannot be imported; allowed are ${[...BY_PLURAL.keys()].join(', ')}.`);
  const given = command.opts();
  const rejects: string = given.rejects ?? `${file === '-' ? 'stdin' : file}.rejects.csv`;
  if (given.rejects !== undefined && !given.resume && !given.watch && existsSync(rejects)) {
    throw new UsageError(`--rejects: ${rejects} exists; name a new file.`);
  }
  if (file !== '-' && rejects === file) throw new UsageError('--rejects must not name the file to import.');
  if (given.resume && file === '-') {
    throw new UsageError('Standard input cannot be resumed: write it to a file first.');
  }
  if (given.resume && given.dryRun) throw new UsageError('--resume does not work with --dry-run, which sends nothing.');
  if (given.gateway === undefined && (given.header || given.token || given.tokenFile)) {
    throw new UsageError('--header, --token and --token-file need a gateway: give its URL with --gateway.');
  }
  if (given.type !== 'item' && resource !== 'content') throw new UsageError('--type is for contents only.');
  const queue = given.queue === true || given.watch === true;
  if (queue) checkQueue(file, given);
  return {
    resource,
    file,
    format: given.format,
    encoding: given.encoding,
    separator: given.separator,
    source: given.source,
    type: given.type === 'category' ? 'CATEGORY' : 'ITEM',
    map: readMap(given.map ?? []),
    ignore: new Set<string>(given.ignore ?? []),
    strict: given.strict === true,
    empty: given.empty,
    decimal: given.decimal,
    timeZone: given.timeZone,
    dateFormat: given.dateFormat,
    dateReader: given.dateFormat === undefined ? null : dateReader(given.dateFormat),
    exactIds: given.exactIds === true,
    yes: given.yes === true,
    gateway: given.gateway,
    headers: readHeaders(given.header ?? [], given.token ?? readToken(given.tokenFile) ?? env.GATEWAY_TOKEN),
    concurrency: given.concurrency,
    callsPerSecond: given.limitCalls,
    rejects,
    journal: file === '-' || given.dryRun ? null : `${file}.journal`,
    resume: given.resume === true || given.watch === true,
    queue,
    watch: given.watch === true,
    dryRun: given.dryRun === true,
    json: given.json === true,
    quiet: given.quiet === true,
  };
}

/** Rejects options that do not work with a queue. @throws UsageError */
function checkQueue(file: string, given: Readonly<Record<string, unknown>>): void {
  if (file === '-') throw new UsageError('Standard input cannot be queued: write it to a file first.');
  if (given.dryRun) throw new UsageError('--queue does not work with --dry-run, which sends nothing.');
  if (given.gateway !== undefined)
    throw new UsageError('--queue does not work with --gateway: workers send to the API.');
  if (given.concurrency !== undefined) {
    throw new UsageError(
      '--queue does not work with --concurrency: set it on the workers, npm run worker -- --concurrency N.',
    );
  }
}

/** @throws UsageError for an unreadable or empty file */
function readToken(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    const token = readFileSync(path, 'utf8').trim();
    if (/^[\x21-\x7e]+$/.test(token)) return token;
  } catch (error) {
    throw new UsageError(`--token-file: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  throw new UsageError(`--token-file: ${path} must have one token, and nothing else.`);
}

function readMap(pairs: readonly string[]): Map<string, string> {
  const map = new Map<string, string>();
  for (const pair of pairs) {
    const [, field, column] = /^([^=]+)=(.+)$/s.exec(pair) ?? [];
    if (field === undefined || column === undefined) {
      throw new UsageError(`--map must be FIELD=COLUMN, such as email=E-mail, not "${pair}".`);
    }
    if (map.has(column)) throw new UsageError(`--map names the column ${column} twice.`);
    map.set(column, field);
  }
  return map;
}

function readHeaders(lines: readonly string[], token: string | undefined): Record<string, string> {
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):\s*(.*)$/.exec(line) ?? [];
    // The message omits the header, which may hold a key.
    if (name === undefined || value === undefined) throw new UsageError('--header must be "NAME: VALUE".');
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function parseZone(text: string): string {
  if (!isTimeZone(text)) throw new InvalidArgumentError('Allowed are IANA zones such as Europe/Amsterdam.');
  return text;
}

function parseSeparator(text: string): string {
  const sign = SEPARATORS[text] ?? text;
  if (!/^[\t\x20-\x7e]$/.test(sign) || sign === '"') {
    throw new InvalidArgumentError('Allowed are one ASCII character other than a quote, and tab.');
  }
  return sign;
}

function parseEncoding(text: string): string {
  if (!isEncoding(text))
    throw new InvalidArgumentError('Allowed are encodings such as utf-8, windows-1252 or utf-16le.');
  return text.toLowerCase();
}

/** Parses the URL of a gateway. The path defaults to `/graphql`. */
function parseGatewayUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username || url.password) {
    throw new InvalidArgumentError(
      'Allowed are URLs such as http://localhost:4000/graphql, without user and password.',
    );
  }
  if (url.pathname === '/') url.pathname = '/graphql';
  return url;
}

/** Returns a parser for whole numbers from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    if (!/^\d{1,6}$/.test(text) || Number(text) < least || Number(text) > most) {
      throw new InvalidArgumentError(`Allowed are whole numbers from ${least} to ${most}.`);
    }
    return Number(text);
  };
}

/** Parses a rate. Returns calls per second. */
function parseCallRate(text: string): number {
  const [, count, unit = 's'] = /^(\d{1,6}(?:\.\d{1,3})?)(?:\/(s|m))?$/.exec(text) ?? [];
  if (count === undefined || Number(count) === 0)
    throw new InvalidArgumentError('Allowed are rates such as 10/s or 300/m.');
  return Number(count) / (unit === 'm' ? 60 : 1);
}

function parseDateFormat(text: string): string {
  if (dateReader(text) !== null) return text;
  throw new InvalidArgumentError(
    'Allowed are formats of YYYY, MM, M, MMM, DD, D, HH, H, hh, h, mm, ss and A, such as DD-MM-YYYY, and excel, excel1904.',
  );
}
