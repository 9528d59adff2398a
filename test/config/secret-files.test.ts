import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { problemsOf } from '../helpers/config.ts';
import { createFolder } from '../helpers/files.ts';

const { folder, write } = createFolder();

function file(content: string | Buffer): string {
  const path = write('secret', content);
  return path;
}

const API = { DATATRICS_URL: 'https://api.example/2.0', DATATRICS_PROJECT: '1', AUTH_MODE: 'open' };

describe('a secret in a file', () => {
  test.each([
    ['DATATRICS_API_KEY', 'canary', (env: Record<string, string>) => readConfig({ ...API, ...env }).apiKey],
    ['ROUTER_SECRET', 'canary-of-sixteen', (env: Record<string, string>) => readConfig(env).routerSecrets.header],
    ['ROUTER_HMAC_SECRET', 'canary of sixteen', (env: Record<string, string>) => readConfig(env).routerSecrets.hmac],
    ['PII_KEY', 'canary-of-sixteen', (env: Record<string, string>) => readConfig(env).masking.key],
    [
      'OTEL_EXPORTER_OTLP_HEADERS',
      'key=canary',
      (env: Record<string, string>) =>
        readConfig({ OTEL_TRACES_EXPORTER: 'otlp', ...env }).telemetry?.env.OTEL_EXPORTER_OTLP_HEADERS,
    ],
    ['REDIS_URL', 'redis://:canary@127.0.0.1', (env: Record<string, string>) => readConfig(env).redisUrl],
  ])('may be %s, without one final line end', (name, value, read) => {
    for (const content of [value, `${value}\n`, `${value}\r\n`, `\ufeff${value}`]) {
      expect(read({ [`${name}_FILE`]: file(content) })).toBe(value);
    }
    expect(() => read({ [`${name}_FILE`]: file(`${value}\n`), [name]: value })).toThrow(
      `${name}, ${name}_FILE: got both`,
    );
  });

  test('loses one line end only', () => {
    expect(problemsOf({ ...API, DATATRICS_API_KEY_FILE: file('canary\n\n') })).toEqual([
      'DATATRICS_API_KEY_FILE: got a value that is not shown; needs a key of visible ASCII characters',
    ]);
  });

  test.each<[string, string | Buffer | null, RegExp]>([
    ['a file that is not there', null, /\(ENOENT\)/],
    ['an empty file', '', /\(empty\)/],
    ['a line end alone', '\n', /\(empty\)/],
    ['a file that is too large', 'canary'.repeat(200_000), /\(more than 1048576 bytes\)/],
    ['bytes that are no text', Buffer.from([0xff, 0x00, 0x41]), /\(neither UTF-8 nor UTF-16/],
  ])('is refused for %s, and is not said to be missing', (_what, content, reason) => {
    const path = content === null ? join(folder, 'canary') : file(content);
    const found = problemsOf({ ...API, DATATRICS_API_KEY_FILE: path });
    expect(found).toEqual([expect.stringMatching(/^DATATRICS_API_KEY_FILE: got a path .*; needs a text file/)]);
    expect(found[0]).toMatch(reason);
    expect(found[0]).not.toContain('canary');
  });

  test('is no folder, and no device', () => {
    for (const path of [folder, '/dev/zero']) {
      expect(problemsOf({ ...API, DATATRICS_API_KEY_FILE: path })).toEqual([expect.stringContaining('(not a file)')]);
    }
  });

  test('may be named by the file of settings', () => {
    const GATEWAY_CONFIG = write('gateway.yml', `DATATRICS_API_KEY_FILE: ${file('k\n')}\n`);
    expect(readConfig({ ...API, GATEWAY_CONFIG }).apiKey).toBe('k');
  });
});
