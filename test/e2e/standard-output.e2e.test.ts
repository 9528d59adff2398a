import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, readSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { NO_WARNINGS, PROCESS_ENV } from '../helpers/command.ts';
import { createFolder } from '../helpers/files.ts';
import { freePort } from '../helpers/redis.ts';
import { openClient, postOf } from '../helpers/sockets.ts';

const { folder } = createFolder();

/** The longest operation name and request id of a log line: with them, a line has 450 bytes. */
const NAME = 'n'.repeat(64);
/** More lines than a pipe and the program hold. */
const MANY = 3_000;

let child: ChildProcess | undefined;
const opened: number[] = [];
afterEach(async () => {
  if (child && child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  child = undefined;
  for (const fd of opened.splice(0)) closeSync(fd);
});

function open(path: string, flags: string | number): number {
  const fd = openSync(path, flags);
  opened.push(fd);
  return fd;
}

/** A pipe of 64 KiB, which only the test reads. */
function pipe(name: string): string {
  const path = join(folder, name);
  execFileSync('mkfifo', [path]);
  return path;
}

/** Everything that can be read from a pipe without waiting. */
function drain(fd: number): string {
  const buffer = Buffer.alloc(65_536);
  let text = '';
  for (;;) {
    try {
      const length = readSync(fd, buffer);
      if (length === 0) return text;
      text += buffer.toString('utf8', 0, length);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return text;
      throw error;
    }
  }
}

/** The environment, the URL and the end of a program with this standard output. */
async function spawnWith(stdout: number, program: readonly string[], limit?: number) {
  const port = await freePort();
  const words = [process.execPath, ...program];
  const [command = '', ...args] =
    limit === undefined ? words : ['sh', '-c', `ulimit -f ${limit}; exec "$@"`, 'sh', ...words];
  const running = spawn(command, args, {
    env: { ...PROCESS_ENV, PORT: String(port), MAX_EVENT_LOOP_DELAY_MS: '0' },
    stdio: ['ignore', stdout, 'inherit'],
  });
  child = running;
  const url = `http://127.0.0.1:${port}`;
  const isReady = (): Promise<boolean> =>
    fetch(`${url}/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  await expect.poll(isReady, { timeout: 30_000 }).toBe(true);
  return {
    url,
    /** The exit code after SIGTERM, and the ms until then. */
    async stop() {
      const begin = performance.now();
      const exit = once(running, 'exit');
      running.kill('SIGTERM');
      const [code] = await exit;
      return { code, ms: performance.now() - begin };
    },
  };
}

async function startGateway(stdout: number) {
  const { url, stop } = await spawnWith(stdout, [NO_WARNINGS, 'src/start.js']);
  const post = postOf(url, `query ${NAME} { __typename }`, [`x-request-id: ${NAME}`]);
  return {
    stop,
    /** Sends requests one behind another on a connection, and has all their answers in the end. */
    async ask(requests: number) {
      const client = openClient(url, Buffer.concat(Array<Buffer>(requests).fill(post)));
      const answers = (): number => client.text().split('{"data":{"__typename":"Query"}}').length - 1;
      await expect.poll(answers, { timeout: 20_000 }).toBe(requests);
      client.socket.destroy();
      expect(client.text().split('HTTP/1.1 200 OK')).toHaveLength(requests + 1);
    },
    async health() {
      return (await fetch(`${url}/health`)).status;
    },
    async dropped() {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      return Number(/^gateway_log_lines_dropped_total (\d+)$/m.exec(metrics)?.[1]);
    },
  };
}

/** Starts a program that only logs; by a shell where `limit` is given (`ulimit -f`, blocks of 512 bytes). */
async function startWriter(stdout: number, limit?: number) {
  const { url, stop } = await spawnWith(stdout, ['test/helpers/log-writer.ts'], limit);
  const numberOf = async (response: Promise<Response>): Promise<number> => Number(await (await response).text());
  return {
    stop,
    /** Has it write lines; gives how many were dropped so far. */
    write: (lines: number) => numberOf(fetch(`${url}/${lines}`, { method: 'POST' })),
  };
}

test('a pipe that is not read costs log lines, and nothing else', async () => {
  const gateway = await startGateway(open(pipe('unread'), 'r+'));
  await gateway.ask(MANY);
  expect(await gateway.health()).toBe(200);
  expect(await gateway.dropped()).toBeGreaterThan(0);
  const { code, ms } = await gateway.stop();
  expect(code).toBe(0);
  expect(ms).toBeLessThan(5_000);
});

test('a pipe that is read again gets lines again', async () => {
  const path = pipe('read-again');
  const reader = open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = await startWriter(open(path, 'w'));
  const dropped = await writer.write(MANY);
  expect(dropped).toBeGreaterThan(0);
  let text = '';
  // All that was kept, and a line of later.
  await expect
    .poll(
      async () => {
        await writer.write(1);
        text += drain(reader);
        return text.split('\n').length;
      },
      { timeout: 20_000 },
    )
    .toBeGreaterThan(MANY - dropped + 2);
  for (const line of text.split('\n').slice(0, -1)) expect(JSON.parse(line).msg).toBe('operation');
  expect((await writer.stop()).code).toBe(0);
});

test('a pipe whose reader has gone ends nothing', async () => {
  const path = pipe('closed');
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const end = open(path, 'w');
  closeSync(reader);
  const writer = await startWriter(end);
  expect(await writer.write(MANY)).toBeGreaterThan(0);
  expect((await writer.stop()).code).toBe(0);
});

test('a full disk ends nothing', async () => {
  const writer = await startWriter(open('/dev/full', 'w'));
  expect(await writer.write(MANY)).toBeGreaterThan(0);
  expect((await writer.stop()).code).toBe(0);
});

test('a file at its limit ends nothing, and gets lines again when there is room', async () => {
  const path = join(folder, 'limited.log');
  const writer = await startWriter(open(path, 'a'), 64);
  expect(await writer.write(MANY)).toBeGreaterThan(0);
  truncateSync(path);
  await expect.poll(() => readFileSync(path, 'utf8'), { timeout: 10_000 }).toContain('"msg":"operation"');
  truncateSync(path);
  expect((await writer.stop()).code).toBe(0);
});

test('the last lines are written before the gateway exits', async () => {
  const path = join(folder, 'whole.log');
  const gateway = await startGateway(open(path, 'a'));
  await gateway.ask(150);
  expect((await gateway.stop()).code).toBe(0);
  const [first, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  expect(JSON.parse(first ?? '').msg).toMatch(/^GraphiQL: http/);
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(Array(150).fill('operation'));
});

test('so is an error right before the end of the process', () => {
  const script = `
    const { createLogger } = await import('./src/lib/log.ts');
    const { openStandardOutput } = await import('./src/lib/standard-output.ts');
    const log = createLogger('info', openStandardOutput());
    log.info('first');
    log.error('last');
    throw new TypeError('ends the process');`;
  const { stdout, status } = (() => {
    try {
      execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        encoding: 'utf8',
        stdio: 'pipe',
        env: PROCESS_ENV,
      });
    } catch (error) {
      return error as { stdout: string; status: number };
    }
    throw new Error('the process did not fail');
  })();
  expect(status).toBe(1);
  expect(stdout.split('\n').map((line) => line && JSON.parse(line).msg)).toEqual(['first', 'last', '']);
});
