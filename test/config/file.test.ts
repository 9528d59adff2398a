import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { problemsOf } from '../helpers/config.ts';
import { createFolder } from '../helpers/files.ts';

const { folder, write } = createFolder();

const GATEWAY_CONFIG = join(folder, 'gateway.yml');
const API = { DATATRICS_URL: 'https://api.example/2.0', AUTH_MODE: 'passthrough', GATEWAY_CONFIG };

function read(text: string | Buffer, env: Record<string, string> = {}) {
  write('gateway.yml', text);
  return readConfig({ ...API, ...env });
}

function problems(text: string | Buffer, env: Record<string, string> = {}): readonly string[] {
  write('gateway.yml', text);
  return problemsOf({ ...API, ...env });
}

/** Without quotes, some YAML reader makes something else of each. */
const CONVERTED = '012345 1e5 0x10 0o17 12345678901234567890 1_000 null yes on True 2024-01-01 -0'.split(' ');

describe('an id in a file of settings', () => {
  test.each(CONVERTED)('is not %s without quotes', (text) => {
    expect(problems(`PORT: 0\nDATATRICS_PROJECT: ${text}\n`)).toEqual([
      `GATEWAY_CONFIG: DATATRICS_PROJECT in line 2: got "${text}", which YAML converts to another text; quote it`,
    ]);
    expect(problems(`projects:\n  - { id: ${text}, apiKeyFrom: K }\n`, { K: 'k' })).toContainEqual(
      `GATEWAY_CONFIG: projects.id in line 2: got "${text}", which YAML converts to another text; quote it`,
    );
    expect(problems(`DATATRICS_PROFILE_SOURCES: [Webshop, ${text}]\n`)).toEqual([
      expect.stringMatching(/DATATRICS_PROFILE_SOURCES in line 1: .*quote it$/),
    ]);
  });

  test.each(CONVERTED)('is %s in quotes', (text) => {
    expect(read(`DATATRICS_PROJECT: "${text}"\n`).project).toBe(text);
    const [project] = read(`projects:\n  - { id: '${text}', apiKeyFrom: K }\n`, { K: 'k' }).projects;
    expect(project?.id).toBe(text);
  });

  test.each(['123456', 'shop-1'])('is %s as it stands', (text) => {
    expect(read(`DATATRICS_PROJECT: ${text}\n`).project).toBe(text);
    expect(read(`projects:\n  - { id: ${text}, apiKeyFrom: K }\n`, { K: 'k' }).projects[0]?.id).toBe(text);
  });

  test('may be a key, which is not shown', () => {
    const found = problems('DATATRICS_API_KEY: 0123456789\n').join();
    expect(found).toMatch(/DATATRICS_API_KEY in line 1: .*quote it$/);
    expect(found).not.toContain('123456789');
  });
});

describe('other settings in a file', () => {
  test('may be words that YAML 1.1 converts', () => {
    expect(read('SHARE_IN_FLIGHT: off\nRATE_LIMIT: off\n')).toMatchObject({
      shareInFlight: false,
      rateLimit: undefined,
    });
  });

  test('are not converted without being told', () => {
    expect(problems('PORT: 0x10\n')).toEqual([expect.stringMatching(/PORT in line 1: got "0x10", .*quote it$/)]);
    expect(problems('%YAML 1.1\n---\nSHARE_IN_FLIGHT: off\n')).toContainEqual(expect.stringMatching(/quote it$/));
  });

  test('count as unset when they are empty', () => {
    expect(read('DATATRICS_PROJECT:\nLOG_LEVEL: ""\n')).toMatchObject({ project: undefined, logLevel: 'info' });
  });

  test.each([
    ['an object', 'PORT: { a: 1 }\n', /got an object for PORT/],
    ['a list of lists', 'CORS_ORIGINS: [[https://a.example]]\n', /got a list for CORS_ORIGINS/],
    ['a list whose items would be split', 'DATATRICS_PROFILE_SOURCES: ["Shop, NL"]\n', /without commas/],
  ])('are not %s', (_what, text, reason) => {
    expect(problems(text)).toEqual([expect.stringMatching(reason)]);
  });
});

describe('a file of settings', () => {
  test.each([
    ['bytes that are no text', Buffer.from('HOST: \xff\n', 'latin1')],
    ['a name twice', 'PORT: 1\nPORT: 2\n'],
    ['a tag that is not known', 'HOST: !canary x\n'],
    ['an alias without an anchor', 'HOST: *canary\n'],
    ['a bracket that is not closed', 'CORS_ORIGINS: [canary\n'],
  ])('is refused for %s, without a word of it', (_what, content) => {
    const found = problems(content, { PORT: 'x' });
    expect(found).toEqual(expect.arrayContaining([expect.stringMatching(/^GATEWAY_CONFIG: got .*needs a readable/)]));
    expect(found).toContainEqual(expect.stringMatching(/^PORT: got "x"/));
    expect(found.join()).not.toContain('canary');
  });

  test('lists projects whose problems are all told', () => {
    const text = 'projects: [{ id: a b, apiKeyFrom: K1 }, { id: c, apiKeyFrom: K2 }, { id: d, apiKey: x }]\n';
    expect(problems(text).map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      'GATEWAY_CONFIG: projects.0.id:',
      'K2: not',
      'GATEWAY_CONFIG: projects.2.apiKeyFrom:',
      'GATEWAY_CONFIG: projects.2:',
    ]);
  });
});

describe('variables that are no settings', () => {
  const warnings = (env: Record<string, string>): readonly string[] => read('{}', env).warnings;

  test.each([
    ['TRUSTED_DOCUMENT', /TRUSTED_DOCUMENTS is close/],
    ['RATE_LIMITS', /RATE_LIMIT is close/],
    ['DATATRICS_API_KEY_2', /DATATRICS_API_KEY is close/],
    ['DATATRICS_TOKEN', /no setting has this name$/],
  ])('are worth a warning: %s', (name, message) => {
    expect(warnings({ [name]: 'x', DATATRICS_API_KEY: 'k' })).toEqual([expect.stringMatching(message)]);
  });

  test.each([
    'DATATRICS_GATEWAY_SERVICE_HOST',
    'DATATRICS_GATEWAY_PORT_4000_TCP_ADDR',
    'PATH',
    'POST',
    'HOSTNAME',
    'npm_config_cache',
  ])('are left alone: %s', (name) => {
    expect(warnings({ [name]: 'x' })).toEqual([]);
  });

  test('are left alone where the list of projects names them', () => {
    const text = 'projects: [{ id: a, apiKeyFrom: DATATRICS_API_KEY_A }]\n';
    expect(read(text, { DATATRICS_API_KEY_A: 'k' }).warnings).toEqual([]);
  });
});
