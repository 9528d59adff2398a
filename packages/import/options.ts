import { existsSync, readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { RESOURCES, type Resource } from '../../src/datatrics/endpoints.ts';
import { isTimeZone } from '../../src/datatrics/time.ts';
import { dateReader } from './dates.ts';
import { UsageError } from './problem.ts';
import { isEncoding } from './source.ts';

/** The options as `build` describes them. */
interface Given {
  readonly format?: 'csv' | 'ndjson';
  readonly encoding?: string;
  readonly separator?: string;
  readonly source?: string;
  readonly type: 'item' | 'category';
  readonly map: readonly string[];
  readonly ignore: readonly string[];
  readonly strict?: boolean;
  readonly empty: 'skip' | 'null';
  readonly decimal?: '.' | ',';
  readonly timeZone?: string;
  readonly dateFormat?: string;
  readonly exactIds?: boolean;
  readonly yes?: boolean;
  readonly gateway?: URL;
  readonly header: readonly string[];
  readonly token?: string;
  readonly tokenFile?: string;
  readonly concurrency?: number;
  /** Calls per second. */
  readonly limitCalls?: number;
  readonly rejects?: string;
  readonly resume?: boolean;
  readonly queue?: boolean;
  readonly watch?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** The command line of an import. */
export interface ImportOptions extends Omit<Given, 'map' | 'header' | 'token' | 'tokenFile'> {
  readonly resource: Resource;
  /** A path, or `-` for standard input. */
  readonly file: string;
  /** Names of fields or attributes by column. */
  readonly map: ReadonlyMap<string, string>;
  /** Request headers for the gateway. */
  readonly headers: Readonly<Record<string, string>>;
  readonly rejects: string;
  /** Null for an import that cannot be resumed. */
  readonly journal: string | null;
}

/** Resources by their plurals, as the command names them. */
const BY_PLURAL: ReadonlyMap<string, Resource> = new Map(
  Object.entries(RESOURCES).map(([resource, { plural }]) => [plural, resource as Resource]),
);

const SEPARATORS: Readonly<Record<string, string>> = { tab: '\t', '\\t': '\t', comma: ',', semicolon: ';', pipe: '|' };

const EXTRA_HELP = `
Destination: the API that DATATRICS_URL, DATATRICS_PROJECT and DATATRICS_API_KEY name, in the environment or in .env; or
--gateway. A column with the name of a field, such as profileId or firstName, sets that field; any other column becomes an
attribute. Each row needs its own id and a source.

Examples:
  Check all rows without sending them:
    npm run import -- profiles people.csv --source CRM --dry-run
  Map columns with other names to fields:
    npm run import -- profiles people.csv --source CRM --map profileId=Number --map email=E-mail --ignore Notes
  Continue an interrupted import (Ctrl-C, crash, API outage):
    npm run import -- profiles people.csv --source CRM --resume
  Import rejected rows again, after you have fixed them:
    npm run import -- profiles people.csv.rejects.csv --source CRM
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
  const collect = (value: string, all: readonly string[]): string[] => [...all, value];
  const choice = (flags: string, text: string, choices: string[]): Option => new Option(flags, text).choices(choices);
  // Workers send to the API, with a concurrency of their own.
  const queued = (flags: string, text: string): Option =>
    new Option(flags, text).conflicts(['gateway', 'dryRun', 'concurrency']);
  return new Command('import')
    .usage('<profiles|contents|conversions|interactions> FILE [options]')
    .description('Imports the rows of a CSV or NDJSON file, which may be gzipped, into a Datatrics project.')
    .argument('<what>', 'profiles, contents, conversions or interactions')
    .argument('<file>', 'a file, or - for standard input')
    .optionsGroup('Rows:')
    .option('--source <name>', 'source of rows without one')
    .addOption(choice('--type <type>', 'contents: type of rows without one', ['item', 'category']).default('item'))
    .option('--map <field=column>', 'field or attribute that the column sets; repeatable', collect, [])
    .option('--ignore <column>', 'skip the column; repeatable', collect, [])
    .option('--strict', 'reject columns that are not a field, instead of importing them as attributes')
    .addOption(
      choice('--empty <how>', 'an empty cell leaves the field (skip) or clears it (null)', ['skip', 'null']).default(
        'skip',
      ),
    )
    .addOption(choice('--decimal <sign>', 'decimal separator (default: the one that the file proves)', ['.', ',']))
    .option(
      '--date-format <format>',
      'of times, as DD-MM-YYYY HH:mm; or excel, excel1904 (serial days)',
      parseDateFormat,
    )
    .option('--exact-ids', 'take ids as they are, also those that a spreadsheet seems to have changed')
    .option('--time-zone <zone>', 'zone of times without one (default: DATATRICS_TIMEZONE, else UTC)', parseZone)
    .optionsGroup('File format (default: detected):')
    .addOption(choice('--format <format>', '', ['csv', 'ndjson']))
    .option('--separator <sign>', 'column separator: one character, or tab', parseSeparator)
    .option('--encoding <name>', 'such as utf-8, windows-1252, utf-16le', parseEncoding)
    .optionsGroup('Destination and rate:')
    .option('--gateway <url>', 'send to this gateway instead of the API', parseGatewayUrl)
    .option('--header <name: value>', 'request header for the gateway; repeatable', collect, [])
    .option('--token-file <file>', 'file with the bearer token for the gateway (or GATEWAY_TOKEN in the environment)')
    .option('--token <token>', 'the bearer token itself, which other users of the machine can see')
    .option('--concurrency <n>', 'concurrent calls (default: BULK_CONCURRENCY, else 4)', wholeNumber(1, 64))
    .option('--limit-calls <n/s>', 'maximum number of calls per second, or per minute as N/m', parseCallRate)
    .addOption(queued('--queue', 'let workers (npm run worker) send the rows, through Redis (REDIS_URL)'))
    .addOption(queued('--watch', 'show the progress of a queued import and collect its results'))
    .optionsGroup('Output:')
    .option('--rejects <file>', 'new file for rejected rows (default: FILE.rejects.csv)')
    .addOption(new Option('--resume', 'continue where an earlier run of the same command stopped').conflicts('dryRun'))
    .option('--dry-run', 'check every row and send nothing')
    .option('--yes', 'write without asking at the terminal whether the columns are mapped correctly')
    .option('--json', 'print the summary as one JSON object on standard output')
    .option('--quiet', 'show no progress')
    .addHelpText('after', EXTRA_HELP);
}

/**
 * Parses the arguments of a command.
 *
 * @returns false for `--help`, whose text is printed
 * @throws UsageError for wrong arguments
 */
export function parseArguments(command: Command, argv: readonly string[]): boolean {
  let problem = '';
  command
    .helpOption('-h, --help', 'print this text')
    .configureHelp({ helpWidth: 120 })
    .configureOutput({
      writeErr(text) {
        problem += text;
      },
    })
    .exitOverride();
  try {
    command.parse([...argv], { from: 'user' });
    return true;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return false;
    throw new UsageError((problem || error.message).replace(/^error: /, '').trim());
  }
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
  const { map, header, token, tokenFile, ...given } = command.opts<Given>();
  const { gateway, rejects = defaultRejects(file, given.dryRun) } = given;
  const isQueued = given.queue === true || given.watch === true;
  if (given.rejects !== undefined && !given.resume && !given.watch && existsSync(rejects)) {
    throw new UsageError(`--rejects: ${rejects} exists; name a new file.`);
  }
  if (file === '-' && (given.resume || isQueued)) {
    throw new UsageError('Standard input cannot be resumed or queued: write it to a file first.');
  }
  if (gateway === undefined && (header.length > 0 || token || tokenFile)) {
    throw new UsageError('--header, --token and --token-file need a gateway: give its URL with --gateway.');
  }
  if (given.type !== 'item' && resource !== 'content') throw new UsageError('--type is for contents only.');
  return {
    ...given,
    resource,
    file,
    map: readMap(map),
    headers: readHeaders(header, token ?? readToken(tokenFile) ?? env.GATEWAY_TOKEN),
    rejects,
    journal: file === '-' || given.dryRun ? null : `${file}.journal`,
    resume: given.resume === true || given.watch === true,
    queue: isQueued,
  };
}

/** A dry run replaces its own file, so it has another name. */
function defaultRejects(file: string, dryRun = false): string {
  return `${file === '-' ? 'stdin' : file}${dryRun ? '.dry-run' : ''}.rejects.csv`;
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

/** @throws InvalidArgumentError unless `isValid` */
function allow(isValid: boolean, what: string): void {
  if (!isValid) throw new InvalidArgumentError(`Allowed are ${what}.`);
}

function parseZone(text: string): string {
  allow(isTimeZone(text), 'IANA zones such as Europe/Amsterdam');
  return text;
}

function parseSeparator(text: string): string {
  const sign = SEPARATORS[text] ?? text;
  allow(/^[\t\x20-\x7e]$/.test(sign) && sign !== '"', 'one ASCII character other than a quote, and tab');
  return sign;
}

function parseEncoding(text: string): string {
  allow(isEncoding(text), 'encodings such as utf-8, windows-1252 or utf-16le');
  return text.toLowerCase();
}

/** Parses the URL of a gateway. The path defaults to `/graphql`. */
function parseGatewayUrl(text: string): URL {
  const url = URL.parse(text);
  const isValid = url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.password;
  allow(isValid, 'URLs such as http://localhost:4000/graphql, without user and password');
  if (url?.pathname === '/') url.pathname = '/graphql';
  return url as URL;
}

/** Returns a parser for whole numbers from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const isValid = /^\d{1,6}$/.test(text) && Number(text) >= least && Number(text) <= most;
    allow(isValid, `whole numbers from ${least} to ${most}`);
    return Number(text);
  };
}

/** Parses a rate. Returns calls per second. */
function parseCallRate(text: string): number {
  const [, count, unit] = /^(\d{1,6}(?:\.\d{1,3})?)(?:\/(s|m))?$/.exec(text) ?? [];
  allow(Number(count) > 0, 'rates such as 10/s or 300/m');
  return Number(count) / (unit === 'm' ? 60 : 1);
}

function parseDateFormat(text: string): string {
  const parts = 'YYYY, MM, M, MMM, DD, D, HH, H, hh, h, mm, ss and A';
  allow(dateReader(text) !== null, `formats of ${parts}, such as DD-MM-YYYY, and excel, excel1904`);
  return text;
}
