import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { listen } from '../helpers/closing.ts';
import { Commands, runCommand } from '../helpers/command.ts';
import { createFolder } from '../helpers/files.ts';

const { folder, write: file } = createFolder();
const ENV_FILE = join(folder, '.env');
beforeEach(() => rmSync(ENV_FILE, { force: true }));

const commands = new Commands();

/** What a start that fails has written: one problem a line. */
function problemsOf({ status, stdout, stderr }: { status: number; stdout: string; stderr: string }): string[] {
  expect({ status, stdout }, stderr).toEqual({ status: 1, stdout: '' });
  return stderr.trimEnd().split('\n');
}

/** What the program says on a start that fails, in a folder that may have a `.env` file. */
async function failedStart(env: Record<string, string>): Promise<string[]> {
  return problemsOf(await commands.run('src/main.ts', [], { PORT: '0', ...env }, { cwd: folder }));
}

const namesOf = (lines: readonly string[]): string[] => lines.map((line) => line.split(':')[0] as string).sort();

const API = { DATATRICS_URL: 'https://api.example/2.0', DATATRICS_PROJECT: '1', DATATRICS_API_KEY: 'k' };

describe('a start', () => {
  test('reports all problems at once and at every log level: wrong settings, wrong files and missing settings', async () => {
    const GATEWAY_CONFIG = file(
      'all.yml',
      `UPSTREAM_CONNECTIONS: none
customFields: { Person: {} }
freshness: { Profile: { freshFor: long, staleIfError: -1 } }
upstream: { Content: { attempts: 9 } }
`,
    );
    const settings = {
      GATEWAY_CONFIG,
      PORT: 'x',
      LOG_LEVEL: 'silent',
      DATATRICS_URL: 'https://api.example/2.0',
      AUTH_MODE: 'managed',
      JWT_ISSUER: 'https://login.example',
      TOKENS_FILE: file('tokens.json', '[{"id":"a b","hash":"no","scopes":[],"projects":[]}]'),
      TRUSTED_DOCUMENTS: 'only',
      ROUTER_SECRET_FILE: join(folder, 'nowhere'),
      ROUTER_HMAC_SECRET: 'canary',
    };
    const lines = problemsOf(await runCommand('src/start.js', [], settings, { cwd: folder }));
    expect(namesOf(lines)).toEqual([
      'DATATRICS_API_KEY',
      'DATATRICS_PROJECT',
      'GATEWAY_CONFIG',
      'GATEWAY_CONFIG',
      'GATEWAY_CONFIG',
      'GATEWAY_CONFIG',
      'JWT_AUDIENCE',
      'JWT_JWKS_URL',
      'PII_KEY',
      'PORT',
      'ROUTER_HMAC_SECRET',
      'ROUTER_SECRET_FILE',
      'TOKENS_FILE',
      'TRUSTED_DOCUMENTS_FILE',
      'UPSTREAM_CONNECTIONS',
    ]);
    expect(lines.find((line) => line.startsWith('TOKENS_FILE'))).toMatch(/0\.id needs .*; 0\.hash needs /);
    expect(lines.join('\n')).not.toMatch(/canary| {4}at /);
  });

  test('names the operations that two published documents have, along with the rest', async () => {
    const documents = { a: 'query A { profiles { totalCount } }', b: 'query A { contents { totalCount } }' };
    const TRUSTED_DOCUMENTS_FILE = file('documents.json', JSON.stringify(documents));
    expect(await failedStart({ MCP: 'on', TRUSTED_DOCUMENTS_FILE, MAX_DEPTH: '0' })).toEqual([
      expect.stringMatching(/^MAX_DEPTH: got "0"; needs /),
      expect.stringMatching(/^TRUSTED_DOCUMENTS_FILE: got .*the operation A is in more than one document/),
    ]);
  });

  test.each([
    ['a project', { DATATRICS_PROJECT: '1' }],
    ['a key', { DATATRICS_API_KEY: 'canary' }],
    ['a key in a file', { DATATRICS_API_KEY_FILE: 'key' }],
    ['listed projects', { GATEWAY_CONFIG: 'projects.yml', KEY: 'canary' }],
  ])('does not serve the sandbox in place of the API: with %s but no DATATRICS_URL', async (_what, env) => {
    file('key', 'canary');
    file('projects.yml', 'projects: [{ id: a, apiKeyFrom: KEY }]\n');
    const lines = await failedStart(env);
    expect(lines).toEqual([expect.stringMatching(/^DATATRICS_URL: not set, with .*; needs the base URL/)]);
    expect(lines.join()).not.toContain('canary');
  });

  test.each(['DATATRICS_ULR', 'DATATRICS_URLS', 'datatrics_url', 'DATATRIX_URL'])(
    'names a misspelt %s',
    async (name) => {
      const { DATATRICS_URL, ...rest } = API;
      const lines = await failedStart({ ...rest, AUTH_MODE: 'open', [name]: DATATRICS_URL });
      expect(lines.join('\n')).toContain('DATATRICS_URL');
      expect(lines.join('\n')).toContain(name === 'DATATRIX_URL' ? 'not set' : `${name}: no setting has this name`);
    },
  );

  test('refuses an address that it cannot listen on, and a port that is taken, in one line', async () => {
    expect(await failedStart({ HOST: '192.0.2.1' })).toEqual([
      expect.stringMatching(/^PORT, HOST: got .*EADDRNOTAVAIL/),
    ]);
    const PORT = String(await listen(createServer()));
    expect(await failedStart({ ...API, AUTH_MODE: 'open', PORT })).toEqual([
      expect.stringMatching(/^PORT, HOST: got .*EADDRINUSE/),
    ]);
  });
});

describe('a .env file', () => {
  const CONTENT = 'DATATRICS_URL=https://api.example/2.0\nAUTH_MODE=managed\n';
  const swapped = Buffer.from(`\ufeff${CONTENT}`, 'utf16le').swap16();

  test.each<[string, Buffer]>([
    ['UTF-8', Buffer.from(CONTENT)],
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${CONTENT}`)],
    ['UTF-16, little endian', Buffer.from(`\ufeff${CONTENT}`, 'utf16le')],
    ['UTF-16, big endian', swapped],
    ['UTF-8 with the line ends of Windows', Buffer.from(CONTENT.replaceAll('\n', '\r\n'))],
  ])('may be %s', async (_encoding, content) => {
    file('.env', content);
    // Its first variable was read: it is not said to be missing.
    expect(namesOf(await failedStart({ PII_MASK: 'null' }))).toEqual([
      'AUTH_MODE',
      'DATATRICS_API_KEY',
      'DATATRICS_PROJECT',
    ]);
  });

  test.each<[string, string | Buffer, RegExp]>([
    ['bytes that are no UTF-8', Buffer.from('PORT=4000\nHOST=\xff\n', 'latin1'), /neither UTF-8 nor UTF-16/],
    ['UTF-16 without a byte order mark', Buffer.from(CONTENT, 'utf16le'), /control characters/],
    ['half a character of UTF-16', Buffer.concat([swapped, Buffer.from([0])]), /neither UTF-8 nor UTF-16/],
    ['a line that is no assignment', 'PORT=x\nsecret canary\nHOST=::1\n', /line 2 is wrong; needs NAME=value/],
    ['a name with a colon', 'PORT: canary\n', /line 1 is wrong; needs NAME=value/],
    ['a quote that is not closed', 'PORT=x\nHOST="canary\nLOG_LEVEL=x\n', /line 2 is wrong; needs .* with quotes/],
    ['text behind a quote', 'PORT=x\nHOST="a\\"canary"\n', /line 2 is wrong; needs .* nothing but a comment behind/],
    ['a # in a value', 'HOST=a#canary\n', /line 1 is wrong; needs .* quotes around a value that has #/],
    ['a value that begins with #', 'HOST=#canary\n', /line 1 is wrong; needs .* quotes around a value that has #/],
    ['a value that could be a comment', 'HOST= #canary\n', /line 1 is wrong; needs .* quotes around a value/],
    ['a line end of old', 'PORT=x\rHOST=canary\r', /line 1 is wrong; needs NAME=value/],
  ])('is refused as a whole for %s', async (_what, content, need) => {
    file('.env', content);
    const lines = await failedStart({ MAX_DEPTH: 'x' });
    expect(lines.map((line) => line.split(':')[0])).toEqual(['.env', 'MAX_DEPTH']);
    expect(lines[0]).toMatch(need);
    expect(lines.join()).not.toContain('canary');
  });

  test('is read as it stands: comments, quotes, several lines, export', async () => {
    file(
      '.env',
      `# a comment
export PORT=x1 # another

HOST = 'a # b'
MAX_DEPTH="x
2"   # behind a quote
LOG_LEVEL=\`it's\`
MAX_ALIASES=it's "x"
MAX_TOKENS=
`,
    );
    const lines = await failedStart({ PORT: '' });
    expect(lines.map((line) => line.split(';')[0]).sort()).toEqual([
      'LOG_LEVEL: got "it\'s"',
      'MAX_ALIASES: got "it\'s \\"x\\""',
      'MAX_DEPTH: got "x\\n2"',
      'PORT: got "x1"',
    ]);
  });

  test('is read by Node as .env.example has it', async () => {
    file('.env', readFileSync('.env.example', 'utf8').replaceAll(/^#([A-Z_]+=)/gm, '$1'));
    expect(namesOf(await failedStart({ PORT: 'x', LOG_LEVEL: 'x' }))).toContain('PORT');
  });
});
