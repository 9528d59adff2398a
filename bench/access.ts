import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SCOPES } from '../src/auth/scopes.ts';
import { formatToken, hashToken } from '../src/auth/static-tokens.ts';
import { startIssuer } from '../test/helpers/issuer.ts';
import { compareInFront, readWaysOptions, serveWay } from './ways.ts';

/** Measures the cost of authentication and authorization: `npm run bench:access`. */
const options = readWaysOptions('Q1');

async function main(): Promise<void> {
  const issuer = await startIssuer();
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-tokens-'));
  try {
    const tokensFile = join(folder, 'tokens.json');
    const text = formatToken('bench', randomBytes(32));
    const entry = { id: 'bench', hash: hashToken(text), scopes: SCOPES, projects: ['1'] };
    await writeFile(tokensFile, JSON.stringify([entry]));
    const claims = { projects: ['1'], scope: SCOPES.join(' ') };
    const masked = { ...claims, scope: SCOPES.filter((scope) => scope !== 'pii:read').join(' ') };
    const settings = {
      AUTH_MODE: 'managed',
      PII_KEY: 'no-secret-only-long-enough',
      TOKENS_FILE: tokensFile,
      ...issuer.settings,
    };
    const [jwt, maskedJwt] = [await issuer.sign(claims), await issuer.sign(masked)];
    await compareInFront({ program: import.meta.filename, ...options }, (origin) => {
      const way = (title: string, token: string) => ({
        title,
        setup: { origin, settings },
        headers: { authorization: `Bearer ${token}` },
      });
      return [
        { title: 'open', setup: { origin } },
        way('a static token', text),
        way('a JSON Web Token', jwt),
        way('one without pii:read, two fields hashed', maskedJwt),
      ];
    });
  } finally {
    await issuer.close();
    await rm(folder, { recursive: true, force: true });
  }
}

if (options.serve === undefined) await main();
else await serveWay(options.serve);
