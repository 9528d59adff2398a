import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { serve } from '../helpers/closing.ts';
import { settingsOf } from '../helpers/config.ts';
import { postJson } from '../helpers/gateway.ts';
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
import { capture, end } from '../helpers/process.ts';

const KIB_PER_MB = 1024;
const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

// Three installations: minutes on a machine whose disk is busy.
afterAll(removeImages, 300_000);

type Child = ReturnType<typeof spawnAsInContainer>;
let running: Child | undefined;
afterEach(() => void running?.kill('SIGKILL'));

/** The address of a gateway that was started. */
async function addressOf(child: Child): Promise<string> {
  running = child;
  const output = capture(child.stdout, child.stderr);
  await expect.poll(output, { timeout: 10_000 }).toContain('/graphql');
  return (/http:\S+(?=\/graphql)/.exec(output())?.[0] ?? '').replace('localhost', '127.0.0.1');
}
const start = (settings: Record<string, string>, cwd = '.'): Promise<string> => {
  const env = { PATH: process.env.PATH, NODE_ENV: 'production', PORT: '0', ...settings };
  return addressOf(spawn(process.execPath, ['src/start.js'], { cwd, env }));
};
const stop = (): Promise<number | null> => end(running as Child, 'SIGTERM');

test.each([
  [200, 0],
  [503, 1],
  [2000, 1],
  ['never', 1],
])('the health check takes an answer with status %s by its exit code %i', async (status, code) => {
  const paths: (string | undefined)[] = [];
  const { url } = await serve((req, res) => {
    paths.push(req.url);
    if (status !== 'never') res.socket?.end(`HTTP/1.1 ${status} OK\r\ncontent-length: 0\r\n\r\n`);
  });
  expect(await healthOf(new URL(url).port)).toBe(code);
  expect(paths).toEqual(['/health']);
});

describe('the Dockerfile', () => {
  test('has no problem that a linter finds, and copies what .dockerignore lets through', () => {
    expect(validate(text)).toEqual([]);
    const allowed = readFileSync('.dockerignore', 'utf8').match(/(?<=^!).*$/gm) ?? [];
    const copied = instructions
      .filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from'))
      .flatMap(({ rest }) => rest.split(' ').slice(0, -1));
    expect([...new Set(copied)].sort()).toEqual([...allowed].sort());
    for (const path of copied) expect(existsSync(path), path).toBe(true);
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
});

describe.each(['gateway', 'full', 'import'])('the image %s', (name) => {
  test('has labels as OCI specifies them', () => {
    const steps: Stage['steps'] = [];
    const stageOf = (name: string | undefined) => stages.find((stage) => stage.name === name);
    for (let at = stageOf(name); at; at = stageOf(at.base)) steps.unshift(...at.steps);
    const label = steps.find((step) => step.name === 'LABEL')?.rest ?? '';
    const labels = [...label.matchAll(/org\.opencontainers\.image\.(\w+)="([^"]+)"/g)].map(([, key, value]) => [
      key,
      value,
    ]);
    const { version, license: licenses } = readJson('package.json');
    const [title, description] = [expect.any(String), expect.any(String)];
    expect(Object.fromEntries(labels)).toMatchObject({
      ...{ title, description, licenses },
      ...{ version: '$VERSION', revision: '$REVISION', created: '$CREATED' },
    });
    const args = steps.filter((step) => step.name === 'ARG').map(({ rest }) => rest);
    expect(args).toEqual([`VERSION=${version}`, 'REVISION', 'CREATED']);
  });

  test('lists what is installed in it', { timeout: 180_000 }, () => {
    const stage = build(name);
    const { packages } = readJson(join(stage, 'node_modules/.package-lock.json'));
    const installed = Object.entries<{ version: string; link?: boolean }>(packages)
      .filter(([path, { link }]) => path.includes('node_modules/') && !link)
      .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`);
    const { bomFormat, components } = readJson(join(stage, 'sbom.json'));
    const listed = (components as { 'bom-ref': string }[]).map((component) => component['bom-ref'].split('|').at(-1));
    expect(bomFormat).toBe('CycloneDX');
    expect(installed.length).toBeGreaterThan(50);
    expect(listed).toEqual(expect.arrayContaining(installed));
    expect(listed.join()).not.toMatch(/vitest|typescript@/);
  });
});

test('the image is a small program that serves, by its own steps in an empty folder', {
  timeout: 180_000,
}, async () => {
  const stage = build('gateway');
  const unwanted = ['vitest', 'node', 'bullmq', '@datatrics-gateway', '@modelcontextprotocol'];
  expect(readdirSync(join(stage, 'node_modules')).filter((name) => unwanted.includes(name))).toEqual([]);
  const { packages } = readJson(join(stage, 'node_modules/.package-lock.json'));
  expect(Object.keys(packages).length).toBeLessThanOrEqual(125);
  const kilobytes = execFileSync('du', ['-sk', join(stage, 'node_modules')], { encoding: 'utf8' });
  expect(parseInt(kilobytes, 10) / KIB_PER_MB).toBeLessThanOrEqual(70);

  const [, ...args] = JSON.parse(last('CMD')) as string[];
  const env = { PATH: process.env.PATH, NODE_ENV: 'production', HOST: '0.0.0.0', PORT: '0' };
  const url = await addressOf(spawnAsInContainer(stage, args, env));
  expect(await healthOf(new URL(url).port)).toBe(0);
  expect(await healthOf('1')).toBe(1);
  const page = await fetch(`${url}/graphql`, { headers: { accept: 'text/html' } });
  const files = [...(await page.text()).matchAll(/(?:src|href)="(graphiql\/[^"]+)"/g)].map(([, file]) => file);
  expect(files.length).toBeGreaterThan(2);
  for (const file of files) {
    const { status, headers } = await fetch(`${url}/${file}`);
    expect([status, headers.get('content-type')], file).toEqual([200, expect.stringMatching(/^text\/(css|java)/)]);
  }
  const response = await postJson(`${url}/graphql`, { query: '{ profile(profileId: "1001") { name } }' });
  expect(await response.json()).toEqual({ data: { profile: { name: 'Ada Example' } } });
  expect(await stop()).toBe(0);
});

test('the image `full` has the packages too', { timeout: 180_000 }, async () => {
  const manifest = join(build('full'), 'documents.json');
  writeFileSync(manifest, '{"a": "query Typename { __typename }"}');
  const settings = { MCP: 'on', TRUSTED_DOCUMENTS_FILE: manifest, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
  const url = await start(settings, build('full'));
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
  const response = await postJson(`${url}/mcp`, call, { accept: 'application/json, text/event-stream' });
  expect(await response.json()).toMatchObject({ result: { tools: [{ name: 'Typename' }] } });
  expect(await stop()).toBe(0);
});

const oldNode = ['/usr/bin/node', '/usr/local/bin/node']
  .filter(existsSync)
  .find((path) => parseInt(execFileSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' }), 10) < 24);
test.skipIf(oldNode === undefined)('an old Node is told what to do', () => {
  const { status, stdout, stderr } = spawnSync(oldNode as string, ['src/start.js'], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^Node \d+\.\d+ is too old: this program needs 24 or newer.*npm ci/);
});

test.each([
  ['with the sandbox', {}, 200],
  ['in front of an API', settingsOf('http://127.0.0.1:9/2.0'), 150],
])('resident memory when idle is bounded: %s', async (_name, settings, limit) => {
  const url = await start(settings);
  await postJson(`${url}/graphql`, { query: '{ __typename }' });
  const resident = (): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${running?.pid}/status`, 'utf8'))?.[1]) / KIB_PER_MB;
  await expect.poll(resident, { timeout: 5_000 }).toBeLessThan(limit);
});
