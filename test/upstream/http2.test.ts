import { once } from 'node:events';
import { createSecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UpstreamResponse } from '../../src/upstream/call.ts';
import { TransportError } from '../../src/upstream/errors.ts';
import { createPool, type PoolOptions } from '../../src/upstream/pool.ts';
import { closeAtEnd, listen } from '../helpers/closing.ts';
import { CERT, distrust, KEY, trust } from '../helpers/tls.ts';

beforeEach(() => trust(CERT));
afterEach(async () => {
  distrust();
});

interface Http2Upstream {
  readonly origin: string;
  readonly sessions: ServerHttp2Session[];
}

async function http2Upstream(
  answer: (stream: ServerHttp2Stream, path: string, body: string) => void,
  options: Parameters<typeof createSecureServer>[0] = {},
): Promise<Http2Upstream> {
  const server = createSecureServer({ key: KEY, cert: CERT, ...options });
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => undefined);
  });
  server.on('stream', async (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => undefined);
    let body = '';
    for await (const chunk of stream) body += chunk;
    answer(stream, String(headers[':path']), body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeAtEnd(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { origin: `https://localhost:${(server.address() as AddressInfo).port}`, sessions };
}

function pool(origin: string, options: Partial<PoolOptions> = {}) {
  const made = createPool({ origin, connections: 64, timeoutMs: 5_000, reservedShare: 0, ...options });
  closeAtEnd(() => made.close());
  return {
    ...made,
    get: (path: string): Promise<UpstreamResponse> =>
      made.send({ method: 'GET', path, headers: ['x-apikey', 'k'] }, new AbortController().signal),
  };
}

const settle = (calls: Promise<UpstreamResponse>[]): Promise<(number | string)[]> =>
  Promise.all(
    calls.map((call) =>
      call.then(
        ({ status }) => status,
        (error) => (error instanceof TransportError ? error.failure : String(error)),
      ),
    ),
  );

const ok = (stream: ServerHttp2Stream, body = '{}'): void => {
  if (stream.destroyed) return;
  stream.respond({ ':status': 200, 'content-type': 'application/json' });
  stream.end(body);
};
const paths = (count: number): string[] => Array.from({ length: count }, (_, n) => `/${n}`);

describe('over HTTP/2', () => {
  it('makes 64 calls at once on one connection', async () => {
    let under = 0;
    let most = 0;
    const { origin, sessions } = await http2Upstream((stream, path) => {
      under += 1;
      most = Math.max(most, under);
      setTimeout(() => {
        under -= 1;
        ok(stream, path);
      }, 100);
    });
    const { get } = pool(origin);
    await get('/first');
    const answers = await Promise.all(paths(64).map(get));
    expect(answers.map(({ body }) => body)).toEqual(paths(64));
    expect(most).toBe(64);
    expect(sessions).toHaveLength(1);
  });

  it('opens one connection, not 64, when the first calls come all at once', async () => {
    const { origin, sessions } = await http2Upstream((stream, path) => ok(stream, path));
    const answers = await Promise.all(paths(64).map(pool(origin).get));
    expect(answers.map(({ body }) => body)).toEqual(paths(64));
    expect(sessions).toHaveLength(1);
  });

  it('sends the body of a write, and reads Retry-After', async () => {
    const { origin } = await http2Upstream((stream, _path, body) => {
      stream.respond({ ':status': 429, 'retry-after': '7' });
      stream.end(body);
    });
    const { send } = pool(origin);
    const request = { method: 'POST' as const, path: '/x', headers: ['x-apikey', 'k'], body: '{"é":1}' };
    expect(await send(request, new AbortController().signal)).toEqual({
      status: 429,
      retryAfter: '7',
      body: '{"é":1}',
    });
  });

  it('reports a stream that the server resets as reset, and the other streams go on', async () => {
    const { origin, sessions } = await http2Upstream((stream, path) => {
      if (path === '/bad') stream.close(2);
      else setTimeout(() => ok(stream), 50);
    });
    const { get } = pool(origin);
    await get('/first');
    expect(await settle([get('/1'), get('/bad'), get('/2')])).toEqual([200, 'reset', 200]);
    expect(await settle([get('/3')])).toEqual([200]);
    expect(sessions).toHaveLength(1);
  });

  it('completes the calls under way after GOAWAY, and makes the next ones on a new connection', async () => {
    const { origin, sessions } = await http2Upstream((stream) => void setTimeout(() => ok(stream), 100));
    const { get } = pool(origin);
    await get('/first');
    const under = settle([get('/1'), get('/2')]);
    await sleep(30);
    sessions[0]?.goaway(0);
    expect(await under).toEqual([200, 200]);
    expect(await settle([get('/3'), get('/4')])).toEqual([200, 200]);
    expect(sessions).toHaveLength(2);
  });

  it('fails the calls under way as reset when the connection breaks, and recovers', async () => {
    const { origin, sessions } = await http2Upstream((stream, path) => {
      if (path !== '/held') ok(stream);
    });
    const { get } = pool(origin);
    await get('/first');
    const under = settle([get('/held'), get('/held')]);
    await sleep(30);
    sessions[0]?.socket.destroy();
    expect(await under).toEqual(['reset', 'reset']);
    expect(await settle([get('/after')])).toEqual([200]);
  });

  it('cancels the stream of a call that was given up, and keeps the connection', async () => {
    const closed = Promise.withResolvers<void>();
    const { origin, sessions } = await http2Upstream((stream, path) => {
      if (path === '/held') stream.once('close', () => closed.resolve());
      else ok(stream);
    });
    const { get, send } = pool(origin);
    await get('/first');
    const controller = new AbortController();
    const held = send({ method: 'GET', path: '/held', headers: [] }, controller.signal);
    const reason = new Error('the client has gone');
    setTimeout(() => controller.abort(reason), 30);
    await expect(held).rejects.toBe(reason);
    await closed.promise;
    expect(await settle([get('/after')])).toEqual([200]);
    expect(sessions).toHaveLength(1);
  });

  it('keeps callers whose key is not accepted off the connection of the others', async () => {
    const { origin, sessions } = await http2Upstream((stream, path) => {
      if (path === '/bad') stream.session?.destroy();
      else setTimeout(() => ok(stream), 100);
    });
    const { get, send } = pool(origin);
    await get('/first');
    const under = settle([get('/1'), get('/2')]);
    const caller = { isAccepted: false, isEverybody: false };
    const request = { method: 'GET' as const, path: '/bad', headers: [], caller };
    expect(await settle([send(request, new AbortController().signal)])).toEqual(['reset']);
    expect(await under).toEqual([200, 200]);
    expect(sessions).toHaveLength(2);
  });

  it('uses HTTP/1.1 where the server does not offer HTTP/2', async () => {
    const { createServer } = await import('node:https');
    const versions: string[] = [];
    const server = createServer({ key: KEY, cert: CERT }, (req, res) => {
      versions.push(req.httpVersion);
      res.end('{}');
    });
    const { get } = pool(`https://localhost:${await listen(server)}`);
    expect(await settle(paths(8).map(get))).toEqual(new Array(8).fill(200));
    expect(new Set(versions)).toEqual(new Set(['1.1']));
  });
});
