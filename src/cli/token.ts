import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { PROJECT_ID } from '../auth/principal.ts';
import { isScope, SCOPES } from '../auth/scopes.ts';
import { formatToken, hashToken } from '../auth/static-tokens.ts';

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

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${HELP}`);
  process.exit(2);
}

function readArguments() {
  try {
    const options = {
      scopes: { type: 'string' },
      projects: { type: 'string' },
      id: { type: 'string' },
      expires: { type: 'string' },
      help: { type: 'boolean' },
    } as const;
    return parseArgs({ options }).values;
  } catch (error) {
    return fail((error as Error).message);
  }
}

function list(text: string | undefined): string[] {
  return (text ?? '').split(',').flatMap((part) => part.trim() || []);
}

/** Reads `--expires`. Returns ISO 8601 in UTC. */
function expiry(text: string): string {
  const [, days] = /^(\d{1,5})d$/.exec(text) ?? [];
  const time = days === undefined ? dayIn(text) : Date.now() + Number(days) * 24 * 3600 * 1000;
  if (Number.isNaN(time))
    fail(`--expires: got ${JSON.stringify(text)}; needs days such as 90d, or a date such as 2027-01-31`);
  if (time <= Date.now()) fail(`--expires: got ${JSON.stringify(text)}; needs a time in the future`);
  return new Date(time).toISOString();
}

/** The start of a day in UTC, in ms since 1970; NaN if it is no date. */
function dayIn(text: string): number {
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) || !new Date(time).toISOString().startsWith(text) ? Number.NaN : time;
}

const values = readArguments();
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const scopes = list(values.scopes);
const unknown = scopes.filter((scope) => !isScope(scope));
if (scopes.length === 0) fail('--scopes: not given; needs one or more scopes');
if (unknown.length > 0) fail(`--scopes: got ${unknown.join(', ')}; needs scopes from the list below`);
const projects = list(values.projects ?? process.env.DATATRICS_PROJECT);
if (projects.length === 0) fail('--projects: not given; needs one or more project ids');
if (!projects.every((project) => PROJECT_ID.test(project)))
  fail(`--projects: got ${projects.join(', ')}; needs project ids`);
const id = values.id ?? randomBytes(6).toString('hex');
if (!/^[A-Za-z0-9_-]{1,64}$/.test(id)) fail(`--id: got ${JSON.stringify(id)}; needs 1 to 64 letters, digits, _ and -`);

const expiresAt = values.expires === undefined ? undefined : expiry(values.expires);
const text = formatToken(id, randomBytes(32));
const entry = { id, hash: hashToken(text), scopes, projects, ...(expiresAt !== undefined && { expiresAt }) };
process.stdout.write(`token: ${text}\nentry: ${JSON.stringify(entry)}\n`);
