import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { afterAll, describe, expect, test } from 'vitest';
import {
  build,
  healthOf,
  instructions,
  last,
  removeImages,
  type Stage,
  spawnAsInContainer,
  stages,
  text,
} from '../helpers/image.ts';

const KIB_PER_MB = 1024;

// Three installations: minutes on a machine whose disk is busy.
afterAll(removeImages, 300_000);

describe('the health check', () => {
  test.each([
    [200, 0],
    [503, 1],
    [2000, 1],
    ['never', 1],
  ])('takes an answer with status %s by its exit code %i', async (status, code) => {
    const paths: (string | undefined)[] = [];
    const server = createServer((req, res) => {
      paths.push(req.url);
      if (status === 'never') return;
      res.socket?.end(`HTTP/1.1 ${status} OK\r\ncontent-length: 0\r\n\r\n`);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    expect(await healthOf(String((server.address() as AddressInfo).port))).toBe(code);
    expect(paths).toEqual(['/health']);
    server.closeAllConnections();
    server.close();
  });
});

describe('the Dockerfile', () => {
  test('has no problem that a linter finds', () => {
    expect(validate(text)).toEqual([]);
  });

  test('runs as nobody special, is watched, and gets signals itself', () => {
    expect(last('USER')).toBe('node');
    expect(JSON.parse(last('CMD'))).toEqual(['node', '--disable-warning=ExperimentalWarning', 'src/start.js']);
    expect(text).toMatch(/HOST=0\.0\.0\.0/);
    expect(text).toMatch(/npm ci --omit=dev/);
    for (const { base } of stages) {
      if (!stages.some(({ name }) => name === base)) expect(base).toMatch(/^node:2[6-9]\.\d+-\w+-slim$/);
    }
  });

  test.each(['gateway', 'full', 'import'])('labels the image %s as OCI specifies', (name) => {
    const steps: Stage['steps'] = [];
    for (
      let at = stages.find((stage) => stage.name === name);
      at;
      at = stages.find((stage) => stage.name === at?.base)
    ) {
      steps.unshift(...at.steps);
    }
    const labels = Object.fromEntries(
      [
        ...(steps.find((step) => step.name === 'LABEL')?.rest ?? '').matchAll(
          /org\.opencontainers\.image\.(\w+)="([^"]+)"/g,
        ),
      ].map(([, label, value]) => [label, value]),
    );
    const { version, license } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(labels).toMatchObject({
      licenses: license,
      version: '$VERSION',
      revision: '$REVISION',
      created: '$CREATED',
    });
    expect([labels.title, labels.description]).not.toContain(undefined);
    const args = steps.filter((step) => step.name === 'ARG').map(({ rest }) => rest);
    expect(args).toEqual([`VERSION=${version}`, 'REVISION', 'CREATED']);
  });

  test.each(['gateway', 'full', 'import'])('lists what is installed in the image %s', { timeout: 180_000 }, (name) => {
    const stage = build(name);
    const { packages } = JSON.parse(readFileSync(join(stage, 'node_modules/.package-lock.json'), 'utf8'));
    const installed = Object.entries<{ version: string; link?: boolean }>(packages)
      .filter(([path, { link }]) => path.includes('node_modules/') && !link)
      .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`);
    const { bomFormat, components } = JSON.parse(readFileSync(join(stage, 'sbom.json'), 'utf8'));
    const listed = (components as { 'bom-ref': string }[]).map((component) => component['bom-ref'].split('|').at(-1));
    expect(bomFormat).toBe('CycloneDX');
    expect(installed.length).toBeGreaterThan(50);
    expect(listed).toEqual(expect.arrayContaining(installed));
    expect(listed.join()).not.toMatch(/vitest|typescript@/);
  });

  test('copies what .dockerignore lets through', () => {
    const allowed = readFileSync('.dockerignore', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = instructions
      .filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from'))
      .flatMap(({ rest }) => rest.split(' ').slice(0, -1));
    expect([...new Set(copied)].sort()).toEqual([...allowed].sort());
    for (const path of copied) expect(existsSync(path), path).toBe(true);
  });

  test('makes a program that serves, by its own steps in an empty folder', { timeout: 180_000 }, async () => {
    const stage = build('gateway');
    const installed = readdirSync(join(stage, 'node_modules'));
    for (const name of ['vitest', 'node', 'bullmq', '@datatrics-gateway', '@modelcontextprotocol']) {
      expect(installed).not.toContain(name);
    }
    const { packages } = JSON.parse(readFileSync(join(stage, 'node_modules/.package-lock.json'), 'utf8'));
    expect(Object.keys(packages).length).toBeLessThanOrEqual(125);
    const kilobytes = execFileSync('du', ['-sk', join(stage, 'node_modules')], { encoding: 'utf8' });
    expect(parseInt(kilobytes, 10) / KIB_PER_MB).toBeLessThanOrEqual(70);

    const [, ...args] = JSON.parse(last('CMD')) as string[];
    const env = { PATH: process.env.PATH, NODE_ENV: 'production', HOST: '0.0.0.0', PORT: '0' };
    const running = spawnAsInContainer(stage, args, env);
    let output = '';
    running.stdout.on('data', (chunk) => {
      output += chunk;
    });
    await expect.poll(() => output, { timeout: 10_000 }).toContain('/graphql');
    const url = (/http:\S+(?=\/graphql)/.exec(output)?.[0] ?? '').replace('localhost', '127.0.0.1');
    expect((await fetch(`${url}/health`)).status).toBe(200);
    const port = new URL(url).port;
    expect(await healthOf(port)).toBe(0);
    expect(await healthOf('1')).toBe(1);
    const page = await fetch(`${url}/graphql`, { headers: { accept: 'text/html' } });
    expect(page.status).toBe(200);
    const files = [...(await page.text()).matchAll(/(?:src|href)="(graphiql\/[^"]+)"/g)].map(([, file]) => file);
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) {
      const { status, headers } = await fetch(`${url}/${file}`);
      expect([status, headers.get('content-type')], file).toEqual([200, expect.stringMatching(/^text\/(css|java)/)]);
    }
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ profile(profileId: \\"1001\\") { name } }"}',
    });
    expect(await response.json()).toEqual({ data: { profile: { name: 'Ada Example' } } });
    running.kill('SIGTERM');
    expect((await once(running, 'exit'))[0]).toBe(0);
  });
});

test('the image `full` has the packages too', { timeout: 180_000 }, async () => {
  const manifest = join(build('full'), 'documents.json');
  writeFileSync(manifest, '{"a": "query Typename { __typename }"}');
  const settings = { MCP: 'on', TRUSTED_DOCUMENTS_FILE: manifest, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
  const running = spawn(process.execPath, ['src/start.js'], {
    cwd: build('full'),
    env: { PATH: process.env.PATH, NODE_ENV: 'production', PORT: '0', ...settings },
  });
  let output = '';
  for (const stream of [running.stdout, running.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  await expect.poll(() => output, { timeout: 10_000 }).toContain('/graphql');
  const url = /http:\S+(?=\/graphql)/.exec(output)?.[0];
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
  });
  expect(await response.json()).toMatchObject({ result: { tools: [{ name: 'Typename' }] } });
  running.kill('SIGTERM');
  expect((await once(running, 'exit'))[0]).toBe(0);
});

const oldNode = ['/usr/bin/node', '/usr/local/bin/node']
  .filter(existsSync)
  .find((path) => parseInt(execFileSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' }), 10) < 24);
test.skipIf(oldNode === undefined)('an old Node is told what to do', () => {
  const { status, stdout, stderr } = spawnSync(oldNode as string, ['src/start.js'], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^Node \d+\.\d+ is too old: this program needs 24 or newer.*npm ci/);
});

describe('resident memory when idle', () => {
  test.each([
    ['with the sandbox', {}, 200],
    [
      'in front of an API',
      { DATATRICS_URL: 'http://127.0.0.1:9/2.0', DATATRICS_PROJECT: '1', DATATRICS_API_KEY: 'k', AUTH_MODE: 'open' },
      150,
    ],
  ])('%s is bounded', async (_name, settings, limit) => {
    const running = spawn(process.execPath, ['src/start.js'], {
      env: { PATH: process.env.PATH, PORT: '0', ...settings },
    });
    let output = '';
    running.stdout.on('data', (chunk) => {
      output += chunk;
    });
    await expect.poll(() => output, { timeout: 10_000 }).toContain('/graphql');
    const url = /http:\S+(?=\/graphql)/.exec(output)?.[0];
    await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ __typename }"}',
    });
    await new Promise((done) => setTimeout(done, 2_000));
    const resident = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${running.pid}/status`, 'utf8'))?.[1]);
    running.kill('SIGTERM');
    await once(running, 'exit');
    expect(resident / KIB_PER_MB).toBeLessThan(limit);
  });
});
