import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../src/config/config.ts';
import { CHECKS } from '../src/config/variables.ts';
import { problemsOf } from './helpers/config.ts';
import { createFolder } from './helpers/files.ts';

const { write: file } = createFolder();

const UPSTREAM = {
  DATATRICS_URL: 'https://api.example/2.0',
  DATATRICS_PROJECT: '1',
  DATATRICS_API_KEY: 'k',
  AUTH_MODE: 'open',
};

const PASSTHROUGH = { DATATRICS_URL: UPSTREAM.DATATRICS_URL, AUTH_MODE: 'passthrough' };

describe('settings', () => {
  test('have defaults for everything: the sandbox, open, on loopback', () => {
    expect(readConfig({})).toMatchObject({
      ...{ port: 4000, host: '127.0.0.1', upstream: null, authMode: 'open', logLevel: 'info', corsOrigins: [] },
      ...{ filters: 'auto', conversionProfileField: 'profileid', timeZone: 'UTC' },
      ...{ operationTimeoutMs: 15_000, upstreamTimeoutMs: 5_000, connections: 64, maxUpstreamCalls: 1_000 },
      ...{ maxBodyBytes: 1_048_576, cacheMaxBytes: 67_108_864, rateLimit: undefined, lifetimes: {}, policies: {} },
      documentLimits: { maxTokens: 5_000, maxDepth: 12, maxAliases: 100, maxRootFields: 50, maxDirectives: 50 },
      bulkLimits: { maxItems: 1_000, chunkItems: 50 },
      loadLimits: { maxRequests: 2_000, maxDelayMs: 250 },
    });
  });

  test('count as unset when they are empty', () => {
    const names = ['PORT', 'HOST', 'DATATRICS_URL', 'AUTH_MODE', 'RATE_LIMIT', 'LOG_LEVEL', 'GATEWAY_CONFIG'];
    expect(readConfig(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(readConfig({}));
  });

  test('take a base URL with or without a trailing slash', () => {
    expect(readConfig({ ...UPSTREAM, DATATRICS_URL: 'https://api.example:8443/2.0/' }).upstream).toEqual({
      origin: 'https://api.example:8443',
      basePath: '/2.0',
    });
    expect(readConfig({ ...UPSTREAM, DATATRICS_URL: 'http://127.0.0.1:9/2.0' }).upstream).toEqual({
      origin: 'http://127.0.0.1:9',
      basePath: '/2.0',
    });
  });

  test.each([
    ['PORT', '70000', 'a whole number from 0 to 65535'],
    ['PORT', '4e3', 'a whole number'],
    ['DATATRICS_URL', 'api.example', 'a URL such as'],
    ['DATATRICS_URL', 'http://api.example/2.0', 'https:'],
    ['DATATRICS_URL', 'ftp://api.example', 'a URL such as'],
    ['DATATRICS_URL', 'https://api.example/2.0?apikey=x', 'without user, query or fragment'],
    ['DATATRICS_PROJECT', '../1', 'letters, digits, _ and -'],
    ['DATATRICS_FILTERS', 'maybe', 'auto, on or off'],
    ['DATATRICS_CONVERSION_PROFILE_FIELD', 'a b', 'a field name'],
    ['DATATRICS_TIMEZONE', 'Mars/Olympus', 'an IANA time zone'],
    ['OPERATION_TIMEOUT_MS', '0', 'milliseconds'],
    ['CACHE_MAX_BYTES', '64MB', 'bytes'],
    ['MAX_DEPTH', '0', 'levels'],
    ['RATE_LIMIT', '60/m', '6000r,60000c'],
    ['ROUTER_SECRET', 'fifteen-letters', 'a value that is not shown; needs a secret of 16 or more'],
    ['ROUTER_HMAC_SECRET', 'fifteen-letters', 'a value that is not shown; needs a secret of 16 or more'],
    ['REDIS_URL', 'localhost', 'redis://'],
    ['CORS_ORIGINS', 'https://app.example/', 'origins such as'],
    ['CORS_ORIGINS', '*', 'origins such as'],
    ['TRUSTED_DOCUMENTS', 'only', 'needs a manifest'],
    ['GATEWAY_CONFIG', '/nowhere.yml', 'a readable JSON or YAML file'],
  ])('name what is wrong with %s=%s', (name, value, need) => {
    const found = problemsOf({ ...(name.startsWith('DATATRICS_') && PASSTHROUGH), [name]: value });
    expect(found).toEqual([expect.stringContaining(need)]);
    expect(found[0]).toMatch(new RegExp(`^${name}`));
  });

  test.each([
    ['UPSTREAM_CLIENT', 'undici makes every call'],
    ['UPSTREAM_QUEUE', '10000 calls may wait for a connection'],
    ['MAX_ESTIMATED_VALUES', 'an answer may have 350000 values'],
    ['BULK_EXTRA_REQUESTS', 'finding rejected items takes 200 calls at most'],
  ])('that were removed stop the start: %s', (name, instead) => {
    const problem = `${name}: this setting was removed (${instead}); remove it`;
    expect(problemsOf({ [name]: '7' })).toEqual([problem]);
    const GATEWAY_CONFIG = file('removed.yml', `${name}: 7\n`);
    expect(problemsOf({ GATEWAY_CONFIG })).toEqual([`GATEWAY_CONFIG: ${problem}`]);
  });

  test('never show a secret', () => {
    const found = problemsOf({
      ...UPSTREAM,
      DATATRICS_API_KEY: 'ca nary',
      DATATRICS_URL: 'http://user:ca%20nary@api.example',
      REDIS_URL: 'ca nary',
    });
    expect(found).toHaveLength(3);
    expect(found.join()).not.toMatch(/ca.{1,3}nary/);
  });
});

describe('an upstream', () => {
  test('needs to be told who may ask, and project and key when it is open', () => {
    const { DATATRICS_URL } = UPSTREAM;
    expect(problemsOf({ DATATRICS_URL })).toEqual([expect.stringMatching(/^AUTH_MODE: not set/)]);
    const found = problemsOf({ DATATRICS_URL, AUTH_MODE: 'open' });
    expect(found.map((line) => line.split(':')[0])).toEqual(['DATATRICS_PROJECT', 'DATATRICS_API_KEY']);
    expect(problemsOf(PASSTHROUGH)).toEqual([]);
  });

  test.each(['0.0.0.0', '::', '192.168.1.2', 'gateway.example'])('is not open to the network: HOST %s', (HOST) => {
    expect(problemsOf({ ...UPSTREAM, HOST })).toEqual([expect.stringMatching(/^AUTH_MODE: got "open" with HOST/)]);
    expect(problemsOf({ ...UPSTREAM, HOST, AUTH_MODE: 'passthrough' })).toEqual([]);
    expect(problemsOf({ HOST })).toEqual([]);
  });
});

describe('managed', () => {
  const MANAGED = { ...UPSTREAM, AUTH_MODE: 'managed', PII_KEY: 'canary-of-sixteen' };
  const first = (settings: Record<string, string>) => problemsOf(settings).map((line) => line.split(':')[0]);

  test('needs a way in, and the key of its hashes', () => {
    expect(first(MANAGED)).toEqual(['AUTH_MODE']);
    expect(first({ ...MANAGED, JWT_ISSUER: 'https://i.example' })).toEqual(['JWT_AUDIENCE', 'JWT_JWKS_URL']);
    const { PII_KEY, ...keyless } = { ...MANAGED, TOKENS_FILE: file('tokens.json', '[]') };
    expect(first(keyless)).toEqual(['PII_KEY']);
    expect(first({ ...keyless, PII_KEY })).toEqual([]);
    expect(first({ ...keyless, PII_MASK: 'null' })).toEqual([]);
    expect(problemsOf({ ...keyless, PII_KEY: 'canary' }).join()).not.toContain('canary');
  });

  test.each([
    ['[{}]', /0\.id needs/],
    ['{', /not JSON/],
    ['[{"id":"a","hash":"plain","scopes":[],"projects":[]}]', /0\.hash needs/],
    [`[{"id":"a","hash":"sha256:${'A'.repeat(43)}","scopes":["all"],"projects":[]}]`, /0\.scopes\.0 needs one of/],
  ])('does not start with the tokens %s', (text, message) => {
    expect(problemsOf({ ...MANAGED, TOKENS_FILE: file('bad.json', text) })).toEqual([expect.stringMatching(message)]);
  });

  test('fetches keys over https, or from this machine', () => {
    const jwt = { ...MANAGED, JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' };
    expect(first({ ...jwt, JWT_JWKS_URL: 'http://login.example/jwks' })).toEqual(['JWT_JWKS_URL']);
    expect(first({ ...jwt, JWT_JWKS_URL: 'https://login.example/jwks' })).toEqual([]);
    expect(first({ ...jwt, JWT_JWKS_URL: 'http://127.0.0.1:9/jwks' })).toEqual([]);
  });
});

describe('several projects', () => {
  const start = { DATATRICS_URL: UPSTREAM.DATATRICS_URL, AUTH_MODE: 'open' };
  test('come from the file, with their keys from the environment', () => {
    const GATEWAY_CONFIG = file('p.yml', 'projects:\n  - {id: "1", apiKeyFrom: KEY_1, profileSources: [Shop]}\n');
    expect(readConfig({ ...start, GATEWAY_CONFIG, KEY_1: 'k' }).projects).toEqual([
      { id: '1', secretFrom: 'KEY_1', secret: 'k', secretFile: undefined, profileSources: ['Shop'] },
    ]);
    expect(problemsOf({ ...start, GATEWAY_CONFIG })).toContain(
      'KEY_1: not set; needs a key of visible ASCII characters, for projects.0',
    );
  });

  test('differ, and their list is not empty', () => {
    expect(problemsOf({ ...start, GATEWAY_CONFIG: file('q.yml', 'projects: []') })).toEqual([
      expect.stringMatching(/projects: needs/),
    ]);
    const twice = file('q.yml', 'projects: [{id: a, apiKeyFrom: K}, {id: a, apiKeyFrom: K}]');
    expect(problemsOf({ ...start, K: 'k', GATEWAY_CONFIG: twice })).toEqual([
      expect.stringMatching(/projects\.1: .*twice/),
    ]);
  });
});

describe('a file of settings', () => {
  test.each([
    ['JSON', 'a.json', '{"PORT": 5000, "CORS_ORIGINS": ["https://a.example", "https://b.example"]}'],
    ['YAML', 'a.yml', 'PORT: 5000\nCORS_ORIGINS:\n  - https://a.example\n  - https://b.example\n'],
  ])('may be %s, and variables win over it', (_kind, name, text) => {
    const GATEWAY_CONFIG = file(name, text);
    expect(readConfig({ GATEWAY_CONFIG })).toMatchObject({
      port: 5000,
      corsOrigins: ['https://a.example', 'https://b.example'],
    });
    expect(readConfig({ GATEWAY_CONFIG, PORT: '6000' }).port).toBe(6000);
  });

  test('may say how long answers may be used, in seconds, and how types are called', () => {
    const GATEWAY_CONFIG = file(
      'fresh.yml',
      'freshness:\n  Profile: { freshFor: 30, staleIfError: 3600 }\n  Content: { freshFor: 0 }\nupstream:\n  Interaction: { timeoutMs: 2000, attempts: 1 }\n',
    );
    const { lifetimes, policies } = readConfig({ GATEWAY_CONFIG });
    expect(lifetimes).toEqual({
      profile: { freshForMs: 30_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 3_600_000 },
    });
    expect(policies).toEqual({ interaction: { timeoutMs: 2_000, attempts: 1 } });
  });

  test.each([
    ['{"freshness": {"Person": {"freshFor": 1}}}', 'freshness'],
    ['{"freshness": {"Profile": {"fresh": 1}}}', 'freshness.Profile'],
    ['{"freshness": {"Profile": {"freshFor": "long"}}}', 'freshness.Profile.freshFor'],
    ['{"freshness": {"Profile": {"staleIfError": -1}}}', 'freshness.Profile.staleIfError'],
    ['{"freshness": 30}', 'freshness'],
    ['{"upstream": {"Profile": {"attempts": 4}}}', 'upstream.Profile.attempts'],
    ['{"upstream": {"Profile": {"retries": 4}}}', 'upstream.Profile'],
  ])('is refused for %s, by its place', (text, place) => {
    expect(problemsOf({ GATEWAY_CONFIG: file('bad.json', text) })).toEqual([
      expect.stringContaining(`GATEWAY_CONFIG: ${place}`),
    ]);
  });

  test('may hold nothing that is not known', () => {
    expect(problemsOf({ GATEWAY_CONFIG: file('b.json', '{"PROT": 1}') })).toEqual([expect.stringContaining('"PROT"')]);
    expect(problemsOf({ GATEWAY_CONFIG: file('c.json', '[1]') })).toEqual([expect.stringContaining('no object')]);
  });
});

test('.env.example names every variable, and the reference does', () => {
  const names = [...Object.keys(CHECKS), 'GATEWAY_CONFIG'];
  const example = readFileSync('.env.example', 'utf8');
  const lines = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name as string);
  expect(lines.sort()).toEqual(names.sort());
  const reference = readFileSync('docs/configuration.md', 'utf8');
  for (const name of names) expect(reference, name).toContain(`\`${name}\``);
});
