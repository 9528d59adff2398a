import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatToken, hashToken } from '../src/http/tokens.ts';
import { createLogger } from '../src/lib/log.ts';
import { SCOPES } from '../src/lib/scopes.ts';
import { startIssuer } from '../test/helpers/issuer.ts';
import { makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { freePort } from './process.ts';
import { startUpstream } from './upstream.ts';
import { compareWays, readWaysOptions, serveWay } from './ways.ts';

/** What it costs to know who asks, and what they may: `npm run bench:access`. */
const options = readWaysOptions('Q1');

interface Serve {
  readonly origin: string;
  readonly ports: readonly number[];
  readonly tokensFile: string;
  /** JWT_ISSUER and what goes with it. */
  readonly issuer: Readonly<Record<string, string>>;
}

async function serve({ origin, ports, tokensFile, issuer }: Serve): Promise<void> {
  const log = createLogger('silent');
  const managed = { AUTH_MODE: 'managed', PII_KEY: 'no-secret-only-long-enough', TOKENS_FILE: tokensFile, ...issuer };
  for (const [index, port] of ports.entries()) {
    await serveWay(origin, port, index === 0 ? { AUTH_MODE: 'open' } : managed, log);
  }
}

async function main(): Promise<void> {
  const fixtures = makeFixtures(STANDARD_SIZE);
  const upstream = await startUpstream(fixtures);
  const issuer = await startIssuer();
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-tokens-'));
  try {
    const tokensFile = join(folder, 'tokens.json');
    const text = formatToken('bench', randomBytes(32));
    const entry = { id: 'bench', hash: hashToken(text), scopes: SCOPES, projects: ['1'] };
    await writeFile(tokensFile, JSON.stringify([entry]));
    const claims = { projects: ['1'], scope: SCOPES.join(' ') };
    const masked = { ...claims, scope: SCOPES.filter((scope) => scope !== 'pii:read').join(' ') };
    const callers = [
      { title: 'open' },
      { title: 'a static token', authorization: `Bearer ${text}` },
      { title: 'a JSON Web Token', authorization: `Bearer ${await issuer.sign(claims)}` },
      { title: 'one without pii:read, two fields hashed', authorization: `Bearer ${await issuer.sign(masked)}` },
    ];
    const ways = await Promise.all(callers.map(async (caller) => ({ ...caller, port: await freePort() })));
    const setup: Serve = {
      origin: upstream.origin,
      ports: ways.map(({ port }) => port),
      tokensFile,
      issuer: issuer.settings,
    };
    await compareWays({
      ways,
      program: import.meta.filename,
      setup,
      fixtures,
      ...options,
    });
  } finally {
    await issuer.close();
    await upstream.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

if (options.serve === undefined) await main();
else await serve(JSON.parse(options.serve));
