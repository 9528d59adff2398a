import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { PROCESS_ENV, runCommand } from '../helpers/command.ts';

function start(env: Record<string, string>) {
  const child = spawn(process.execPath, ['src/sandbox/main.ts'], { env: { ...PROCESS_ENV, ...env } });
  const output = { out: '', err: '' };
  child.stdout.on('data', (data) => {
    output.out += data;
  });
  child.stderr.on('data', (data) => {
    output.err += data;
  });
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, output, exit };
}

it.each(['SIGTERM', 'SIGINT'] as const)('runs alone, says where, and ends well on %s', async (signal) => {
  const settings = { SANDBOX_PORT: '0', SANDBOX_API_KEY: 'k1', SANDBOX_PROJECT: '77', SANDBOX_SEED: '3' };
  const { child, output, exit } = start(settings);
  await expect.poll(() => output.out, { timeout: 10_000 }).toContain('/_sandbox/faults');
  const url = /http:\S+\/2\.0/.exec(output.out)?.[0];
  expect(output.out).toMatch(/77\s.*\sk1\s/s);
  const reply = await fetch(`${url}/project/77/profile/1001?source=Webshop`, { headers: { 'x-apikey': 'k1' } });
  expect(await reply.json()).toMatchObject({ name: 'Ada Example' });
  child.kill(signal);
  expect(await exit).toBe(0);
  expect(output.err).toBe('');
});

it.each([
  ['SANDBOX_PORT', '99999'],
  ['SANDBOX_SEED', 'x'],
])('does not start with %s=%s, and says why', async (name, value) => {
  const { status, stderr } = await runCommand('src/sandbox/main.ts', [], { [name]: value });
  expect(status).toBe(1);
  expect(stderr).toContain(`${name}: got "${value}"`);
});
