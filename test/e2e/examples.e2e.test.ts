import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkExample, copyExample, npm } from '../helpers/example.ts';
import { startWithSandbox } from '../helpers/gateway.ts';

const INSTALL_MS = 300_000;

describe('examples/node-script', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await copyExample('examples/node-script');
  }, INSTALL_MS);
  afterAll(() => rmSync(dirname(folder), { recursive: true }));

  test('fits the schema', () => checkExample(folder), 120_000);

  test('reads pages, refetches by id, and reports what was not written', async () => {
    const gateway = await startWithSandbox();
    const { status, stdout, stderr } = await npm(folder, ['start'], { GATEWAY_URL: `${gateway.url}/graphql` });
    expect(stderr).not.toContain('Error');
    expect(status).toBe(0);
    const { body } = await gateway.query('{ conversion(conversionId: "3001") { total } }');
    expect(stdout).toContain(`order 3001, again: ${body.data.conversion.total}\n`);
    expect(stdout).toContain('by ids: Conversion, Profile\n');
    expect(stdout).toContain('not renamed: NOT_FOUND: ');
    // 300 orders are three pages.
    const pages = gateway.sandbox.requests.filter(({ path }) => path.includes('/sale?'));
    expect(pages.length).toBeGreaterThanOrEqual(3);
    await gateway.close();
  });

  test('names the code when it is turned away', async () => {
    const gateway = await startWithSandbox({ AUTH_MODE: 'passthrough' });
    const env = { GATEWAY_URL: `${gateway.url}/graphql` };
    expect(await npm(folder, ['start', '--silent'], env)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('UNAUTHENTICATED: '),
    });
    const keyed = await npm(folder, ['start', '--silent'], { ...env, GATEWAY_KEY: gateway.sandbox.apiKey });
    expect(keyed).toMatchObject({ status: 0, stdout: expect.stringContaining('order 3001, again: ') });
    await gateway.close();
  });
});

describe('examples/node-script, sync', () => {
  let folder: string;
  const file = join(mkdtempSync(join(tmpdir(), 'sync-')), 'people.ndjson');
  afterAll(() => {
    for (const path of [file, folder]) rmSync(dirname(path), { recursive: true });
  });

  test('writes thousands, goes on after a failure, and names what was refused', async () => {
    folder = await copyExample('examples/node-script');
    await checkExample(folder);
    const people = Array.from({ length: 2_500 }, (_, i) => ({
      profileId: `sync-${i}`,
      source: 'Webshop',
      name: `N ${i}`,
    }));
    people[1_700] = { profileId: '', source: 'Webshop', name: 'Nobody' };
    writeFileSync(file, people.map((person) => `${JSON.stringify(person)}\n`).join(''));
    const gateway = await startWithSandbox();
    gateway.sandbox.faults.set({ match: { method: 'POST', path: '/bulk' }, times: 1, status: 503 });
    const { status, stdout, stderr } = await npm(folder, ['run', '--silent', 'sync', file], {
      GATEWAY_URL: `${gateway.url}/graphql`,
    });
    expect(stderr).not.toContain('Error');
    expect(status).toBe(0);
    expect(stdout).toContain('2499 written, 1 rejected\n');
    for (const i of [0, 1_699, 2_499]) {
      expect(gateway.sandbox.store.get('profile', 'Webshop', `sync-${i}`)).toMatchObject({ name: `N ${i}` });
    }
    await gateway.close();
  });
});

describe('examples/trusted-documents', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await copyExample('examples/trusted-documents');
  }, INSTALL_MS);
  afterAll(() => rmSync(dirname(folder), { recursive: true }));

  /** Starts the server in front of a gateway, and gives the answer to a path. */
  async function ask(gateway: { url: string }, path: string): Promise<{ status: number; body: unknown }> {
    const env = { ...process.env, PORT: '0', GATEWAY_URL: `${gateway.url}/graphql` };
    const server = spawn(process.execPath, ['src/main.ts'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const [line] = await once(server.stdout, 'data');
      const response = await fetch(new URL(path, String(line).trim()));
      return { status: response.status, body: await response.json() };
    } finally {
      server.kill();
    }
  }

  test('publishes its documents, and sends nothing but their ids', { timeout: 120_000 }, async () => {
    await checkExample(folder);
    const gateway = await startWithSandbox({
      TRUSTED_DOCUMENTS: 'only',
      TRUSTED_DOCUMENTS_FILE: `${folder}/src/gql/persisted-documents.json`,
    });
    const name = expect.any(String);
    expect(await ask(gateway, '/products/2001')).toEqual({ status: 200, body: { name, url: expect.any(String) } });
    expect(await ask(gateway, '/customers/1001')).toMatchObject({ status: 200, body: { name } });
    expect(await ask(gateway, '/customers/nobody')).toMatchObject({ status: 404 });
    const { body } = await gateway.query('{ profiles { nodes { email } } }');
    expect(body.errors?.[0]?.extensions.code).toBe('PERSISTED_QUERY_NOT_FOUND');
    await gateway.close();

    const without = await startWithSandbox();
    const code = 'PERSISTED_QUERY_NOT_FOUND';
    expect(await ask(without, '/products/2001')).toEqual({ status: 502, body: { code } });
    await without.close();
  });
});
