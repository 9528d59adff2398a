import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { problemsOf } from '../helpers/config.ts';
import { createFolder } from '../helpers/files.ts';

const { write } = createFolder();
const SECRET = 'a-secret-of-a-cache';
const ROUTER = { kind: 'apollo-router', url: 'https://router.example/invalidation', secretFrom: 'ROUTER_KEY' };
const HOOK = { kind: 'webhook', url: 'http://127.0.0.1:9/hook?key=x', secretFrom: 'HOOK_KEY' };
const SECRETS = { ROUTER_KEY: SECRET, HOOK_KEY: SECRET };

function settings(invalidation: unknown, env: Record<string, string> = SECRETS): Record<string, string> {
  const GATEWAY_CONFIG = write('gateway.json', { SUBGRAPH_DIRECTIVES: 'cacheTag', invalidation });
  return { GATEWAY_CONFIG, ...env };
}

describe('the list of caches', () => {
  test('has routers and webhooks, with secrets from variables or files', () => {
    const file = write('key', `${SECRET}\n`);
    const env = { ROUTER_KEY_FILE: file, HOOK_KEY: SECRET };
    expect(readConfig(settings([ROUTER, HOOK], env)).invalidation).toMatchObject([
      { kind: 'apollo-router', subgraph: 'datatrics', secret: SECRET, secretFile: file },
      { kind: 'webhook', secret: SECRET, secretFile: undefined },
    ]);
    expect(readConfig(settings([{ ...ROUTER, subgraph: 'crm' }])).invalidation).toMatchObject([{ subgraph: 'crm' }]);
  });

  test.each([
    ['a text', 'x', 'invalidation: needs a list'],
    ['empty', [], 'invalidation: needs a list'],
    ['of another kind', [{ ...ROUTER, kind: 'cdn' }], 'invalidation.0.kind: needs apollo-router or webhook'],
    ...[
      'http://router.example/invalidation',
      'https://user:pass@router.example/',
      'https://router.example/#a',
      'file:///etc/passwd',
      7,
      undefined,
    ].map((url): [string, unknown, string] => [
      `with the URL ${url}`,
      [{ ...HOOK, url }],
      'invalidation.0.url: needs an https: URL without user and fragment (plain http: for loopback only)',
    ]),
    ['with a secret in it', [{ ...HOOK, secret: SECRET }], 'invalidation.0: got "secret"; needs only members'],
    [
      'without a variable',
      [{ ...HOOK, secretFrom: undefined }],
      'invalidation.0.secretFrom: needs the name of an environment variable',
    ],
    ['with the same twice', [HOOK, HOOK], 'invalidation.1: got the same twice'],
    [
      'with a nameless subgraph',
      [{ ...ROUTER, subgraph: '' }],
      'invalidation.0.subgraph: needs the name of a subgraph',
    ],
  ])('is refused when it is %s', (_what, given, problem) => {
    const found = problemsOf(settings(given));
    expect(found).toEqual([expect.stringContaining(`GATEWAY_CONFIG: ${problem}`)]);
    expect(found.join()).not.toContain(SECRET);
  });

  test('is refused with all of its problems, without secrets', () => {
    const given = [{ ...ROUTER, url: 'x' }, HOOK, { ...HOOK, url: 'https://a.example/', secretFrom: 'SHORT' }];
    const found = problemsOf(settings(given, { SHORT: 'short-secret', PORT: 'x' }));
    expect(found).toEqual([
      expect.stringMatching(/^PORT: got/),
      expect.stringMatching(/^GATEWAY_CONFIG: invalidation\.0\.url: needs/),
      'HOOK_KEY: not set; needs a secret of 16 or more visible ASCII characters, for invalidation.1',
      expect.stringMatching(/^SHORT: got a value that is not shown; needs a secret/),
    ]);
  });

  test('is valid as docs/federation.md shows it', () => {
    const page = readFileSync('docs/federation.md', 'utf8');
    const [, example = ''] = /```yaml\n(SUBGRAPH_DIRECTIVES: .*?)```/s.exec(page) ?? [];
    const GATEWAY_CONFIG = write('federation.yml', example);
    const config = readConfig({ GATEWAY_CONFIG, ROUTER_INVALIDATION_KEY: SECRET, WEBHOOK_SECRET: SECRET });
    expect(config.invalidation.map(({ kind }) => kind)).toEqual(['apollo-router', 'webhook']);
    expect(config.warnings).toEqual([]);
  });

  test('has no router without cache tags', () => {
    const GATEWAY_CONFIG = write('untagged.json', { invalidation: [ROUTER] });
    expect(problemsOf({ GATEWAY_CONFIG, ...SECRETS })).toEqual([
      expect.stringMatching(/^GATEWAY_CONFIG: invalidation\.0\.kind: needs SUBGRAPH_DIRECTIVES with cacheTag/),
    ]);
  });
});
