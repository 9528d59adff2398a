import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { PROJECT_ID } from '../auth/principal.ts';
import { isScope, SCOPES } from '../auth/scopes.ts';
import { formatToken, hashToken } from '../auth/static-tokens.ts';

const USAGE = `Makes a static token for AUTH_MODE=managed, and the entry for TOKENS_FILE by which it is known.

  npm run token -- --scopes profiles:read,conversions:read --projects 123456 --id web-shop

  --scopes    what the bearer may do, comma-separated: ${SCOPES.join(', ')}
  --projects  ids of the projects that the bearer may use, comma-separated
  --id        a name for logs and limits; made up when left out

The token is shown this once. TOKENS_FILE is a JSON list of such entries, read again when it changes.
`;

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${USAGE}`);
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
  process.stdout.write(USAGE);
  process.exit(0);
}
const scopes = list(values.scopes);
const strange = scopes.filter((scope) => !isScope(scope));
if (scopes.length === 0) fail('--scopes: not given; needs one scope or more');
if (strange.length > 0) fail(`--scopes: got ${strange.join(', ')}; needs scopes of the list below`);
const projects = list(values.projects ?? process.env.DATATRICS_PROJECT);
if (projects.length === 0) fail('--projects: not given; needs one project id or more');
if (!projects.every((project) => PROJECT_ID.test(project)))
  fail(`--projects: got ${projects.join(', ')}; needs project ids`);
const id = values.id ?? randomBytes(6).toString('hex');
if (!/^[A-Za-z0-9_-]{1,64}$/.test(id)) fail(`--id: got ${JSON.stringify(id)}; needs letters, digits, _ and -`);

const text = formatToken(id, randomBytes(32));
const entry = { id, hash: hashToken(text), scopes, projects };
process.stdout.write(`token: ${text}\nentry: ${JSON.stringify(entry)}\n`);
