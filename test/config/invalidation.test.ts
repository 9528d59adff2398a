import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/config-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'config-invalidation-'));
afterAll(() => rmSync(folder, { recursive: true }));

const GATEWAY_CONFIG = join(folder, 'gateway.json');
const SECRET = 'a-secret-of-a-cache';
const ROUTER = { kind: 'apollo-router', url: 'https://router.example/invalidation', secretFrom: 'ROUTER_KEY' };
const HOOK = { kind: 'webhook', url: 'http://127.0.0.1:9/hook?key=x', secretFrom: 'HOOK_KEY' };
const SECRETS = { ROUTER_KEY: SECRET, HOOK_KEY: SECRET };

function read(invalidation: unknown, env: Record<string, string> = SECRETS) {
  writeFileSync(GATEWAY_CONFIG, JSON.stringify({ SUBGRAPH_DIRECTIVES: 'cacheTag', invalidation }));
  return readConfig({ GATEWAY_CONFIG, ...env }).invalidation;
}

function problems(...given: Parameters<typeof read>): readonly string[] {
  try {
    read(...given);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the list of caches', () => {
  test('has routers and webhooks, with secrets from variables or files', () => {
    const file = join(folder, 'key');
    writeFileSync(file, `${SECRET}\n`);
    expect(read([ROUTER, HOOK], { ROUTER_KEY_FILE: file, HOOK_KEY: SECRET })).toMatchObject([
      { kind: 'apollo-router', subgraph: 'datatrics', secret: SECRET, secretFile: file },
      { kind: 'webhook', secret: SECRET, secretFile: undefined },
    ]);
    expect(read([{ ...ROUTER, subgraph: 'crm' }])).toMatchObject([{ subgraph: 'crm' }]);
    expect(read(undefined)).toEqual([]);
  });

  test.each([
    ['a text', 'x', 'invalidation: needs a list of caches'],
    ['empty', [], 'invalidation: needs a list of caches'],
    ['of another kind', [{ ...ROUTER, kind: 'cdn' }], 'invalidation.0.kind: needs apollo-router or webhook'],
    ...[
      'http://router.example/invalidation',
      'https://user:pass@router.example/',
      'https://router.example/#a',
      'file:///etc/passwd',
      7,
    ].map((url): [string, unknown, string] => [
      `with the URL ${url}`,
      [{ ...HOOK, url }],
      'invalidation.0.url: needs an https: URL without user and fragment (plain http: for loopback only)',
    ]),
    ['without a URL', [{ kind: 'webhook', secretFrom: 'HOOK_KEY' }], /^GATEWAY_CONFIG: invalidation\.0\.url: needs /],
    [
      'with a secret in it',
      [{ ...HOOK, secret: SECRET }],
      'invalidation.0: got "secret"; needs only members that docs/configuration.md names',
    ],
    [
      'without a variable',
      [{ ...HOOK, secretFrom: undefined }],
      'invalidation.0.secretFrom: needs the name of an environment variable',
    ],
    ['with the same twice', [HOOK, HOOK], 'invalidation.1: got the same twice; needs caches that differ'],
    [
      'with a subgraph without a name',
      [{ ...ROUTER, subgraph: '' }],
      'invalidation.0.subgraph: needs the name of a subgraph',
    ],
  ])('is refused when it is %s', (_what, given, problem) => {
    const [line, ...more] = problems(given);
    if (problem instanceof RegExp) expect(line).toMatch(problem);
    else expect(line).toBe(`GATEWAY_CONFIG: ${problem}`);
    expect(more).toEqual([]);
    expect(line).not.toContain(SECRET);
  });

  test('is refused with all of its problems, without secrets', () => {
    const found = problems(
      [{ ...ROUTER, url: 'x' }, HOOK, { ...HOOK, url: 'https://a.example/', secretFrom: 'SHORT' }],
      {
        SHORT: 'short-secret',
        PORT: 'x',
      },
    );
    expect(found.map((line) => line.split(': got')[0]?.split(': needs')[0])).toEqual([
      'PORT',
      'GATEWAY_CONFIG: invalidation.0.url',
      'HOOK_KEY: not set; needs a secret of 16 or more visible ASCII characters, for invalidation.1'.split(
        ': needs',
      )[0],
      'SHORT',
    ]);
    expect(found.join()).not.toContain('short-secret');
  });

  test('is valid as docs/federation.md shows it', () => {
    const [, example = ''] =
      /```yaml\n(SUBGRAPH_DIRECTIVES: .*?)```/s.exec(readFileSync('docs/federation.md', 'utf8')) ?? [];
    writeFileSync(GATEWAY_CONFIG, example);
    const env = { GATEWAY_CONFIG, ROUTER_INVALIDATION_KEY: SECRET, WEBHOOK_SECRET: SECRET };
    expect(readConfig(env).invalidation.map(({ kind }) => kind)).toEqual(['apollo-router', 'webhook']);
    expect(readConfig(env).warnings).toEqual([]);
  });

  test('has no router without cache tags', () => {
    writeFileSync(GATEWAY_CONFIG, JSON.stringify({ invalidation: [ROUTER] }));
    expect(() => readConfig({ GATEWAY_CONFIG, ...SECRETS })).toThrow(
      'GATEWAY_CONFIG: invalidation.0.kind: got "apollo-router" without tags; needs SUBGRAPH_DIRECTIVES with cacheTag',
    );
  });
});
