import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { NO_WARNINGS, PROCESS_ENV } from '../helpers/command.ts';
import { createFolder } from '../helpers/files.ts';
import { end, untilReady } from '../helpers/process.ts';
import { freePort } from '../helpers/redis.ts';
import { openClient, postOf } from '../helpers/sockets.ts';

const { folder } = createFolder();

/** The longest operation name and request id of a log line: with them, a line has 450 bytes. */
const NAME = 'n'.repeat(64);
/** More lines than a pipe and the program hold. */
const MANY = 3_000;
const GATEWAY = [NO_WARNINGS, 'src/start.js'];
/** A program that only logs. */
const WRITER = ['test/helpers/log-writer.ts'];

let child: ChildProcess | undefined;
const opened: number[] = [];
afterEach(async () => {
  if (child) await end(child);
  for (const fd of opened.splice(0)) closeSync(fd);
});

function open(path: string, flags: string | number): number {
  const fd = openSync(path, flags);
  opened.push(fd);
  return fd;
}

/** A pipe of 64 KiB, which only the test reads: the path, and its ends. */
function pipe(name: string): { reader: number; writer: number } {
  const path = join(folder, name);
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, writer: open(path, 'w') };
}

/** Everything that can be read from a pipe without waiting. */
function drain(fd: number): string {
  const buffer = Buffer.alloc(65_536);
  let text = '';
  try {
    for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer)) {
      text += buffer.toString('utf8', 0, length);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
  return text;
}

/**
 * Starts a program with this standard output.
 * @param limit by `ulimit -f`, blocks of 512 bytes
 */
async function start(program: readonly string[], stdout: number, limit?: number) {
  const port = await freePort();
  const words = [process.execPath, ...program];
  const [command = '', ...args] =
    limit === undefined ? words : ['sh', '-c', `ulimit -f ${limit}; exec "$@"`, 'sh', ...words];
  const env = { ...PROCESS_ENV, PORT: String(port), MAX_EVENT_LOOP_DELAY_MS: '0' };
  const running = spawn(command, args, { env, stdio: ['ignore', stdout, 'inherit'] });
  child = running;
  const url = `http://127.0.0.1:${port}`;
  await untilReady('the program', running, `${url}/ready`, () => 'see its errors');
  const post = postOf(url, `query ${NAME} { __typename }`, [`x-request-id: ${NAME}`]);
  return {
    health: async () => (await fetch(`${url}/health`)).status,
    /** Has the writer write lines; gives how many were dropped so far. */
    write: async (lines: number) => Number(await (await fetch(`${url}/${lines}`, { method: 'POST' })).text()),
    /** Has the gateway answer requests, one behind another on a connection, and gives how many lines were dropped so far. */
    async ask(requests: number): Promise<number> {
      const client = openClient(url, Buffer.concat(Array<Buffer>(requests).fill(post)));
      const count = (text: string): number => client.text().split(text).length - 1;
      await expect.poll(() => count('{"data":{"__typename":"Query"}}'), { timeout: 20_000 }).toBe(requests);
      client.socket.destroy();
      expect(count('HTTP/1.1 200 OK')).toBe(requests);
      const metrics = await (await fetch(`${url}/metrics`)).text();
      return Number(/^gateway_log_lines_dropped_total (\d+)$/m.exec(metrics)?.[1]);
    },
    /** The exit code after SIGTERM; within 5 s. */
    async stop(): Promise<number | null> {
      const begin = performance.now();
      const code = await end(running, 'SIGTERM');
      expect(performance.now() - begin).toBeLessThan(5_000);
      return code;
    },
  };
}

test('a pipe that is not read costs log lines, and nothing else', async () => {
  const { reader, writer } = pipe('unread');
  opened.push(reader);
  const gateway = await start(GATEWAY, writer);
  expect(await gateway.ask(MANY)).toBeGreaterThan(0);
  expect(await gateway.health()).toBe(200);
  expect(await gateway.stop()).toBe(0);
});

test('a pipe that is read again gets lines again', async () => {
  const { reader, writer } = pipe('read-again');
  opened.push(reader);
  const { write, stop } = await start(WRITER, writer);
  const dropped = await write(MANY);
  expect(dropped).toBeGreaterThan(0);
  let text = '';
  const lines = async (): Promise<number> => {
    await write(1);
    text += drain(reader);
    return text.split('\n').length;
  };
  // All that was kept, and a line of later.
  await expect.poll(lines, { timeout: 20_000 }).toBeGreaterThan(MANY - dropped + 2);
  for (const line of text.split('\n').slice(0, -1)) expect(JSON.parse(line).msg).toBe('operation');
  expect(await stop()).toBe(0);
});

test.each<[string, () => number]>([
  [
    'a pipe whose reader has gone',
    () => {
      const { reader, writer } = pipe('closed');
      closeSync(reader);
      return writer;
    },
  ],
  ['a full disk', () => open('/dev/full', 'w')],
])('%s costs log lines, and nothing else', async (_, output) => {
  const { write, stop } = await start(WRITER, output());
  expect(await write(MANY)).toBeGreaterThan(0);
  expect(await stop()).toBe(0);
});

test('a file at its limit gets lines again when there is room', async () => {
  const path = join(folder, 'limited.log');
  const { write, stop } = await start(WRITER, open(path, 'a'), 64);
  expect(await write(MANY)).toBeGreaterThan(0);
  truncateSync(path);
  await expect.poll(() => readFileSync(path, 'utf8'), { timeout: 10_000 }).toContain('"msg":"operation"');
  truncateSync(path);
  expect(await stop()).toBe(0);
});

test('the last lines are written before the gateway exits', async () => {
  const path = join(folder, 'whole.log');
  const gateway = await start(GATEWAY, open(path, 'a'));
  await gateway.ask(150);
  expect(await gateway.stop()).toBe(0);
  const [first, ...lines] = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).msg);
  expect(first).toMatch(/^GraphiQL: http/);
  expect(lines).toEqual(Array(150).fill('operation'));
});

test('an error right before the end of the process is written too', () => {
  const script = `
    const { createLogger } = await import('./src/lib/log.ts');
    const { openStandardOutput } = await import('./src/lib/standard-output.ts');
    const log = createLogger('info', openStandardOutput());
    log.info('first');
    log.error('last');
    throw new TypeError('ends the process');`;
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: PROCESS_ENV,
  });
  expect(status).toBe(1);
  expect(stdout.split('\n').map((line) => line && JSON.parse(line).msg)).toEqual(['first', 'last', '']);
});
