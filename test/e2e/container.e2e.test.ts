import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
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
const last = (name: string): string => instructions.findLast((instruction) => instruction.name === name)?.rest ?? '';

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
    for (const { rest } of instructions.filter(({ name }) => name === 'FROM'))
      expect(rest).toMatch(/^node:2[6-9]\.\d+-\w+-slim/);
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
    // The image's Node is the current one; npm runs on whatever is here.
    const node = dirname(process.execPath);
    const env = { ...process.env, PATH: `${node}${delimiter}${process.env.PATH}` };
    const stages = [join(folder, 'dependencies'), join(folder, 'final')];
    let stage = '';
    for (const { name, rest } of instructions) {
      if (name === 'FROM') {
        stage = stages.shift() as string;
        mkdirSync(stage);
      }
      if (name === 'RUN') execFileSync('sh', ['-c', rest], { cwd: stage, env, stdio: 'pipe' });
      if (name === 'COPY') {
        const from = rest.startsWith('--from=dependencies') ? join(folder, 'dependencies') : resolve('.');
        const paths = rest.replace(/^--from=\S+ /, '').split(' ');
        const target = paths.pop() as string;
        // A folder's content goes to the target, a file into it.
        for (const path of paths) {
          const source = join(from, path.replace(/^\/app\//, ''));
          const goal = statSync(source).isDirectory() ? join(stage, target) : join(stage, target, basename(path));
          cpSync(source, goal, { recursive: true, verbatimSymlinks: true });
        }
      }
    }
    expect(readdirSync(join(stage, 'node_modules'))).not.toContain('vitest');
    expect(readdirSync(join(stage, 'node_modules'))).not.toContain('node');

    const [, ...args] = JSON.parse(last('CMD')) as string[];
    const running = spawn(process.execPath, args, {
      cwd: stage,
      env: { PATH: env.PATH, NODE_ENV: 'production', HOST: '0.0.0.0', PORT: '0' },
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
  const KIB_PER_MB = 1024;
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
