import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CERT, KEY } from '../test/helpers/tls.ts';
import { conversionsOf, type Fixtures } from './fixtures.ts';

export type Protocol = 'HTTP/2' | 'HTTP/1.1';

/** An API over HTTPS with the fixtures. `served` counts its connections and calls. */
export async function startTlsApi(protocol: Protocol, fixtures: Fixtures) {
  const served = { connections: 0, calls: 0 };
  const profiles = new Map(fixtures.profiles.map((it) => [it.profileid, JSON.stringify(it)]));
  const bodyOf = ({ pathname, searchParams }: URL): string | undefined => {
    const profile = searchParams.get('q[profileid]');
    if (pathname.endsWith('/sale')) {
      const all = profile === null ? fixtures.conversions : conversionsOf(fixtures, { profileid: profile });
      const limit = Number(searchParams.get('limit'));
      const start = (Number(searchParams.get('page')) - 1) * limit;
      const items = all.slice(start, start + limit);
      return JSON.stringify({ total_items: all.length, total_pages: Math.ceil(all.length / limit), items });
    }
    if (pathname.endsWith('/profile'))
      return JSON.stringify({ total_elements: fixtures.linked.length, total_pages: 1, items: fixtures.linked });
    return profiles.get(pathname.slice(pathname.lastIndexOf('/') + 1));
  };
  const answer = (req: IncomingMessage | Http2ServerRequest, res: ServerResponse | Http2ServerResponse): void => {
    served.calls += 1;
    const body = bodyOf(new URL(req.url ?? '', 'https://localhost'));
    res.statusCode = body === undefined ? 404 : 200;
    res.setHeader('content-type', 'application/json');
    res.end(body ?? '');
  };
  const certificate = { key: KEY, cert: CERT };
  // Each server supports only its protocol.
  const server = protocol === 'HTTP/2' ? createSecureServer(certificate, answer) : createServer(certificate, answer);
  const sockets = new Set<Socket>();
  server.on('secureConnection', (socket: Socket) => {
    served.connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    served,
    /** Closes all connections, and waits until the clients must have noticed. @param noticeMs more than one round trip */
    async disconnect(noticeMs: number): Promise<void> {
      for (const socket of sockets) socket.destroy();
      await sleep(noticeMs);
    },
    stop: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
