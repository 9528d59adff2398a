import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { PROCESS_ENV } from '../helpers/command.ts';
import { type FakeUpstream, postJson, startUpstream } from '../helpers/gateway.ts';
import { getOf, openClient, postOf } from '../helpers/sockets.ts';

let child: ChildProcess | undefined;
let upstream: FakeUpstream | undefined;
afterEach(async () => {
  if (child && child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  await upstream?.close();
  child = undefined;
  upstream = undefined;
});

/** Starts the program as `npm start` does. */
function start(env: Record<string, string>) {
  const running = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'src/start.js'], {
    env: { ...PROCESS_ENV, PORT: '0', ...env },
  });
  child = running;
  let stdout = '';
  let stderr = '';
  running.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  running.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const exit = once(running, 'exit').then(([code]) => code as number);
  const url = async (): Promise<string> => {
    await expect.poll(() => stdout, { timeout: 30_000 }).toContain('/graphql');
    return /http:\S+(?=\/graphql)/.exec(stdout)?.[0] as string;
  };
  return { running, exit, url, stderr: () => stderr, stdout: () => stdout };
}

const ask = async (url: string, query: string): Promise<{ data?: unknown }> =>
  (await (await postJson(`${url}/graphql`, { query })).json()) as { data?: unknown };

const inFront = (fake: FakeUpstream): Record<string, string> => ({
  DATATRICS_URL: fake.url,
  DATATRICS_PROJECT: '1',
  DATATRICS_API_KEY: 'secret-canary',
  AUTH_MODE: 'open',
});

describe('npm start', () => {
  test('prints JSON lines from the first on, and coloured text at a terminal', async () => {
    const { url, stdout, running, exit } = start({ AUTH_MODE: 'passthrough' });
    await url();
    running.kill('SIGINT');
    await exit;
    const lines = stdout().trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).msg.split(' ')[0])).toEqual(['Sandbox:', 'GraphiQL:']);
    const command = `exec "${process.execPath}" --disable-warning=ExperimentalWarning src/start.js`;
    const terminal = spawn('script', ['-qec', command, '/dev/null'], { env: { ...PROCESS_ENV, PORT: '0' } });
    child = terminal;
    let text = '';
    terminal.stdout.on('data', (chunk) => {
      text += chunk;
    });
    await expect.poll(() => text, { timeout: 30_000 }).toContain('/graphql');
    expect(text).toMatch(/INFO.*GraphiQL: http/);
    expect(text).toContain('\u001b[');
    expect(text).not.toContain('{"level"');
    const gone = once(terminal, 'exit');
    terminal.kill('SIGINT');
    await gone;
  });

  test('prints GraphiQL’s address, answers over the sandbox, and exits with 0 on SIGINT, at once when idle', async () => {
    const { running, exit, url, stdout } = start({});
    expect(await ask(await url(), '{ profile(profileId: "1001") { name } }')).toEqual({
      data: { profile: { name: 'Ada Example' } },
    });
    expect(stdout()).toContain('embedded sandbox');
    const asked = performance.now();
    running.kill('SIGINT');
    expect(await exit).toBe(0);
    expect(performance.now() - asked).toBeLessThan(5_000);
  });

  test('exits when npm gets the signal', async () => {
    // A group of its own, so that nothing stays behind whatever fails.
    const npm = spawn('npm', ['start'], { env: { ...PROCESS_ENV, PORT: '0' }, detached: true });
    const exit = once(npm, 'exit');
    let stdout = '';
    npm.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    try {
      await expect.poll(() => stdout, { timeout: 30_000 }).toContain('/graphql');
      const url = /http:\S+(?=\/graphql)/.exec(stdout)?.[0] as string;
      npm.kill('SIGTERM');
      expect(await exit).toEqual([0, null]);
      await expect(fetch(`${url}/health`)).rejects.toThrow();
    } finally {
      // Fails where the group is gone, as it should be.
      spawnSync('kill', ['-KILL', '--', `-${npm.pid}`]);
    }
  });

  test('calls the API for nothing but an operation, and finishes what is under way before it exits', async () => {
    upstream = await startUpstream(async () => {
      await sleep(500);
      return { profileid: '1', source: 's', name: 'Late' };
    });
    const { running, exit, url } = start(inFront(upstream));
    const address = await url();
    for (const path of ['/graphql', '/ready', '/health', '/metrics'])
      await fetch(address + path, { headers: { accept: 'text/html' } });
    await ask(address, '{ __schema { queryType { name } } }');
    await sleep(300);
    expect(upstream.calls).toEqual([]);
    const answer = ask(address, '{ profile(profileId: "1", source: "s") { name } }');
    await expect.poll(() => upstream?.calls.length).toBe(1);
    running.kill('SIGTERM');
    expect(await answer).toEqual({ data: { profile: { name: 'Late' } } });
    expect(await exit).toBe(0);
    expect(upstream.calls).toHaveLength(1);
    await expect(fetch(`${address}/health`)).rejects.toThrow();
  });

  test('exits within 5 s though clients have not finished a request, or do not read an answer', async () => {
    upstream = await startUpstream(() => ({ profileid: '1', source: 's', name: 'x'.repeat(8_000_000) }));
    const { running, exit, url } = start(inFront(upstream));
    const address = await url();
    const { host } = new URL(address);
    const query = '{ profile(profileId: "1", source: "s") { name } }';
    const head = `POST /graphql HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`;
    const clients = [
      openClient(address),
      openClient(address, Buffer.from(head)),
      openClient(address, Buffer.from(`${head}Content-Length: 100\r\n\r\n{`)),
      openClient(address, Buffer.concat([getOf(address, '/health'), Buffer.from(head)])),
      openClient(address, postOf(address, query), { reads: false }),
    ];
    await expect.poll(() => upstream?.calls.length).toBe(1);
    await sleep(300);
    const asked = performance.now();
    running.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(performance.now() - asked).toBeLessThan(5_000);
    for (const { socket } of clients) socket.destroy();
  });
});
