import { basename, dirname, join } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Resource } from '../../datatrics/endpoints.ts';
import { isTimeZone } from '../../datatrics/time.ts';
import { isEncoding } from './encoding.ts';
import { UsageError } from './problem.ts';

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
  readonly gateway: URL | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly concurrency: number | undefined;
  readonly callsPerSecond: number | undefined;
  readonly rejects: string;
  readonly journal: string | null;
  readonly resume: boolean;
  /** Whether workers send the rows. */
  readonly queue: boolean;
  /** Whether another command that feeds the queue is waited for. */
  readonly watch: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

const RESOURCES: Readonly<Record<string, Resource>> = {
  profiles: 'profile',
  contents: 'content',
  conversions: 'conversion',
  interactions: 'interaction',
};

const SEPARATORS: Readonly<Record<string, string>> = { tab: '\t', '\\t': '\t', comma: ',', semicolon: ';', pipe: '|' };

const TEACHING = `
How columns become fields:
  A column named like a field, in GraphQL (profileId, firstName) or in REST (profileid, firstname), is that field; capitals
  do not matter. Any other becomes an attribute of its own name. Each row needs its own id (profileId, contentId,
  conversionId, interactionId) and a source. Times are ISO 8601 (2024-05-01T12:00:00Z) or as the API writes them
  (2024-05-01 12:00:00). Empty cells are not sent. A sale's items stand in one column as JSON text.

Examples:
  Try first, and see what would be refused; nothing is sent:
    npm run import -- profiles people.csv --source CRM --dry-run
  Send it, ten calls a second at most:
    npm run import -- profiles people.csv --source CRM --limit-calls 10/s
  The columns have names of their own:
    npm run import -- profiles people.csv --source CRM --map profileId=Number --map email=E-mail --ignore Notes
  It was cut off (Ctrl-C, a crash, the API was away): the same again, with --resume. What is in is not sent again.
    npm run import -- profiles people.csv --source CRM --resume
  Some rows were refused: mend them, and import them as they stand.
    npm run import -- profiles people.rejects.csv --source CRM
  One machine is not enough: workers on any machines send it (npm run worker). See how far it is, or go on, with --watch.
    REDIS_URL=redis://… npm run import -- profiles people.csv --source CRM --queue
  From a database, through a pipe:
    psql -c "copy (select * from orders) to stdout csv header" | npm run -s import -- conversions - --source Shop
  By a running gateway instead of straight to the API:
    GATEWAY_TOKEN=… npm run import -- profiles people.csv --gateway https://gateway.example/graphql

Where to:
  DATATRICS_URL, DATATRICS_PROJECT and DATATRICS_API_KEY, as for the gateway, in the environment or in .env; or --gateway.

Exit code: 0 every row is in (--dry-run: could go in), 1 some are not, 2 wrong usage and nothing was sent, 130 stopped.
docs/import.md tells more.
`;

function build(): Command {
  const collect = (value: string, all: string[] = []): string[] => [...all, value];
  return new Command('import')
    .usage('<profiles|contents|conversions|interactions> FILE [options]')
    .description('Writes the rows of a CSV or NDJSON file, as they are or gzipped; FILE - is standard input.')
    .argument('<what>', 'profiles, contents, conversions or interactions')
    .argument('<file>', 'a file, or - for standard input')
    .optionsGroup('What the rows are:')
    .option('--source <name>', 'source of rows that name none')
    .addOption(
      new Option('--type <type>', 'contents: what rows are that do not say it')
        .choices(['item', 'category'])
        .default('item'),
    )
    .option('--map <field=column>', 'the column holds this field or attribute; may be repeated', collect)
    .option('--ignore <column>', 'leave the column out; may be repeated', collect)
    .option('--strict', 'refuse columns that are no field, instead of making attributes of them')
    .addOption(
      new Option('--empty <meaning>', 'an empty cell says nothing (skip), or empties the field (null)')
        .choices(['skip', 'null'])
        .default('skip'),
    )
    .addOption(
      new Option('--decimal <sign>', 'sign before decimals; else both are read where clear').choices(['.', ',']),
    )
    .option('--time-zone <zone>', 'zone of times that name none (default: DATATRICS_TIMEZONE, else UTC)', zone)
    .optionsGroup('How the file is written (found out where not given):')
    .addOption(new Option('--format <format>').choices(['csv', 'ndjson']))
    .option('--separator <sign>', 'between columns: one character, or tab', separator)
    .option('--encoding <name>', 'such as utf-8, windows-1252, utf-16le', encoding)
    .optionsGroup('Where it goes, and how fast:')
    .option('--gateway <url>', 'a running gateway; else the API itself', gatewayUrl)
    .option('--header <name: value>', 'header for the gateway; may be repeated', collect)
    .option('--token <token>', 'bearer token for the gateway (better: GATEWAY_TOKEN in the environment)')
    .option('--concurrency <n>', 'calls at once (default: BULK_CONCURRENCY, else 4)', wholeNumber(1, 64))
    .option('--limit-calls <n/s>', 'calls per second at most, or N/m per minute', callRate)
    .option('--queue', 'have it sent by workers (npm run worker), by way of Redis (REDIS_URL)')
    .option('--watch', 'show a queued import, begun before, and collect its results')
    .optionsGroup('What comes out:')
    .option('--rejects <file>', 'rows that did not go in (default: FILE.rejects.csv beside the file)')
    .option('--resume', 'go on where an earlier run of the same command stopped')
    .option('--dry-run', 'check every row and send nothing')
    .option('--json', 'the summary as one JSON object on standard output')
    .option('--quiet', 'no progress')
    .addHelpText('after', TEACHING)
    .helpOption('-h, --help', 'this text')
    .configureHelp({ helpWidth: 120 })
    .exitOverride();
}

/**
 * Reads the command line.
 *
 * @returns null when only help was asked for, which has been shown then
 * @throws UsageError
 */
export function readOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ImportOptions | null {
  const command = build();
  let problem = '';
  command.configureOutput({
    writeErr: (text) => {
      problem += text;
    },
  });
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return null;
    throw new UsageError((problem || error.message).replace(/^error: /, '').trim());
  }
  const [what, file] = command.args as [string, string];
  const resource = Object.hasOwn(RESOURCES, what) ? RESOURCES[what] : undefined;
  if (!resource) throw new UsageError(`"${what}" can not be imported; it is ${Object.keys(RESOURCES).join(', ')}.`);
  const given = command.opts();
  const rejects: string = given.rejects ?? beside(file);
  if (file !== '-' && rejects === file) throw new UsageError('--rejects must be another file than the one to import.');
  if (given.resume && file === '-') {
    throw new UsageError('Standard input can not be resumed: write it to a file first.');
  }
  if (given.resume && given.dryRun)
    throw new UsageError('--dry-run sends nothing, so that there is nothing to --resume.');
  if (given.gateway === undefined && (given.header || given.token)) {
    throw new UsageError('--header and --token are for a gateway: give its address with --gateway.');
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
    gateway: given.gateway,
    headers: readHeaders(given.header ?? [], given.token ?? env.GATEWAY_TOKEN),
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

/** Refuses what a queue can't do. */
function checkQueue(file: string, given: Readonly<Record<string, unknown>>): void {
  if (file === '-') throw new UsageError('Standard input can not be queued: write it to a file first.');
  if (given.dryRun) throw new UsageError('--dry-run sends nothing: leave out --queue.');
  if (given.gateway !== undefined) throw new UsageError('Workers send to the API itself: leave out --gateway.');
  if (given.concurrency !== undefined) {
    throw new UsageError('Workers say how many calls they make at once: npm run worker -- --concurrency N.');
  }
}

/** `people.csv.gz` has its rejects in `people.rejects.csv`. */
function beside(file: string): string {
  if (file === '-') return 'stdin.rejects.csv';
  const name = basename(file).replace(/\.gz$/i, '');
  return join(dirname(file), `${name.replace(/\.(csv|tsv|txt|ndjson|jsonl|json)$/i, '')}.rejects.csv`);
}

function readMap(pairs: readonly string[]): Map<string, string> {
  const map = new Map<string, string>();
  for (const pair of pairs) {
    const [, field, column] = /^([^=]+)=(.+)$/s.exec(pair) ?? [];
    if (field === undefined || column === undefined) {
      throw new UsageError(`--map is FIELD=COLUMN, such as email=E-mail, not "${pair}".`);
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
    // Not shown: it may hold a key.
    if (name === undefined || value === undefined) throw new UsageError('--header is "NAME: VALUE".');
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function zone(text: string): string {
  if (!isTimeZone(text)) throw new InvalidArgumentError('It is an IANA zone such as Europe/Amsterdam.');
  return text;
}

function separator(text: string): string {
  const sign = SEPARATORS[text] ?? text;
  if (!/^[\t\x20-\x7e]$/.test(sign) || sign === '"') {
    throw new InvalidArgumentError('It is one ASCII character other than a quote, or tab.');
  }
  return sign;
}

function encoding(text: string): string {
  if (!isEncoding(text)) throw new InvalidArgumentError('It is an encoding such as utf-8, windows-1252 or utf-16le.');
  return text.toLowerCase();
}

/** The address of the gateway; `/graphql` where only the host is given. */
function gatewayUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username || url.password) {
    throw new InvalidArgumentError('It is a URL such as http://localhost:4000/graphql, without user and password.');
  }
  if (url.pathname === '/') url.pathname = '/graphql';
  return url;
}

/** Reads a whole number within bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    if (!/^\d{1,6}$/.test(text) || Number(text) < least || Number(text) > most) {
      throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`);
    }
    return Number(text);
  };
}

function callRate(text: string): number {
  const [, count, unit = 's'] = /^(\d{1,6}(?:\.\d{1,3})?)(?:\/(s|m))?$/.exec(text) ?? [];
  if (count === undefined || Number(count) === 0) throw new InvalidArgumentError('It is a rate such as 10/s or 300/m.');
  return Number(count) / (unit === 'm' ? 60 : 1);
}
