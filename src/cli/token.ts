import { randomBytes } from 'node:crypto';
import { PROJECT_ID } from '../auth/principal.ts';
import { isScope, SCOPES } from '../auth/scopes.ts';
import { formatToken, hashToken } from '../auth/static-tokens.ts';
import { readArguments, run, UsageError } from './usage.ts';

const HELP = `Creates a static token for AUTH_MODE=managed, and its entry for TOKENS_FILE.

Usage: npm run token -- --scopes SCOPES [options]

The command shows the token only once. TOKENS_FILE is a JSON array of such entries. The gateway reloads it when it changes.

Options:
  --scopes SCOPES  scopes of the token, comma-separated: ${SCOPES.join(', ')}
  --projects IDS   project ids that the token may use, comma-separated (default: DATATRICS_PROJECT)
  --id ID          name of the token in logs and rate limits, 1 to 64 letters, digits, _ and - (default: random)
  --expires WHEN   days from now, as 90d, or a date in UTC, as 2027-01-31 (default: the token does not expire)
  --help           print this text

Example:
  npm run token -- --scopes profiles:read,conversions:read --projects 123456 --id web-shop --expires 90d

Exit codes:
  0  success
  2  wrong usage
`;

function list(text = ''): string[] {
  return text.split(',').flatMap((part) => part.trim() || []);
}

/** Reads `--expires`. Returns ISO 8601 in UTC. */
function expiry(text: string): string {
  const [, days] = /^(\d{1,5})d$/.exec(text) ?? [];
  const time = days === undefined ? dayIn(text) : Date.now() + Number(days) * 24 * 3600 * 1000;
  const got = `--expires: got ${JSON.stringify(text)}`;
  if (Number.isNaN(time)) throw new UsageError(`${got}; needs days such as 90d, or a date such as 2027-01-31`);
  if (time <= Date.now()) throw new UsageError(`${got}; needs a time in the future`);
  return new Date(time).toISOString();
}

/** The start of a day in UTC, in ms since 1970; NaN if it is no date. */
function dayIn(text: string): number {
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) || !new Date(time).toISOString().startsWith(text) ? Number.NaN : time;
}

run('npm run token', () => {
  const text = { type: 'string' } as const;
  const { values } = readArguments(HELP, { options: { scopes: text, projects: text, id: text, expires: text } });
  const scopes = list(values.scopes);
  const unknown = scopes.filter((scope) => !isScope(scope));
  const need = `one or more of ${SCOPES.join(', ')}`;
  if (scopes.length === 0) throw new UsageError(`--scopes: not given; needs ${need}`);
  if (unknown.length > 0) throw new UsageError(`--scopes: got ${unknown.join(', ')}; needs ${need}`);
  const projects = list(values.projects ?? process.env.DATATRICS_PROJECT);
  if (projects.length === 0) throw new UsageError('--projects: not given; needs one or more project ids');
  if (!projects.every((project) => PROJECT_ID.test(project)))
    throw new UsageError(`--projects: got ${projects.join(', ')}; needs project ids`);
  const id = values.id ?? randomBytes(6).toString('hex');
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(id))
    throw new UsageError(`--id: got ${JSON.stringify(id)}; needs 1 to 64 letters, digits, _ and -`);
  const expiresAt = values.expires === undefined ? undefined : expiry(values.expires);
  const token = formatToken(id, randomBytes(32));
  const entry = { id, hash: hashToken(token), scopes, projects, expiresAt };
  process.stdout.write(`token: ${token}\nentry: ${JSON.stringify(entry)}\n`);
});
