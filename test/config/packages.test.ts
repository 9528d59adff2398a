import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { runCommand } from '../helpers/command.ts';
import { createFolder } from '../helpers/files.ts';

/** A gateway as it is installed without its packages. */
const { folder, write } = createFolder();
beforeAll(() => {
  for (const path of ['src', 'schema', 'assets', 'package.json']) cpSync(path, join(folder, path), { recursive: true });
  mkdirSync(join(folder, 'node_modules'));
  for (const name of readdirSync('node_modules')) {
    if (name.startsWith('.') || name === '@datatrics-gateway') continue;
    symlinkSync(resolve('node_modules', name), join(folder, 'node_modules', name));
  }
});

test('a start names each package that the settings ask for and that is not installed', async () => {
  const manifest = write('documents.json', '{"a": "query A { __typename }"}');
  const settings = {
    MCP: 'on',
    TRUSTED_DOCUMENTS_FILE: manifest,
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    GATEWAY_CONFIG: write('gateway.yml', 'poll: { everySeconds: 60, types: [Profile] }'),
  };
  const { status, stdout, stderr } = await runCommand(join(folder, 'src/start.js'), [], { PORT: '0', ...settings });
  const needs = 'needs an installation by `npm ci --omit=dev`, or an image built with `--target full`';
  expect(stderr).toBe(
    [
      `MCP: got a value that needs the package @datatrics-gateway/mcp, which is not installed; ${needs}\n`,
      'OTEL_…: got a value that needs the package @datatrics-gateway/tracing, ',
      `which is not installed; ${needs}\n`,
      'GATEWAY_CONFIG: invalidation, poll: got a value that needs the package @datatrics-gateway/invalidation, ',
      `which is not installed; ${needs}\n`,
    ].join(''),
  );
  expect(stdout).toBe('');
  expect(status).toBe(1);
});
