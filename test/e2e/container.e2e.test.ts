import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { validate } from 'dockerfile-utils';
import { afterAll, describe, expect, test } from 'vitest';

const text = readFileSync('Dockerfile', 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'container-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Instructions in order, continuation lines joined. */
const instructions = text
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => /^[A-Z]+ /.test(line))
  .map((line) => ({ name: line.slice(0, line.indexOf(' ')), rest: line.slice(line.indexOf(' ') + 1).trim() }));
/** Stages in order, each with its instructions. */
const stages: Stage[] = [];
for (const { name, rest } of instructions) {
  const [base = '', , stage = ''] = rest.split(' ');
  if (name === 'FROM') stages.push({ name: stage, base, steps: [] });
  else stages.at(-1)?.steps.push({ name, rest });
}
const last = (name: string): string => instructions.findLast((instruction) => instruction.name === name)?.rest ?? '';

interface Stage {
  readonly name: string;
  readonly base: string;
  readonly steps: { readonly name: string; readonly rest: string }[];
}

const KIB_PER_MB = 1024;

/** Runs the steps of a stage and of those that it needs; gives the folder that stands for its working directory. */
function build(name: string): string {
  const target = join(folder, name);
  const stage = stages.find((each) => each.name === name);
  if (stage === undefined || existsSync(target)) return target;
  if (stages.some((each) => each.name === stage.base)) cpSync(build(stage.base), target, { recursive: true });
  else mkdirSync(target);
  // The image's Node is the current one; npm runs on whatever is here.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };
  for (const { name: step, rest } of stage.steps) {
    if (step === 'RUN') execFileSync('sh', ['-c', rest], { cwd: target, env, stdio: 'pipe' });
    if (step !== 'COPY') continue;
    const [, other] = /^--from=(\S+) /.exec(rest) ?? [];
    const from = other === undefined ? resolve('.') : build(other);
    const paths = rest.replace(/^--from=\S+ /, '').split(' ');
    const to = paths.pop() as string;
    // A folder's content goes to the target, a file into it.
    for (const path of paths) {
      const source = join(from, path.replace(/^\/app\//, ''));
      const goal = statSync(source).isDirectory() ? join(target, to) : join(target, to, basename(path));
      const filter = (each: string): boolean => other !== undefined || basename(each) !== 'node_modules';
      cpSync(source, goal, { recursive: true, verbatimSymlinks: true, filter });
    }
  }
  return target;
}

describe('the Dockerfile', () => {
  test('has no problem that a linter finds', () => {
    expect(validate(text)).toEqual([]);
  });

  test('runs as nobody special, is watched, and gets signals itself', () => {
    expect(last('USER')).toBe('node');
    expect(last('HEALTHCHECK')).toContain('/health');
    expect(JSON.parse(last('CMD'))).toEqual(['node', '--disable-warning=ExperimentalWarning', 'src/start.js']);
    expect(text).toMatch(/HOST=0\.0\.0\.0/);
    expect(text).toMatch(/npm ci --omit=dev/);
    for (const { base } of stages) {
      if (!stages.some(({ name }) => name === base)) expect(base).toMatch(/^node:2[6-9]\.\d+-\w+-slim$/);
    }
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
    const running = spawn(process.execPath, args, {
      cwd: stage,
      env: { PATH: process.env.PATH, NODE_ENV: 'production', HOST: '0.0.0.0', PORT: '0' },
    });
    let output = '';
    running.stdout.on('data', (chunk) => {
      output += chunk;
    });
    await expect.poll(() => output, { timeout: 10_000 }).toContain('/graphql');
    const url = (/http:\S+(?=\/graphql)/.exec(output)?.[0] ?? '').replace('localhost', '127.0.0.1');
    expect((await fetch(`${url}/health`)).status).toBe(200);
    const port = new URL(url).port;
    const health = JSON.parse(last('HEALTHCHECK').replace(/^.*?CMD /, '')) as string[];
    expect(spawnSync(process.execPath, health.slice(1), { env: { PORT: port } }).status).toBe(0);
    expect(spawnSync(process.execPath, health.slice(1), { env: { PORT: '1' } }).status).toBe(1);
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
  const manifest = join(folder, 'documents.json');
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
