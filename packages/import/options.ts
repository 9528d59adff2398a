import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import leven from 'leven';
import { RESOURCES, type Resource } from '../../src/datatrics/endpoints.ts';
import { isTimeZone } from '../../src/datatrics/time.ts';
import { dateReader } from './dates.ts';
import { UsageError } from './problem.ts';
import { isEncoding } from './source.ts';

type OptionTable = Readonly<
  Record<string, ReturnType<typeof text> | ReturnType<typeof texts> | ReturnType<typeof flag>>
>;

/** Options as `parseArgs` takes them, with their argument and meaning for the help. */
export const text = (arg: string, help: string) => ({ type: 'string', arg, help }) as const;
const texts = (arg: string, help: string) => ({ type: 'string', multiple: true, arg, help }) as const;
const flag = (help: string) => ({ type: 'boolean', arg: '', help }) as const;

const OPTIONS = {
  source: text('NAME', 'source of rows without one'),
  type: text('item|category', 'contents: type of rows without one (default: item)'),
  map: texts('FIELD=COLUMN', 'field or attribute that the column sets; repeatable'),
  ignore: texts('COLUMN', 'skip the column; repeatable'),
  strict: flag('reject columns that are not a field, instead of importing them as attributes'),
  empty: text('skip|null', 'an empty cell leaves the field (skip, the default) or clears it (null)'),
  decimal: text('.|,', 'decimal separator (default: the one that the file proves)'),
  'date-format': text('FORMAT', 'of times, as DD-MM-YYYY HH:mm; or excel, excel1904 (serial days)'),
  'time-zone': text('ZONE', 'of times without one (default: DATATRICS_TIMEZONE, else UTC)'),
  'exact-ids': flag('take ids as they are, also those that a spreadsheet seems to have changed'),
  format: text('csv|ndjson', 'default: detected, as are the next two'),
  separator: text('SIGN', 'column separator: one character, or tab'),
  encoding: text('NAME', 'such as utf-8, windows-1252, utf-16le'),
  gateway: text('URL', 'send to this gateway instead of the API'),
  header: texts('"NAME: VALUE"', 'request header for the gateway; repeatable'),
  'token-file': text('FILE', 'bearer token for the gateway (default: GATEWAY_TOKEN in the environment)'),
  token: text('TOKEN', 'the bearer token itself, which other users of the machine can see'),
  concurrency: text('N', 'concurrent calls (default: BULK_CONCURRENCY, else 4)'),
  'limit-calls': text('N/s|N/m', 'maximum number of calls per second or minute'),
  queue: flag('let workers (npm run worker) send the rows, through Redis (REDIS_URL)'),
  watch: flag('show the progress of a queued import and collect its results'),
  rejects: text('FILE', 'new file for rejected rows (default: FILE.rejects.csv)'),
  resume: flag('continue where an earlier run of the same command stopped'),
  'dry-run': flag('check every row and send nothing'),
  yes: flag('write without asking at the terminal whether the columns are mapped correctly'),
  json: flag('print the summary as one JSON object on standard output'),
  quiet: flag('show no progress'),
};

const USAGE = `Usage: npm run import -- profiles|contents|conversions|interactions FILE [options]

Imports the rows of a CSV or NDJSON file, which may be gzipped, or of standard input (-), to the API that DATATRICS_URL,
DATATRICS_PROJECT and DATATRICS_API_KEY name, or to a gateway. A column with the name of a field, such as profileId, sets
that field; any other column becomes an attribute.

Examples:
  npm run import -- profiles people.csv --source CRM --dry-run
  npm run import -- profiles people.csv --source CRM --map profileId=Number --map email=E-mail --ignore Notes
  npm run import -- profiles people.csv --source CRM --resume
  npm run import -- profiles people.csv.rejects.csv --source CRM
  GATEWAY_TOKEN=… npm run import -- profiles people.csv --gateway https://gateway.example/graphql

Exit code: 0 all rows are in, 1 some are not, 2 wrong usage, 3 no connection, 4 refused key or token. See docs/import.md.
`;

/**
 * Parses the arguments of a command.
 *
 * @returns null for `--help`, whose text is printed
 * @throws UsageError for wrong arguments
 */
export function parseCommand<const T extends OptionTable>(args: string[], table: T, usage: string) {
  try {
    const options = { ...table, help: { type: 'boolean', short: 'h' } } as T & { help: { type: 'boolean' } };
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    if (!('help' in values)) return { values, positionals };
  } catch (error) {
    const [problem = '', name = ''] = /^[^'.]*(?:'-*([^' ]*)[^']*')?[^.]*/.exec((error as Error).message) ?? [];
    const near = Object.keys(table).find((known) => leven(known, name) <= 2);
    throw new UsageError(`${problem}.${near && near !== name ? ` Did you mean --${near}?` : ''}`);
  }
  const lines = Object.entries(table).map(([name, { arg, help }]) => `  --${name} ${arg}`.padEnd(25) + help);
  process.stdout.write(`${usage}\nOptions:\n${lines.join('\n')}\n`);
  return null;
}

/** Reads an option; undefined if it is not given. @throws UsageError if `read` returns null */
function read<T>(name: string, given: string | undefined, allowed: string, parse: (text: string) => T | null) {
  const value = given === undefined ? undefined : parse(given);
  if (value === null) throw new UsageError(`--${name}: "${given}" is invalid. Allowed are ${allowed}.`);
  return value;
}

/** Reads a whole number from 1 to 256. @throws UsageError */
export function readCount(name: string, given: string | undefined): number | undefined {
  return read(name, given, 'whole numbers from 1 to 256', (digits) => {
    return /^\d{1,3}$/.test(digits) && Number(digits) >= 1 && Number(digits) <= 256 ? Number(digits) : null;
  });
}

/** The command line of an import. */
export type ImportOptions = NonNullable<ReturnType<typeof readOptions>>;

/**
 * Reads the command line.
 *
 * @returns null for `--help`, whose text is printed
 * @throws UsageError
 */
export function readOptions(argv: string[], env: Readonly<Record<string, string | undefined>>) {
  const command = parseCommand(argv, OPTIONS, USAGE);
  if (command === null) return null;
  const { values, positionals } = command;
  const [what = '', file = '', ...more] = positionals;
  const resource = (Object.keys(RESOURCES) as Resource[]).find((name) => RESOURCES[name].plural === what);
  const { gateway, queue = false, watch = false, resume = false, 'dry-run': dryRun = false, ...given } = values;
  const { map = [], ignore = [], header = [], 'token-file': tokenFile, token = readToken(tokenFile) } = given;
  const { rejects = `${file === '-' ? 'stdin' : file}${dryRun ? '.dry-run' : ''}.rejects.csv` } = given;
  const isQueued = queue || watch;
  const isNew = given.rejects !== undefined && !resume && !watch;
  const problem =
    (!resource && `"${what}" cannot be imported; allowed are profiles, contents, conversions and interactions.`) ||
    ((file === '' || more.length > 0) && 'Name one file, or - for standard input.') ||
    (isQueued && dryRun && '--queue does not work with --dry-run, which sends nothing.') ||
    (isQueued && gateway && '--queue does not work with --gateway: workers send to the API.') ||
    (isQueued && given.concurrency && '--queue does not work with --concurrency, an option of npm run worker.') ||
    (resume && dryRun && '--resume does not work with --dry-run, which sends nothing.') ||
    (file === '-' && (resume || isQueued) && 'Standard input cannot be resumed or queued: write it to a file first.') ||
    (isNew && existsSync(rejects) && `--rejects: ${rejects} exists; name a new file.`) ||
    (!gateway &&
      (header[0] || token) &&
      '--header, --token and --token-file need --gateway with the URL of a gateway.') ||
    (given.type && resource !== 'content' && '--type is for contents only.');
  if (problem) throw new UsageError(problem);
  const oneOf = <const C extends string>(name: 'type' | 'empty' | 'decimal' | 'format', choices: readonly C[]) =>
    read(name, given[name], choices.join(' and '), (one) => choices.find((choice) => choice === one) ?? null);
  const valid = (isValid: (one: string) => boolean) => (one: string) => (isValid(one) ? one : null);
  return {
    resource: resource as Resource,
    file,
    source: given.source,
    type: oneOf('type', ['item', 'category']) ?? 'item',
    /** Names of fields or attributes by column. */
    map: readMap(map),
    ignore,
    strict: given.strict === true,
    empty: oneOf('empty', ['skip', 'null']) ?? 'skip',
    decimal: oneOf('decimal', ['.', ',']),
    dateFormat: read(
      'date-format',
      given['date-format'],
      DATE_FORMATS,
      valid((one) => dateReader(one) !== null),
    ),
    timeZone: read('time-zone', given['time-zone'], 'IANA zones such as Europe/Amsterdam', valid(isTimeZone)),
    exactIds: given['exact-ids'] === true,
    format: oneOf('format', ['csv', 'ndjson']),
    separator: read('separator', given.separator, 'one ASCII character but a quote, and tab', parseSeparator),
    encoding: read('encoding', given.encoding, 'encodings such as utf-8 and windows-1252', valid(isEncoding)),
    gateway: read('gateway', gateway, 'URLs such as http://localhost:4000/graphql, without password', parseGateway),
    headers: readHeaders(header, token ?? env.GATEWAY_TOKEN),
    concurrency: readCount('concurrency', given.concurrency),
    callsPerSecond: read('limit-calls', given['limit-calls'], 'rates such as 10/s or 300/m', parseRate),
    rejects,
    /** Null for an import that cannot be resumed. */
    journal: file === '-' || dryRun ? null : `${file}.journal`,
    resume: resume || watch,
    /** Whether workers send the rows. */
    queue: isQueued,
    watch,
    dryRun,
    yes: given.yes === true,
    json: given.json === true,
    quiet: given.quiet === true,
  };
}

const DATE_FORMATS =
  'formats of YYYY, MM, M, MMM, DD, D, HH, H, hh, h, mm, ss and A, such as DD-MM-YYYY, and excel, excel1904';

function readToken(path: string | undefined): string | undefined {
  const token = path && readFileSync(path, 'utf8').trim();
  if (token === undefined || /^[\x21-\x7e]+$/.test(token)) return token;
  throw new UsageError(`--token-file: ${path} must have one token, and nothing else.`);
}

function readMap(pairs: readonly string[]): ReadonlyMap<string, string> {
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

function parseSeparator(text: string): string | null {
  const sign = text === 'tab' || text === '\\t' ? '\t' : text;
  return /^[\t\x20-\x7e]$/.test(sign) && sign !== '"' ? sign : null;
}

/** Parses the URL of a gateway. The path defaults to `/graphql`. */
function parseGateway(text: string): URL | null {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username || url.password) return null;
  if (url.pathname === '/') url.pathname = '/graphql';
  return url;
}

/** Parses a rate. Returns calls per second. */
function parseRate(text: string): number | null {
  const [, count, unit] = /^(\d{1,6}(?:\.\d{1,3})?)(?:\/(s|m))?$/.exec(text) ?? [];
  return Number(count) > 0 ? Number(count) / (unit === 'm' ? 60 : 1) : null;
}
