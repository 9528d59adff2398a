import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { TransportError } from '../../src/upstream/errors.ts';
import { listen } from '../helpers/closing.ts';
import { startUpstream } from '../helpers/gateway.ts';
import { openPool } from '../helpers/pool.ts';

/** A server of bytes: what it gets is given to `talk` with the connection. */
async function rawServer(talk: (socket: Socket, text: string) => void): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => talk(socket, data.toString()));
  });
  return `http://127.0.0.1:${await listen(server)}`;
}

async function failure(sent: Promise<unknown>): Promise<{ failure: string; sent: boolean }> {
  const error = await sent.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TransportError);
  const { failure, sent: wasSent } = error as TransportError;
  return { failure, sent: wasSent };
}

describe('a request', () => {
  it.each(['/a/../b', '/a/%2e%2e/b', '/a/./b', '//a', '/a?b=%5Bc%5D&d=/../e', '/a%2Fb?c=d?e'])(
    'goes out with the path %s as it stands',
    async (path) => {
      const { origin, calls } = await startUpstream(() => ({}));
      await openPool(origin).get(path);
      expect(calls.map((call) => call.path)).toEqual([path]);
    },
  );

  it('takes its body along, and gives status, Retry-After and text of the answer', async () => {
    const { origin, calls } = await startUpstream(
      (_call, res) => void res.writeHead(429, { 'retry-after': '3' }).end('é😀'),
    );
    const answer = await openPool(origin).get('/x', { method: 'POST', body: '{"é":1}' });
    expect(answer).toEqual({ status: 429, retryAfter: '3', body: 'é😀' });
    expect(calls).toMatchObject([{ method: 'POST', body: '{"é":1}' }]);
  });
});

describe('a request fails', () => {
  it('as timeout when the answer takes too long, a wait for a free connection included', async () => {
    const { origin, calls } = await startUpstream(() => undefined);
    const { get } = openPool(origin, { connections: 1, timeoutMs: 100 });
    const start = performance.now();
    // The second gives up while the first still holds the only connection.
    const outcomes = await Promise.all([failure(get('/1')), failure(get('/2', { timeoutMs: 50 }))]);
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(outcomes).toEqual([
      { failure: 'timeout', sent: true },
      { failure: 'timeout', sent: false },
    ]);
    expect(calls.map(({ path }) => path)).toEqual(['/1']);
  });

  it('as unreachable and not sent if no server listens', async () => {
    const { origin, close } = await startUpstream(() => ({}));
    await close();
    expect(await failure(openPool(origin).get())).toEqual({ failure: 'unreachable', sent: false });
  });

  it.each<[string, (socket: Socket) => void]>([
    ['without a word', (socket) => socket.end()],
    ['by a reset', (socket) => socket.resetAndDestroy()],
    ['in the head', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-le')],
    ['in the body', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"a":')],
    ['between chunks', (socket) => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n')],
  ])('as reset when the connection ends %s', async (_name, talk) => {
    expect(await failure(openPool(await rawServer(talk)).get())).toEqual({ failure: 'reset', sent: true });
  });

  it.each([
    'hello\r\n\r\n',
    '{"a":1}',
    'HTTP/9.9 200 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
    `HTTP/1.1 200 OK\r\n${'x-long: y\r\n'.repeat(20_000)}\r\n`,
  ])('as malformed when the answer is not HTTP (%#)', async (text) => {
    const origin = await rawServer((socket) => socket.end(text));
    expect(await failure(openPool(origin).get())).toEqual({ failure: 'malformed', sent: true });
  });

  it('as too large beyond the limit, and not at it', async () => {
    const { origin } = await startUpstream(
      ({ path }, res) => void res.writeHead(200).end('x'.repeat(Number(path.slice(1)))),
    );
    const { get } = openPool(origin, { maxBodyBytes: 100_000 });
    expect((await get('/100000')).body).toHaveLength(100_000);
    expect(await failure(get('/100001'))).toEqual({ failure: 'too-large', sent: true });
    expect((await get('/5')).body).toBe('xxxxx');
  });
});

describe('connections', () => {
  it('take no more calls beyond their lifetime, and complete the call under way', async () => {
    const ports: Record<string, number | undefined> = {};
    const { origin } = await startUpstream(async ({ path }, _res, req) => {
      ports[path] = req.socket.remotePort;
      if (path === '/long') await sleep(600);
      return {};
    });
    const { get } = openPool(origin, { connectionTtlMs: 300 });
    const long = get('/long');
    await sleep(400);
    // The pool looks at the age of its connections when it needs one.
    await get('/meanwhile');
    expect((await long).status).toBe(200);
    await get('/after');
    expect(ports['/after']).not.toBe(ports['/long']);
  });

  it('are used again, and are no more than configured', async () => {
    const ports = new Set<number | undefined>();
    const { origin } = await startUpstream((_call, _res, req) => {
      ports.add(req.socket.remotePort);
      return new Promise((resolve) => setTimeout(() => resolve({}), 5));
    });
    const { get } = openPool(origin, { connections: 3 });
    await Promise.all(Array.from({ length: 30 }, () => get()));
    expect(ports.size).toBe(3);
    for (let i = 0; i < 10; i++) await get();
    expect(ports.size).toBe(3);
  });

  it('that were closed by the other side while idle are not used again', async () => {
    const { origin } = await startUpstream((_call, res) => {
      res.once('finish', () => setTimeout(() => res.socket?.destroy(), 5));
      return {};
    });
    const { get } = openPool(origin, { connections: 1 });
    for (let i = 0; i < 5; i++) {
      expect((await get()).status).toBe(200);
      await sleep(30);
    }
  });
});
