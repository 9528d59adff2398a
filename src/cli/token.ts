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
  --help           print this text

Example:
  npm run token -- --scopes profiles:read,conversions:read --projects 123456 --id web-shop

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

const text = formatToken(id, randomBytes(32));
const entry = { id, hash: hashToken(text), scopes, projects };
process.stdout.write(`token: ${text}\nentry: ${JSON.stringify(entry)}\n`);
