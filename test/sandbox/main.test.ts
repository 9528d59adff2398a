import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { PROCESS_ENV, runCommand } from '../helpers/command.ts';
import { capture, end } from '../helpers/process.ts';

it.each(['SIGTERM', 'SIGINT'] as const)('runs alone, says where, and ends well on %s', async (signal) => {
  const settings = { SANDBOX_PORT: '0', SANDBOX_API_KEY: 'k1', SANDBOX_PROJECT: '77' };
  const child = spawn(process.execPath, ['src/sandbox/main.ts'], { env: { ...PROCESS_ENV, ...settings } });
  const [output, errors] = [capture(child.stdout), capture(child.stderr)];
  await expect.poll(output, { timeout: 10_000 }).toContain('/_sandbox/faults');
  const url = /http:\S+\/2\.0/.exec(output())?.[0];
  expect(output()).toMatch(/77\s.*\sk1\s/s);
  const reply = await fetch(`${url}/project/77/profile/1001?source=Webshop`, { headers: { 'x-apikey': 'k1' } });
  expect(await reply.json()).toMatchObject({ name: 'Ada Example' });
  expect(await end(child, signal)).toBe(0);
  expect(errors()).toBe('');
});

it('does not start with a port that is none, and says why', async () => {
  const { status, stderr } = await runCommand('src/sandbox/main.ts', [], { SANDBOX_PORT: '99999' });
  expect([status, stderr]).toEqual([1, expect.stringContaining('SANDBOX_PORT: got "99999"')]);
});
