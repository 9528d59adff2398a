import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { RESOURCES, type Resource } from '../../src/datatrics/endpoints.ts';
import { isTimeZone } from '../../src/datatrics/time.ts';
import { dateReader } from './dates.ts';
import { UsageError } from './problem.ts';
import { isEncoding } from './source.ts';

/** An option as `parseArgs` takes it, with argument and meaning for the help. `read` returns null for an invalid value. */
const value = <T>(arg: string, help: string, read: (text: string) => T | null) =>
  ({ type: 'string', arg, help, read }) as const;
const text = (arg: string, help: string, isValid = (_text: string): boolean => true) =>
  value(arg, help, (one) => (isValid(one) ? one : null));
const texts = (arg: string, help: string) =>
  ({ type: 'string', multiple: true, default: [] as string[], arg, help }) as const;
const flag = (help: string) => ({ type: 'boolean', default: false, arg: '', help }) as const;
const oneOf = <const C extends string>(choices: readonly C[], help: string) =>
  value(choices.join('|'), help, (one) => choices.find((choice) => choice === one) ?? null);
export const count = (help: string) =>
  value('1…256', help, (digits) => (/^[1-9]\d{0,2}$/.test(digits) && Number(digits) <= 256 ? Number(digits) : null));

type Option = ReturnType<typeof value> | ReturnType<typeof texts> | ReturnType<typeof flag>;
type ValueOf<O extends Option> = O extends { readonly read: (text: string) => infer T }
  ? Exclude<T, null> | undefined
  : O extends { readonly type: 'boolean' }
    ? boolean
    : readonly string[];

const OPTIONS = {
  source: text('NAME', 'source of rows without one'),
  type: oneOf(['item', 'category'], 'contents: type of rows without one (default: item)'),
  map: texts('FIELD=COLUMN', 'field or attribute that the column sets; repeatable'),
  ignore: texts('COLUMN', 'skip the column; repeatable'),
  strict: flag('reject columns that are not a field, instead of importing them as attributes'),
  empty: oneOf(['skip', 'null'], 'an empty cell leaves the field (skip, the default) or clears it (null)'),
  decimal: oneOf(['.', ','], 'decimal separator (default: the one that the file proves)'),
  dateFormat: text(
    'FORMAT',
    'of times, as DD-MM-YYYY HH:mm (YYYY MM M MMM DD D HH H hh h mm ss A), or excel, excel1904 (serial days)',
    (format) => dateReader(format) !== null,
  ),
  timeZone: text('ZONE', 'as Europe/Amsterdam, of times without one (default: DATATRICS_TIMEZONE)', isTimeZone),
  exactIds: flag('take ids as they are, also those that a spreadsheet seems to have changed'),
  format: oneOf(['csv', 'ndjson'], 'default: detected, as are the next two'),
  separator: value('SIGN', 'column separator: one ASCII character but a quote, or tab', (sign) => {
    return /^(tab|\\t)$/.test(sign) ? '\t' : /^[\t !#-~]$/.test(sign) ? sign : null;
  }),
  encoding: text('NAME', 'such as utf-8, windows-1252, utf-16le', isEncoding),
  gateway: value('URL', 'gateway instead of the API, as http://localhost:4000/graphql; no password', parseGateway),
  header: texts('"NAME: VALUE"', 'request header for the gateway; repeatable'),
  tokenFile: text('FILE', 'bearer token for the gateway (default: GATEWAY_TOKEN in the environment)'),
  token: text('TOKEN', 'the bearer token itself, which other users of the machine can see'),
  concurrency: count('concurrent calls (default: BULK_CONCURRENCY, else 4)'),
  limitCalls: value('N/s|N/m', 'maximum number of calls per second or minute, such as 10/s', parseRate),
  queue: flag('let workers (npm run worker) send the rows, through Redis (REDIS_URL)'),
  watch: flag('show the progress of a queued import and collect its results'),
  rejects: text('FILE', 'new file for rejected rows (default: FILE.rejects.csv)'),
  resume: flag('continue where an earlier run of the same command stopped'),
  dryRun: flag('check every row and send nothing'),
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
  npm run import -- profiles people.csv.rejects.csv --source CRM
  GATEWAY_TOKEN=… npm run import -- profiles people.csv --gateway https://gateway.example/graphql

Exit code: 0 all rows are in, 1 some are not, 2 wrong usage, 3 no connection, 4 refused key or token. See docs/import.md.
`;

const flagOf = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Parses the arguments of a command. Returns null for `--help`, whose text is printed. @throws UsageError */
export function parseCommand<T extends Readonly<Record<string, Option>>>(args: string[], table: T, usage: string) {
  const entries = Object.entries(table).map(([name, option]) => ({ name, flag: flagOf(name), option }));
  const options = Object.fromEntries(entries.map(({ flag, option }) => [flag, option]));
  let parsed: { readonly values: Record<string, unknown>; readonly positionals: string[] };
  try {
    parsed = parseArgs({
      args,
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (parsed.values.help) {
    const lines = entries.map(({ flag, option: { arg, help } }) => `  --${flag} ${arg}`.padEnd(25) + help);
    process.stdout.write(`${usage}\nOptions:\n${lines.join('\n')}\n`);
    return null;
  }
  const values = entries.map(({ name, flag, option }) => {
    const given = parsed.values[flag];
    const value = 'read' in option && typeof given === 'string' ? option.read(given) : given;
    if (value !== null) return [name, value];
    throw new UsageError(`--${flag}: "${given}" is invalid. It takes ${option.arg}: ${option.help}.`);
  });
  const { positionals } = parsed;
  return { values: Object.fromEntries(values) as { readonly [N in keyof T]: ValueOf<T[N]> }, positionals };
}

/** The command line of an import. */
export type ImportOptions = NonNullable<ReturnType<typeof readOptions>>;

/** Reads the command line. Returns null for `--help`, whose text is printed. @throws UsageError */
export function readOptions(argv: string[], env: Readonly<Record<string, string | undefined>>) {
  const command = parseCommand(argv, OPTIONS, USAGE);
  if (command === null) return null;
  const { values, positionals } = command;
  const { limitCalls: callsPerSecond, tokenFile, token = readToken(tokenFile), header, ...given } = values;
  const { gateway, watch, resume, dryRun } = given;
  const [what = '', file = '', ...more] = positionals;
  const resource = (Object.keys(RESOURCES) as Resource[]).find((name) => RESOURCES[name].plural === what);
  const rejects = given.rejects ?? `${file === '-' ? 'stdin' : file}${dryRun ? '.dry-run' : ''}.rejects.csv`;
  const queue = given.queue || watch;
  const problem =
    (!resource && `"${what}" cannot be imported; allowed are profiles, contents, conversions and interactions.`) ||
    ((file === '' || more.length > 0) && 'Name one file, or - for standard input.') ||
    (queue && dryRun && '--queue does not work with --dry-run, which sends nothing.') ||
    (queue && gateway && '--queue does not work with --gateway: workers send to the API.') ||
    (queue && given.concurrency && '--queue does not work with --concurrency, an option of npm run worker.') ||
    (resume && dryRun && '--resume does not work with --dry-run, which sends nothing.') ||
    (file === '-' && (resume || queue) && 'Standard input cannot be resumed or queued: write it to a file first.') ||
    (given.rejects && !resume && !watch && existsSync(rejects) && `--rejects: ${rejects} exists; name a new file.`) ||
    (!gateway &&
      (header[0] || token) &&
      '--header, --token and --token-file need --gateway with the URL of a gateway.') ||
    (given.type && resource !== 'content' && '--type is for contents only.');
  if (!resource || problem) throw new UsageError(problem as string);
  return {
    ...given,
    ...{ resource, file, rejects, queue, callsPerSecond },
    type: given.type ?? 'item',
    empty: given.empty ?? 'skip',
    /** Names of fields or attributes by column. */
    map: readMap(given.map),
    headers: readHeaders(header, token ?? env.GATEWAY_TOKEN),
    /** Null for an import that cannot be resumed. */
    journal: file === '-' || dryRun ? null : `${file}.journal`,
    resume: resume || watch,
  };
}

function readToken(path: string | undefined): string | undefined {
  const token = path && readFileSync(path, 'utf8').trim();
  if (token === undefined || /^[\x21-\x7e]+$/.test(token)) return token;
  throw new UsageError(`--token-file: ${path} must have one token, and nothing else.`);
}

function readMap(texts: readonly string[]): ReadonlyMap<string, string> {
  const pairs = texts.map((text) =>
    pairOf(text, /^([^=]+)=(.+)$/s, `--map must be FIELD=COLUMN, such as email=E-mail, not "${text}"`),
  );
  const map = new Map(pairs.map(([field, column]) => [column, field]));
  if (map.size < pairs.length) throw new UsageError('--map names a column twice.');
  return map;
}

function readHeaders(lines: readonly string[], token: string | undefined): Record<string, string> {
  const pairs = lines.map((line) => pairOf(line, /^([!#$%&'*+.^_`|~\w-]+):\s*(.*)$/, '--header must be "NAME: VALUE"'));
  const headers = Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));
  return { ...(token && { authorization: `Bearer ${token}` }), ...headers };
}

/** @throws UsageError with the rule. It omits the text, which may hold a key. */
function pairOf(text: string, pattern: RegExp, rule: string): [string, string] {
  const [, first, second] = pattern.exec(text) ?? [];
  if (first === undefined || second === undefined) throw new UsageError(`${rule}.`);
  return [first, second];
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
