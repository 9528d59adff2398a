import { writeFileSync } from 'node:fs';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Commands, runCommand } from '../helpers/command.ts';
import { startWithUpstream } from '../helpers/gateway.ts';
import { smallApi } from '../helpers/small-api.ts';
import { createTokenFile } from '../helpers/token-file.ts';

const TOKEN = 'src/cli/token.ts';
const commands = new Commands();

test('npm run token makes a token and the entry by which the gateway knows it', async () => {
  const args = ['--scopes', 'profiles:read, conversions:read', '--projects', '1', '--id', 'partner'];
  const { status, stdout } = await runCommand(TOKEN, args);
  expect(status).toBe(0);
  const [, token = ''] = /^token: (\S+)$/m.exec(stdout) ?? [];
  const [, entry = ''] = /^entry: (.+)$/m.exec(stdout) ?? [];
  expect(JSON.parse(entry)).toMatchObject({
    id: 'partner',
    scopes: ['profiles:read', 'conversions:read'],
    projects: ['1'],
  });
  expect(entry).not.toContain(token.split('.')[2]);

  const file = createTokenFile();
  writeFileSync(file.path, `[${entry}]`);
  const gateway = await startWithUpstream(smallApi, file.settings);
  const query = '{ profiles { totalCount } }';
  const headers = { authorization: `Bearer ${token}` };
  expect((await gateway.query(query, {}, headers)).body).toEqual({ data: { profiles: { totalCount: 1 } } });
  expect((await gateway.query('{ contents { totalCount } }', {}, headers)).status).toBe(403);
});

test('npm run token --expires makes a token that ends by itself', async () => {
  const day = 24 * 3600 * 1000;
  const args = ['--scopes', 'profiles:read', '--projects', '1', '--expires', '90d'];
  const [, entry = ''] = /^entry: (.+)$/m.exec((await commands.run(TOKEN, args)).stdout) ?? [];
  const { expiresAt } = JSON.parse(entry) as { expiresAt: string };
  expect(Math.abs(Date.parse(expiresAt) - Date.now() - 90 * day)).toBeLessThan(day);

  const file = createTokenFile();
  const headers = file.add('short', ['profiles:read'], ['1'], new Date(Date.now() + 2 * day).toISOString());
  const gateway = await startWithUpstream(smallApi, file.settings);
  const status = async () => (await gateway.query('{ __typename }', {}, headers)).status;
  expect(await status()).toBe(200);
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3 * day);
  onTestFinished(() => void vi.restoreAllMocks());
  expect(await status()).toBe(401);
});

test.each([
  [['--projects', '1'], /--scopes: not given/],
  [['--scopes', 'profiles:admin', '--projects', '1'], /--scopes: got profiles:admin/],
  [['--scopes', 'pii:read'], /--projects: not given/],
  [['--scopes', 'pii:read', '--projects', '../x'], /--projects: got/],
  [['--scopes', 'pii:read', '--projects', '1', '--id', 'a b'], /--id: got/],
  [['--scopes', 'pii:read', '--projects', '1', '--expires', 'soon'], /--expires: got "soon"; needs days/],
  [['--scopes', 'pii:read', '--projects', '1', '--expires', '2027-02-30'], /--expires: got "2027-02-30"; needs days/],
  [['--scopes', 'pii:read', '--projects', '1', '--expires', '0d'], /--expires: got "0d"; needs a time in the future/],
  [['--scope', 'pii:read'], /--scope/],
])('wrong usage %j is told', async (args, message) => {
  const { status, stderr, stdout } = await commands.run(TOKEN, args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
  expect(stderr).toContain('npm run token -- --help');
});
