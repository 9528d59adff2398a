import { createServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { afterEach, expect, it } from 'vitest';
import { codeOf } from '../../src/upstream/errors.ts';
import { listen } from '../helpers/closing.ts';
import { openPool } from '../helpers/pool.ts';
import { API_CERT, CERT, distrust, EXPIRED_CERT, KEY, trust } from '../helpers/tls.ts';

afterEach(distrust);

async function httpsServer(cert: string) {
  const reused: boolean[] = [];
  const paths: (string | undefined)[] = [];
  const server = createServer({ key: KEY, cert }, (req, res) => {
    paths.push(req.url);
    res.setHeader('connection', 'close');
    res.end('{}');
  });
  server.on('secureConnection', (socket: TLSSocket) => reused.push(socket.isSessionReused()));
  server.on('tlsClientError', () => undefined);
  return { port: await listen(server), reused, paths };
}

it('resumes its TLS session on a new connection', async () => {
  trust(CERT);
  const { port, reused } = await httpsServer(CERT);
  const { get } = openPool(`https://localhost:${port}`, { connections: 1 });
  for (let i = 0; i < 2; i++) expect(await get()).toMatchObject({ status: 200 });
  expect(reused).toEqual([false, true]);
});

it.each([
  ['signed by nobody that it trusts', CERT, [], 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ['of another name', API_CERT, [API_CERT], 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ['that has expired', EXPIRED_CERT, [EXPIRED_CERT], 'CERT_HAS_EXPIRED'],
])('sends nothing to a server with a certificate %s, and keeps the cause', async (_name, cert, trusted, cause) => {
  trust(...trusted);
  const { port, paths } = await httpsServer(cert);
  const error = await openPool(`https://localhost:${port}`)
    .get()
    .catch((reason) => reason);
  expect(error).toMatchObject({ failure: 'unreachable', sent: false });
  expect(codeOf(error)).toBe(cause);
  expect(paths).toEqual([]);
});
