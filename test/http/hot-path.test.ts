import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { startWithSandbox, startWithUpstream } from '../helpers/gateway.ts';
import { anyHead } from '../helpers/heads.ts';
import { exchange, type Transcript } from '../helpers/raw.ts';

const gateway = await startWithSandbox({ CORS_ORIGINS: 'https://app.example', MAX_BODY_BYTES: '2000' });
afterAll(() => gateway.close());

const host = new URL(gateway.url).host;
/** Ends the connection, so that a transcript has an end; what was understood otherwise before it shows in its answer. */
const LAST = Buffer.from(`GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);

function post(body: string, lines: readonly string[] = [], url = gateway.url): Buffer {
  const head = [
    'POST /graphql HTTP/1.1',
    `Host: ${new URL(url).host}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...lines,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}
const ask = (query: string, lines?: readonly string[], url?: string): Buffer =>
  post(JSON.stringify({ query }), lines, url);

/** In one piece it may be read on the hot path; what comes without the rest of its head goes to node:http. */
async function bothWays(bytes: Buffer): Promise<{ whole: Transcript; parted: Transcript }> {
  const [whole, parted] = await Promise.all([
    exchange(gateway.url, [bytes], LAST),
    exchange(gateway.url, [bytes.subarray(0, 1), bytes.subarray(1)], LAST),
  ]);
  return { whole, parted };
}

/** The answers of the gateway, without the one that node:http gives to what is no request. */
const answered = ({ answers }: Transcript) => answers.filter(({ body }) => body !== '');
const isRefused = ({ answers }: Transcript): boolean => answers.some(({ body }) => body === '');

describe('a connection on the hot path', () => {
  test('answers as one of node:http, byte for byte, whatever it is sent', { timeout: 120_000 }, async () => {
    const requests = fc.sample(anyHead(host), { numRuns: 800, seed: Number(process.env.SEED ?? 11) });
    const statuses = new Map<string, number>();
    for (let at = 0; at < requests.length; at += 50) {
      await Promise.all(
        requests.slice(at, at + 50).map(async (request) => {
          const { whole, parted } = await bothWays(request);
          const what = JSON.stringify(request.toString('latin1'));
          expect(whole.ended, what).toBe(parted.ended);
          // What is no request, in one piece behind one that is whole, may keep node:http from answering that.
          const [one, other] = [answered(whole), answered(parted)];
          if (isRefused(whole) && isRefused(parted) && Math.min(one.length, other.length) === 0) {
            expect(one.length + other.length, what).toBeLessThan(2);
          } else expect(one, what).toEqual(other);
          const status = whole.answers[0]?.statusLine ?? 'none';
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }),
      );
    }
    expect(statuses.get('HTTP/1.1 200 OK')).toBeGreaterThan(200);
    expect(statuses.get('HTTP/1.1 400 Bad Request')).toBeGreaterThan(100);
    expect(statuses.size).toBeGreaterThan(3);
  });

  test.each([
    ['a profile', ask('{ profile(profileId: "1001", source: "Webshop") { name } }')],
    ['letters beyond ASCII', ask('{ profile(profileId: "é€😀", source: "Webshop") { name } }')],
    ['an error', ask('{ nothing }')],
    ['an error by its own media type', ask('{ nothing }', ['Accept: application/graphql-response+json'])],
    ['no JSON', post('{')],
    ['an empty body', post('')],
    ['bytes that are no UTF-8', Buffer.concat([post('xx').subarray(0, -2), Buffer.from([0xc3, 0x28])])],
    ['an id of its own', ask('{ __typename }', ['X-Request-Id: mine-1'])],
    ['a plan', ask('{ profiles { totalCount } }', ['X-Upstream-Plan: 1'])],
    ['an origin that is let in', ask('{ __typename }', ['Origin: https://app.example'])],
    ['an origin that is not', ask('{ __typename }', ['Origin: https://evil.example'])],
    ['a host that is not ours', Buffer.from(ask('{ __typename }').toString().replace(`Host: ${host}`, 'Host: evil'))],
    ['more than is allowed', post(`"${'x'.repeat(2_000)}"`)],
    ['another type', Buffer.from(ask('{ __typename }').toString().replace('application/json', 'text/plain'))],
    ['a body that is packed', ask('{ __typename }', ['Content-Encoding: gzip'])],
    ['several in one piece', Buffer.concat(['a', 'b', 'c'].map((name) => ask(`{ ${name}: __typename }`)))],
    ['the subgraph', Buffer.from(ask('{ _service { sdl } }').toString().replace('/graphql', '/subgraph'))],
  ])('answers the same: %s', async (_what, request) => {
    const { whole, parted } = await bothWays(request);
    expect(whole).toEqual(parted);
    expect(whole.answers.length).toBeGreaterThan(0);
  });

  test('takes a body in as many pieces as it comes', async () => {
    const bytes = Buffer.concat([ask('{ a: __typename }'), ask('{ b: __typename }'), LAST]);
    const first = bytes.indexOf('\r\n\r\n') + 4;
    const pieces = [bytes.subarray(0, first), bytes.subarray(first, first + 3), bytes.subarray(first + 3)];
    const { answers, ended } = await exchange(gateway.url, pieces);
    expect(answers.map(({ body }) => body)).toEqual(['{"data":{"a":"Query"}}', '{"data":{"b":"Query"}}', 'ok\n']);
    expect(ended).toBe(true);
  });

  test('that ends within a body is told that this was no request', async () => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    const text = socket.setEncoding('latin1').toArray();
    socket.end(ask('{ __typename }').subarray(0, -3));
    expect((await text).join('')).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  test('goes on by node:http from its first request that is not plain, and back to the same answers', async () => {
    const chunked = Buffer.from(
      `POST /graphql HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n` +
        `18\r\n{"query":"{ __typename }\r\n2\r\n"}\r\n0\r\n\r\n`,
    );
    const page = Buffer.from(`GET /graphql?query={a:__typename} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const plain = ask('{ b: __typename }');
    const { answers } = await exchange(gateway.url, [plain, chunked, plain, page, plain, LAST]);
    expect(answers.map(({ body }) => body)).toEqual([
      '{"data":{"b":"Query"}}',
      '{"data":{"__typename":"Query"}}',
      '{"data":{"b":"Query"}}',
      '{"data":{"a":"Query"}}',
      '{"data":{"b":"Query"}}',
      'ok\n',
    ]);
  });
});

test('a client that asks for more than it takes is asked no more of', { timeout: 30_000 }, async () => {
  const large = 'x'.repeat(200_000);
  const upstream = await startWithUpstream(() => ({ profileid: '1', source: 'S', name: large }), {
    SHARE_IN_FLIGHT: 'off',
    DATATRICS_PROFILE_SOURCES: 'S',
  });
  const query = '{ profile(profileId: "1", source: "S") { name } }';
  // In one piece, so that none is parted and goes to node:http.
  const requests = 200;
  const socket = connect(Number(new URL(upstream.url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  socket.write(Buffer.concat(Array.from({ length: requests }, () => ask(query, [], upstream.url))));
  // As many are answered as the system's buffers take, and then none.
  let before = -1;
  while (upstream.upstream.calls.length !== before) {
    before = upstream.upstream.calls.length;
    await sleep(500);
  }
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(requests / 2);
  // Once it takes them, it gets all.
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
  });
  socket.resume();
  await expect.poll(() => upstream.upstream.calls.length, { timeout: 15_000 }).toBe(requests);
  await expect.poll(() => bytes, { timeout: 15_000 }).toBeGreaterThan(requests * large.length);
  socket.destroy();
  await upstream.close();
});

test('a client that sends without a pause is taken in no faster than it is answered', async () => {
  const upstream = await startWithUpstream(
    async () => {
      await sleep(1);
      return { profileid: '1', source: 'S', name: 'N' };
    },
    { SHARE_IN_FLIGHT: 'off', DATATRICS_PROFILE_SOURCES: 'S' },
  );
  const query = `{ profile(profileId: "1", source: "S") { name } } #${' '.repeat(3_000)}`;
  const block = Buffer.concat(Array.from({ length: 20 }, () => ask(query, [], upstream.url)));
  const socket = connect(Number(new URL(upstream.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  let taken = 0;
  const write = (): void => {
    socket.write(block, (error) => {
      if (error) return;
      taken += block.length;
      write();
    });
  };
  write();
  await expect.poll(() => upstream.upstream.calls.length, { timeout: 15_000 }).toBeGreaterThan(400);
  // What the system itself holds of it included.
  expect(taken).toBeLessThan(14_000_000);
  socket.destroy();
  await upstream.close();
});

test('a gateway that closes answers what still comes, and then ends the connection by itself', async () => {
  const closing = await startWithSandbox();
  const socket = connect({ port: Number(new URL(closing.url).port), host: '127.0.0.1', allowHalfOpen: true });
  const chunks: string[] = [];
  const ended = once(socket, 'end');
  socket.setEncoding('latin1').on('data', (chunk: string) => chunks.push(chunk));
  const request = ask('{ __typename }', [], closing.url);
  socket.write(request);
  await expect.poll(() => chunks.join('')).toContain('Connection: keep-alive\r\n');

  const start = performance.now();
  const closed = closing.close(10_000);
  socket.write(request);
  await ended;
  expect(chunks.join('')).toMatch(/Connection: close\r\n\r\n\{"data":\{"__typename":"Query"\}\}$/);
  // The client has not closed its side.
  await closed;
  expect(performance.now() - start).toBeLessThan(5_000);
  socket.destroy();
});
