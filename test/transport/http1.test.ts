import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as tls from 'node:tls';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Connection,
  type ConnectionOptions,
  RequestHeaders,
  type UpstreamRequest,
  type UpstreamResponse,
} from '../../src/transport/connection.ts';
import { createHttp1 } from '../../src/transport/http1.ts';
import { createPool } from '../../src/transport/pool.ts';
import { createUndici } from '../../src/transport/undici.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const GET: UpstreamRequest = { method: 'GET', path: '/x', headers: new RequestHeaders(['x-apikey', 'k']) };
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';

interface RawServer {
  readonly origin: string;
  /** What each connection sent, by connection. */
  readonly heard: string[];
}

/** A server of bytes: `talk` is called for each part that comes in. */
async function rawServer(talk: (socket: Socket, text: string) => void): Promise<RawServer> {
  const heard: string[] = [];
  const server = createServer((socket) => {
    const at = heard.push('') - 1;
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      heard[at] += data.toString('latin1');
      talk(socket, data.toString('latin1'));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard };
}

function connector(create: typeof createHttp1, origin: string, options: Partial<ConnectionOptions> = {}) {
  return create({ origin, maxBodyBytes: 1_000_000, keepAliveMs: 1_000, ...options });
}

type Outcome = (UpstreamResponse & { reusable: boolean }) | { failure: string };

/** Sends over a connection, and cuts it off when no end comes. */
async function send(connection: Connection, request = GET): Promise<Outcome> {
  let sent = false;
  const outcome = await new Promise<Outcome>((resolve) => {
    connection.send(request, {
      onSent: () => {
        sent = true;
      },
      onAnswer: (answer, reusable) => resolve({ ...answer, reusable }),
      onFailure: (failure) => resolve({ failure }),
    });
  });
  expect(sent).toBe(true);
  return outcome;
}

describe('an answer', () => {
  const bodies: [name: string, text: string, expected: Outcome][] = [
    ['of a known length', OK, { status: 200, body: '{}', reusable: true }],
    ['without a body', 'HTTP/1.1 204 No Content\r\n\r\n', { status: 204, body: '', reusable: true }],
    [
      'in chunks',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;a="b"\r\n{"a\r\n00A\r\n":"12345"}\r\n0\r\nx-trailer: 1\r\n\r\n',
      { status: 200, body: '{"a":"12345"}', reusable: true },
    ],
    [
      'after interim ones',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${OK}`,
      { status: 200, body: '{}', reusable: true },
    ],
    ['that says close', OK.replace('\r\n', '\r\nConnection: close\r\n'), { status: 200, body: '{}', reusable: false }],
    ['with more behind it', `${OK}HTTP/1.1 200 OK`, { status: 200, body: '{}', reusable: false }],
    [
      'with a connection that is given up in a second',
      OK.replace('\r\n', '\r\nkeep-alive: timeout=1\r\n'),
      { status: 200, body: '{}', reusable: false },
    ],
  ];

  it.each(bodies)('%s is read, in whatever parts it comes', async (_name, text, expected) => {
    const { origin } = await rawServer(async (socket) => {
      socket.setNoDelay(true);
      const step = steps.shift() ?? text.length;
      for (let at = 0; at < text.length; at += step) {
        socket.write(text.slice(at, at + step), 'latin1');
        if (step < text.length) await sleep(1);
      }
    });
    const steps = [text.length, 1, 7];
    for (let i = 0; i < 3; i++) {
      const connection = connector(createHttp1, origin)();
      closing.push(() => connection.destroy());
      const outcome = await send(connection);
      // What comes behind an answer may come after it was taken.
      if (!text.startsWith(OK) || i === 0) expect(outcome).toEqual(expected);
      else expect(outcome).toMatchObject({ status: 200, body: '{}' });
    }
  });

  it('without a length ends with its connection', async () => {
    const { origin } = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n{"a":');
      setTimeout(() => socket.end('1}'), 10);
    });
    expect(await send(connector(createHttp1, origin)())).toEqual({ status: 200, body: '{"a":1}', reusable: false });
  });

  it('larger than one read is put together, whatever its framing', async () => {
    const body = JSON.stringify({ text: 'é😀x'.repeat(30_000) });
    const bytes = Buffer.from(body);
    const chunk = (part: Buffer) =>
      Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]);
    const answers = [
      Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes.length}\r\n\r\n`), bytes]),
      Buffer.concat([
        Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'),
        ...Array.from({ length: Math.ceil(bytes.length / 999) }, (_, i) =>
          chunk(bytes.subarray(i * 999, (i + 1) * 999)),
        ),
        Buffer.from('0\r\n\r\n'),
      ]),
    ];
    const { origin } = await rawServer((socket) => socket.write(answers.shift() as Buffer));
    const connection = connector(createHttp1, origin)();
    closing.push(() => connection.destroy());
    for (let i = 0; i < 2; i++) expect(await send(connection)).toEqual({ status: 200, body, reusable: true });
  });

  it.each([
    ['content-length: 9', ''],
    ['transfer-encoding: chunked', '9\r\n123456789\r\n0\r\n\r\n'],
    ['x: y', '123456789'],
  ])('over the limit is refused, with %s', async (header, body) => {
    const { origin } = await rawServer((socket) => socket.write(`HTTP/1.1 200 OK\r\n${header}\r\n\r\n${body}`));
    const connection = connector(createHttp1, origin, { maxBodyBytes: 8 })();
    expect(await send(connection)).toEqual({ failure: 'too-large' });
    expect(connection.usable).toBe(false);
  });

  it.each([
    ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n'],
    ['a chunk without its end', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n'],
    ['a bare line feed', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n'],
    ['a size of nine digits', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n000000002\r\n{}\r\n0\r\n\r\n'],
    ['an endless line of a chunk', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;${'x'.repeat(2_000)}`],
    ['endless trailers', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(5_000)}`],
    ['an endless head', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(5_000)}`],
  ])('with %s is malformed', async (_name, text) => {
    const { origin } = await rawServer((socket) => socket.write(text));
    expect(await send(connector(createHttp1, origin)())).toEqual({ failure: 'malformed' });
  });
});

describe('a connection', () => {
  it('is not used again for what came before anybody asked', async () => {
    const { origin, heard } = await rawServer((socket) => {
      socket.write(OK);
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n"stolen"'), 5);
    });
    const pool = createPool({ origin, connections: 1, timeoutMs: 1_000 });
    closing.push(() => pool.close());
    const ask = () => pool.send(GET, new AbortController().signal);
    expect(await ask()).toEqual({ status: 200, body: '{}' });
    await sleep(50);
    expect(await ask()).toEqual({ status: 200, body: '{}' });
    expect(heard).toHaveLength(2);
  });

  it('that nobody uses is closed after a while, and another made', async () => {
    const closed: Promise<unknown>[] = [];
    const { origin, heard } = await rawServer((socket) => {
      closed.push(once(socket, 'close'));
      socket.write(OK);
    });
    const create = connector(createHttp1, origin, { keepAliveMs: 30 });
    const connection = create();
    expect(await send(connection)).toMatchObject({ reusable: true });
    expect(connection.usable).toBe(true);
    await sleep(60);
    expect(connection.usable).toBe(false);
    connection.destroy();
    await closed[0];
    expect(heard).toHaveLength(1);
  });

  it('that the upstream has closed is known to be gone', async () => {
    const { origin } = await rawServer((socket) => socket.end(OK));
    const connection = connector(createHttp1, origin)();
    await send(connection);
    await expect.poll(() => connection.usable).toBe(false);
  });

  it('is not used again when the answer came before all of the request was sent', async () => {
    const { origin } = await rawServer((socket) => {
      if (socket.bytesRead < 100_000) socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n');
      socket.pause();
    });
    const connection = connector(createHttp1, origin)();
    closing.push(() => connection.destroy());
    const body = 'x'.repeat(30_000_000);
    expect(await send(connection, { ...GET, method: 'POST', body })).toEqual({
      status: 413,
      body: '',
      reusable: false,
    });
  });

  it('sends what it is given, and nothing that could be taken for another request', async () => {
    const { origin, heard } = await rawServer((socket) => socket.write(OK));
    const create = connector(createHttp1, origin);
    const host = new URL(origin).host;
    for (const request of [
      GET,
      { ...GET, method: 'POST' as const, body: '{"é":1}' },
      { ...GET, method: 'PUT' as const },
      { ...GET, method: 'DELETE' as const, body: '' },
      { ...GET, method: 'DELETE' as const },
    ]) {
      const connection = create();
      await send(connection, request);
      connection.destroy();
    }
    const head = (method: string) =>
      `${method} /x HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\nx-apikey: k\r\n`;
    expect(heard).toEqual([
      `${head('GET')}\r\n`,
      `${head('POST')}content-length: 8\r\n\r\n${Buffer.from('{"é":1}').toString('latin1')}`,
      `${head('PUT')}content-length: 0\r\n\r\n`,
      `${head('DELETE')}content-length: 0\r\n\r\n`,
      `${head('DELETE')}\r\n`,
    ]);
    for (const value of ['a\r\nx: y', 'a\nb', 'a\0', '€']) {
      expect(() => new RequestHeaders(['x-request-id', value])).toThrow(TypeError);
    }
    expect(() => new RequestHeaders(['x y', '1'])).toThrow(TypeError);
    expect(() => new RequestHeaders(['x', '1']).with(['y\r\nz', '1'])).toThrow(TypeError);
    const pool = createPool({ origin, connections: 1, timeoutMs: 1_000 });
    closing.push(() => pool.close());
    for (const path of ['/a b', '/a\r\n', '/é', 'a', '']) {
      await expect(pool.send({ ...GET, path }, new AbortController().signal)).rejects.toThrow(TypeError);
    }
    expect(heard).toHaveLength(5);
  });
});

describe('over TLS', () => {
  const key = readFileSync(new URL('../fixtures/tls/key.pem', import.meta.url));
  const cert = readFileSync(new URL('../fixtures/tls/cert.pem', import.meta.url), 'utf8');
  const trusted = tls.getCACertificates('default');
  afterEach(() => tls.setDefaultCACertificates(trusted));

  async function tlsServer(): Promise<{ port: number; protocols: unknown[]; reused: boolean[] }> {
    const protocols: unknown[] = [];
    const reused: boolean[] = [];
    const server = tls.createServer({ key, cert, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
      protocols.push(socket.alpnProtocol);
      reused.push(socket.isSessionReused());
      socket.on('error', () => undefined);
      const body = JSON.stringify('x'.repeat(200_000));
      socket.on('data', () => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`));
    });
    server.on('tlsClientError', () => undefined);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => server.close());
    return { port: (server.address() as AddressInfo).port, protocols, reused };
  }

  it('speaks HTTP/1.1 with whom it trusts, and takes up a session again', async () => {
    tls.setDefaultCACertificates([cert]);
    const { port, protocols, reused } = await tlsServer();
    const create = connector(createHttp1, `https://localhost:${port}`);
    for (let i = 0; i < 2; i++) {
      const connection = create();
      for (let j = 0; j < 2; j++) expect(await send(connection)).toMatchObject({ status: 200, reusable: true });
      connection.destroy();
    }
    expect(protocols).toEqual(['http/1.1', 'http/1.1']);
    expect(reused).toEqual([false, true]);
  });

  it.each([
    ['a certificate that nobody vouches for', false, 'localhost'],
    ['a certificate of another name', true, '127.0.0.1'],
  ])('sends nothing to %s', async (_name, isTrusted, host) => {
    if (isTrusted) tls.setDefaultCACertificates([cert]);
    const { port } = await tlsServer();
    for (const create of [createHttp1, createUndici]) {
      const pool = createPool({
        origin: `https://${host}:${port}`,
        connections: 1,
        timeoutMs: 2_000,
        createConnector: create,
      });
      closing.push(() => pool.close());
      await expect(pool.send(GET, new AbortController().signal)).rejects.toMatchObject({
        failure: 'unreachable',
        sent: false,
      });
    }
  });
});

describe('beside undici', () => {
  const HEADS = [
    'content-length: 13',
    'transfer-encoding: chunked',
    'connection: close',
    'x-a: b',
    'Content-Length: 0',
  ];
  const BODIES = [
    '{"a":"12345"}',
    'd\r\n{"a":"12345"}\r\n0\r\n\r\n',
    '6\r\n{"a":"\r\n7;x\r\n12345"}\r\n0\r\na: b\r\n\r\n',
    '',
  ];
  /** Bytes that mean something, put in the place of others. */
  const NOISE = ['\r', '\n', '\0', ':', ' ', '\t', '0', '1', 'f', ';', '{', 'é', '\x7f'];

  it('refuses whatever undici refuses, and otherwise reads the same', { timeout: 60_000 }, async () => {
    let answer = '';
    const { origin } = await rawServer((socket) => socket.end(answer, 'latin1'));
    const text = fc
      .record({
        status: fc.constantFrom('200 OK', '204 No Content', '404 Not Found', '503', '200 '),
        heads: fc.subarray(HEADS, { maxLength: 3 }),
        body: fc.constantFrom(...BODIES),
        changes: fc.array(
          fc.record({
            at: fc.double({ min: 0, max: 0.999, noNaN: true }),
            length: fc.nat(2),
            put: fc.oneof(fc.constant(''), fc.constantFrom(...NOISE)),
          }),
          { maxLength: 2 },
        ),
      })
      .map(({ status, heads, body, changes }) => {
        let made = `HTTP/1.1 ${status}\r\n${heads.map((line) => `${line}\r\n`).join('')}\r\n${body}`;
        for (const { at, length, put } of changes) {
          const from = Math.floor(at * made.length);
          made = made.slice(0, from) + put + made.slice(from + length);
        }
        return made;
      });
    await fc.assert(
      fc.asyncProperty(text, async (made) => {
        answer = made;
        const [ours, theirs] = [connector(createHttp1, origin)(), connector(createUndici, origin)()];
        const [own, other] = [await send(ours), await send(theirs)];
        ours.destroy();
        theirs.destroy();
        if ('failure' in other) expect(own).toHaveProperty('failure');
        else if (!('failure' in own)) {
          expect({ ...own, reusable: true }).toEqual({ ...other, reusable: true });
        }
      }),
      { numRuns: Number(process.env.HTTP1_RUNS ?? 400) },
    );
  });
});
