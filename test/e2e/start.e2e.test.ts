import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { PROCESS_ENV } from '../helpers/command.ts';
import { settingsOf } from '../helpers/config.ts';
import { postJson, startUpstream } from '../helpers/gateway.ts';
import { type Instance, startInstance } from '../helpers/instance.ts';
import { capture, end } from '../helpers/process.ts';
import { getOf, openClient, postOf } from '../helpers/sockets.ts';

async function start(settings: Record<string, string> = {}): Promise<Instance> {
  const gateway = await startInstance(settings);
  onTestFinished(() => gateway.kill());
  return gateway;
}

/** A gateway in front of an API that takes a while for a record. */
async function startInFront(record: object, ms = 0) {
  const upstream = await startUpstream(async () => {
    await sleep(ms);
    return { profileid: '1', source: 's', ...record };
  });
  return { upstream, gateway: await start(settingsOf(upstream.url)) };
}

const ask = async (url: string, query: string): Promise<unknown> =>
  (await postJson(`${url}/graphql`, { query })).json();

/** The exit code after a signal; within 5 s. */
async function exitCode(gateway: Instance, signal: NodeJS.Signals): Promise<number | null> {
  const asked = performance.now();
  process.kill(gateway.pid, signal);
  await gateway.gone;
  expect(performance.now() - asked).toBeLessThan(5_000);
  return gateway.stop();
}

/** What a process writes, once it has written an address. */
async function addressIn(child: ChildProcess): Promise<string> {
  const text = capture(child.stdout);
  await expect.poll(text, { timeout: 30_000 }).toContain('/graphql');
  return text();
}

const PROFILE = '{ profile(profileId: "1", source: "s") { name } }';

test('a start prints JSON lines from the first on, answers over the sandbox, and ends with 0 on SIGINT', async () => {
  const gateway = await start();
  expect(await ask(gateway.url, '{ profile(profileId: "1001") { name } }')).toEqual({
    data: { profile: { name: 'Ada Example' } },
  });
  expect(await exitCode(gateway, 'SIGINT')).toBe(0);
  const messages = gateway
    .output()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).msg);
  expect(messages.map((message) => message.split(' ')[0])).toEqual(['GraphiQL:', 'operation']);
  expect(messages[0]).toContain('embedded sandbox');
});

test('a start at a terminal prints coloured text', async () => {
  const command = `exec "${process.execPath}" --disable-warning=ExperimentalWarning src/start.js`;
  const terminal = spawn('script', ['-qec', command, '/dev/null'], {
    env: { ...PROCESS_ENV, PORT: '0', AUTH_MODE: 'passthrough' },
  });
  const text = await addressIn(terminal);
  expect(text).toMatch(/INFO.*Sandbox: project \w+, x-apikey \w+/);
  expect(text).toMatch(/INFO.*GraphiQL: http/);
  expect(text).toContain('\u001b[');
  expect(text).not.toContain('{"level"');
  await end(terminal, 'SIGINT');
});

test('npm start ends when npm gets the signal', async () => {
  // A group of its own, so that nothing stays behind whatever fails.
  const npm = spawn('npm', ['start'], { env: { ...PROCESS_ENV, PORT: '0' }, detached: true });
  // Fails where the group is gone, as it should be.
  onTestFinished(() => void spawnSync('kill', ['-KILL', '--', `-${npm.pid}`]));
  const exit = once(npm, 'exit');
  const url = /http:\S+(?=\/graphql)/.exec(await addressIn(npm))?.[0];
  npm.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
  await expect(fetch(`${url}/health`)).rejects.toThrow();
});

test('a gateway calls the API for nothing but an operation, and finishes what is under way before it ends', async () => {
  const { upstream, gateway } = await startInFront({ name: 'Late' }, 500);
  const { url } = gateway;
  const headers = { accept: 'text/html' };
  for (const path of ['/graphql', '/ready', '/health', '/metrics']) await fetch(url + path, { headers });
  await ask(url, '{ __schema { queryType { name } } }');
  const answer = ask(url, PROFILE);
  await expect.poll(() => upstream.calls.length).toBe(1);
  const code = exitCode(gateway, 'SIGTERM');
  expect(await answer).toEqual({ data: { profile: { name: 'Late' } } });
  expect(await code).toBe(0);
  expect(upstream.calls).toHaveLength(1);
});

test('a gateway ends within 5 s though clients have not finished a request, or do not read an answer', async () => {
  const { upstream, gateway } = await startInFront({ name: 'x'.repeat(8_000_000) });
  const { url } = gateway;
  const head = `POST /graphql HTTP/1.1\r\nHost: ${new URL(url).host}\r\nContent-Type: application/json\r\n`;
  const clients = [
    openClient(url),
    openClient(url, Buffer.from(head)),
    openClient(url, Buffer.from(`${head}Content-Length: 100\r\n\r\n{`)),
    openClient(url, Buffer.concat([getOf(url, '/health'), Buffer.from(head)])),
    openClient(url, postOf(url, PROFILE), { reads: false }),
  ];
  await expect.poll(() => upstream.calls.length).toBe(1);
  // Its answer is under way.
  await expect.poll(() => clients[3]?.text()).toContain('200 OK');
  await ask(url, '{ __typename }');
  expect(await exitCode(gateway, 'SIGTERM')).toBe(0);
  for (const { socket } of clients) socket.destroy();
});
