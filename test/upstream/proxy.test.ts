import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTelemetry } from '../../packages/tracing/tracing.ts';
import { createJwtCheck } from '../../src/auth/jwt.ts';
import type { OperationLine } from '../../src/server/observer.ts';
import { codeOf } from '../../src/upstream/errors.ts';
import { listen } from '../helpers/closing.ts';
import { startUpstream } from '../helpers/gateway.ts';
import { captureLog } from '../helpers/log-lines.ts';
import { openPool } from '../helpers/pool.ts';
import { API_CERT, distrust, KEY, trust } from '../helpers/tls.ts';

const VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'NO_PROXY', 'no_proxy'];
const sockets: Duplex[] = [];
beforeEach(() => {
  for (const name of VARIABLES) vi.stubEnv(name, undefined);
  trust(API_CERT);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  vi.unstubAllEnvs();
  distrust();
});

/** An HTTPS server that is reached as `api.datatrics.test`, by a proxy only. */
async function api(answer: (path: string) => string = () => '{}'): Promise<number> {
  const server = createHttpsServer({ key: KEY, cert: API_CERT }, (req, res) => {
    res.setHeader('content-type', 'application/json');
    res.end(answer(req.url ?? ''));
  });
  return listen(server);
}

/** A CONNECT proxy that leads every name to one local port. */
async function proxy(to: number, status = 200) {
  const connects: { to: string | undefined; authorization: string | undefined }[] = [];
  const server = createHttpServer((_req, res) => res.writeHead(400).end());
  server.on('connect', (req, socket, head) => {
    connects.push({ to: req.url, authorization: req.headers['proxy-authorization'] });
    if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
    const upstream = connect(to, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
    sockets.push(socket);
  });
  return { host: `127.0.0.1:${await listen(server)}`, connects };
}

const get = (origin: string) => openPool(origin).get();

describe('a proxy', () => {
  it.each(['HTTPS_PROXY', 'https_proxy'])(
    'named by %s carries the calls in a tunnel, by the API’s name',
    async (name) => {
      const { host, connects } = await proxy(await api());
      vi.stubEnv(name, `http://${host}`);
      expect(await get('https://api.datatrics.test')).toEqual({ status: 200, body: '{}' });
      expect(connects).toEqual([{ to: 'api.datatrics.test:443', authorization: undefined }]);
    },
  );

  it.each([
    ['NO_PROXY', 'other.test, .datatrics.test'],
    ['no_proxy', '*'],
  ])('is not used for what %s names', async (name, value) => {
    const { host, connects } = await proxy(await api());
    vi.stubEnv('HTTPS_PROXY', `http://${host}`);
    vi.stubEnv(name, value);
    const error = await get('https://api.datatrics.test').catch((reason) => reason);
    expect(error).toMatchObject({ failure: 'unreachable', sent: false });
    expect(codeOf(error)).toMatch(/ENOTFOUND|EAI_AGAIN/);
    expect(connects).toEqual([]);
  });

  it('is never used for a loopback address', async () => {
    const upstream = await startUpstream(() => ({ direct: true }));
    const { host, connects } = await proxy(1);
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY']) vi.stubEnv(name, `http://${host}`);
    const { port } = new URL(upstream.origin);
    for (const name of ['127.0.0.1', 'localhost']) {
      expect(await get(`http://${name}:${port}`)).toEqual({ status: 200, body: '{"direct":true}' });
    }
    expect(connects).toEqual([]);
  });

  it('that refuses the tunnel makes the API unreachable, and nothing is sent', async () => {
    const { host, connects } = await proxy(1, 407);
    vi.stubEnv('HTTPS_PROXY', `http://${host}`);
    await expect(get('https://api.datatrics.test')).rejects.toMatchObject({ failure: 'unreachable', sent: false });
    expect(connects).toHaveLength(1);
  });

  it('that is down makes the API unreachable, with the reason', async () => {
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:1');
    const error = await get('https://api.datatrics.test').catch((reason) => reason);
    expect(error).toMatchObject({ failure: 'unreachable', sent: false });
    expect(codeOf(error)).toBe('ECONNREFUSED');
  });
});

describe('through a proxy', () => {
  it('the key set of tokens is fetched', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' };
    const { host, connects } = await proxy(await api(() => JSON.stringify({ keys: [jwk] })));
    vi.stubEnv('HTTPS_PROXY', `http://${host}`);
    const check = createJwtCheck({
      issuer: 'https://api.datatrics.test',
      audience: 'gateway',
      jwksUrl: new URL('https://api.datatrics.test/jwks'),
    });
    const now = Math.floor(Date.now() / 1000);
    const token = await new SignJWT({ iss: 'https://api.datatrics.test', aud: 'gateway', sub: 'ada', exp: now + 60 })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .sign(privateKey);
    expect(await check(token)).toMatchObject({ sub: 'ada' });
    expect(connects.map(({ to }) => to)).toEqual(['api.datatrics.test:443']);
  });

  it('spans are exported', async () => {
    const paths: string[] = [];
    const upstream = await api((path) => {
      paths.push(path);
      return '{}';
    });
    const { host, connects } = await proxy(upstream);
    vi.stubEnv('HTTPS_PROXY', `http://${host}`);
    const telemetry = startTelemetry(
      {
        env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://api.datatrics.test' },
        traces: true,
        metrics: true,
        spansPerSecond: 100,
      },
      { upstream: { origin: 'https://api.example', basePath: '' }, version: '0', log: captureLog().log },
    );
    const rest = { calls: 0, deduped: 0, cached: 0, stale: 0, retries: 0 };
    const line = { requestId: 'r', route: '/graphql', status: 200, ms: 1, outcome: 'executed', rest } as OperationLine;
    telemetry.begin(undefined, { method: 'POST', route: '/graphql' })?.end(line);
    telemetry.histogram({ name: 'a_seconds', help: '', buckets: [1] })(1, {});
    await telemetry.close();
    expect(paths.sort()).toEqual(['/v1/metrics', '/v1/traces']);
    expect(new Set(connects.map(({ to }) => to))).toEqual(new Set(['api.datatrics.test:443']));
  });
});
