import { once } from 'node:events';
import { createSecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PoolOptions } from '../../src/upstream/pool.ts';
import { closeAtEnd, listen } from '../helpers/closing.ts';
import { openPool, settle } from '../helpers/pool.ts';
import { CERT, distrust, KEY, trust } from '../helpers/tls.ts';

beforeEach(() => trust(CERT));
afterEach(distrust);

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

const pool = (origin: string, options: Partial<PoolOptions> = {}) =>
  openPool(origin, { connections: 64, timeoutMs: 5_000, reservedShare: 0, ...options });

const ok = (stream: ServerHttp2Stream, body = '{}'): void => {
  if (stream.destroyed) return;
  stream.respond({ ':status': 200, 'content-type': 'application/json' });
  stream.end(body);
};
const paths = (count: number): string[] => Array.from({ length: count }, (_, n) => `/${n}`);

describe('over HTTP/2', () => {
  it('makes 64 calls at once on one connection, also when they are the first', async () => {
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
    for (const _round of [1, 2]) {
      const answers = await Promise.all(paths(64).map((path) => get(path)));
      expect(answers.map(({ body }) => body)).toEqual(paths(64));
    }
    expect(most).toBe(64);
    expect(sessions).toHaveLength(1);
  });

  it('keeps to the number of streams that the server allows, and completes every call', async () => {
    const { origin } = await http2Upstream((stream) => void setTimeout(() => ok(stream), 20), {
      settings: { maxConcurrentStreams: 5 },
    });
    const { get } = pool(origin, { connections: 20 });
    await get('/first');
    expect(new Set(await settle(paths(40).map((path) => get(path))))).toEqual(new Set([200]));
  });

  it('sends the body of a write, and reads Retry-After', async () => {
    const { origin } = await http2Upstream((stream, _path, body) => {
      stream.respond({ ':status': 429, 'retry-after': '7' });
      stream.end(body);
    });
    const answer = await pool(origin).get('/x', { method: 'POST', body: '{"é":1}' });
    expect(answer).toEqual({ status: 429, retryAfter: '7', body: '{"é":1}' });
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
    const { get } = pool(origin);
    await get('/first');
    const controller = new AbortController();
    const held = settle([get('/held', {}, controller.signal)]);
    setTimeout(() => controller.abort('the client has gone'), 30);
    expect(await held).toEqual(['the client has gone']);
    await closed.promise;
    expect(await settle([get('/after')])).toEqual([200]);
    expect(sessions).toHaveLength(1);
  });

  it('keeps callers whose key is not accepted off the connection of the others', async () => {
    const { origin, sessions } = await http2Upstream((stream, path) => {
      if (path === '/bad') stream.session?.destroy();
      else setTimeout(() => ok(stream), 100);
    });
    const { get } = pool(origin);
    await get('/first');
    const under = settle([get('/1'), get('/2')]);
    expect(await settle([get('/bad', { caller: { isAccepted: false, isEverybody: false } })])).toEqual(['reset']);
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
    expect(await settle(paths(8).map((path) => get(path)))).toEqual(new Array(8).fill(200));
    expect(new Set(versions)).toEqual(new Set(['1.1']));
  });
});
