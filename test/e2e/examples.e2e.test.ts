import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkExample, copyExample, npm } from '../helpers/example.ts';
import { createFolder } from '../helpers/files.ts';
import { startWithSandbox } from '../helpers/gateway.ts';

/** A copy of an example that fits the schema, for the tests of a `describe`. */
function example(name: string): () => string {
  let folder: string;
  beforeAll(async () => {
    folder = await copyExample(`examples/${name}`);
    await checkExample(folder);
  }, 300_000);
  afterAll(() => rmSync(dirname(folder), { recursive: true }));
  return () => folder;
}

describe('examples/node-script', () => {
  const folder = example('node-script');
  const run = (gateway: { url: string }, args: string[], env: Record<string, string> = {}) =>
    npm(folder(), ['run', '--silent', ...args], { GATEWAY_URL: `${gateway.url}/graphql`, ...env });

  test('reads pages, refetches by id, and reports what was not written', async () => {
    const gateway = await startWithSandbox();
    const { status, stdout, stderr } = await run(gateway, ['start']);
    expect([status, stderr]).toEqual([0, expect.not.stringContaining('Error')]);
    const { body } = await gateway.query('{ conversion(conversionId: "3001") { total } }');
    for (const line of [
      `order 3001, again: ${body.data.conversion.total}\n`,
      'by ids: Conversion, Profile\n',
      'not renamed: NOT_FOUND: ',
    ])
      expect(stdout).toContain(line);
    // 300 orders are three pages.
    const pages = gateway.sandbox.requests.filter(({ path }) => path.includes('/sale?'));
    expect(pages.length).toBeGreaterThanOrEqual(3);
  });

  test('names the code when it is turned away', async () => {
    const gateway = await startWithSandbox({ AUTH_MODE: 'passthrough' });
    expect(await run(gateway, ['start'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('UNAUTHENTICATED: '),
    });
    const keyed = await run(gateway, ['start'], { GATEWAY_KEY: gateway.sandbox.apiKey });
    expect(keyed).toMatchObject({ status: 0, stdout: expect.stringContaining('order 3001, again: ') });
  });

  test('writes thousands, goes on after a failure, and names what was refused', async () => {
    const people = Array.from({ length: 2_500 }, (_, i) => ({
      profileId: i === 1_700 ? '' : `sync-${i}`,
      source: 'Webshop',
      name: `N ${i}`,
    }));
    const file = createFolder().write('people.ndjson', people.map((one) => `${JSON.stringify(one)}\n`).join(''));
    const gateway = await startWithSandbox();
    gateway.sandbox.faults.set({ match: { method: 'POST', path: '/bulk' }, times: 1, status: 503 });
    const { status, stdout, stderr } = await run(gateway, ['sync', file]);
    expect([status, stderr]).toEqual([0, expect.not.stringContaining('Error')]);
    expect(stdout).toContain('2499 written, 1 rejected\n');
    for (const i of [0, 1_699, 2_499]) {
      expect(gateway.sandbox.store.get('profile', 'Webshop', `sync-${i}`)).toMatchObject({ name: `N ${i}` });
    }
  });
});

describe('examples/trusted-documents', () => {
  const folder = example('trusted-documents');

  /** Starts the server in front of a gateway, and gives the answer to each path. */
  async function ask(gateway: { url: string }, ...paths: string[]): Promise<[status: number, body: unknown][]> {
    const env = { ...process.env, PORT: '0', GATEWAY_URL: `${gateway.url}/graphql` };
    const server = spawn(process.execPath, ['src/main.ts'], {
      cwd: folder(),
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const address = String((await once(server.stdout, 'data'))[0]).trim();
      const answers = paths.map(async (path): Promise<[number, unknown]> => {
        const response = await fetch(new URL(path, address));
        return [response.status, await response.json()];
      });
      return await Promise.all(answers);
    } finally {
      server.kill();
    }
  }

  test('publishes its documents, and sends nothing but their ids', { timeout: 120_000 }, async () => {
    const gateway = await startWithSandbox({
      TRUSTED_DOCUMENTS: 'only',
      TRUSTED_DOCUMENTS_FILE: `${folder()}/src/gql/persisted-documents.json`,
    });
    const name = expect.any(String);
    expect(await ask(gateway, '/products/2001', '/customers/1001', '/customers/nobody')).toEqual([
      [200, { name, url: expect.any(String) }],
      [200, expect.objectContaining({ name })],
      [404, expect.anything()],
    ]);
    expect(await ask(await startWithSandbox(), '/products/2001')).toEqual([
      [502, { code: 'PERSISTED_QUERY_NOT_FOUND' }],
    ]);
  });
});
