import { readdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { getIntrospectionQuery } from 'graphql';
import { describe, expect, test } from 'vitest';
import { settingsOf } from '../helpers/config.ts';
import { startUpstream, startWithSandbox, startWithUpstream } from '../helpers/gateway.ts';
import { startInstance } from '../helpers/instance.ts';
import { captureLog } from '../helpers/log-lines.ts';
import { getOf, openClient, postOf, type RawClient } from '../helpers/sockets.ts';

const { log, lines } = captureLog();
const gateway = await startWithSandbox({}, {}, { log });

const MEBIBYTE = 1_048_576;
/** More than the system's buffers hold for a client that does not read. */
const LARGE = 6 * MEBIBYTE;
const PROFILE = '{ profile(profileId: "1", source: "S") { name } }';
const BY_GET = `/graphql?query=${encodeURIComponent(PROFILE)}`;
const TYPENAME = '{"data":{"__typename":"Query"}}';
const BODY = JSON.stringify({ query: '{ __typename }' });
const START = 'POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n';
const HEAD = `${START}Content-Length: ${BODY.length}\r\n`;
/** The largest file of GraphiQL. */
const EDITOR = readdirSync('assets/graphiql')
  .find((name) => /^monaco-editor-.*\.js\.gz$/.test(name))
  ?.slice(0, -'.gz'.length);

const open = (bytes = ''): RawClient => openClient(gateway.url, Buffer.from(bytes));
const silent = (url: string, bytes: Buffer): RawClient => openClient(url, bytes, { reads: false });
const closed = (clients: readonly RawClient[]): number => clients.filter((client) => client.isClosed()).length;
function close(clients: readonly RawClient[]): void {
  for (const { socket } of clients) socket.destroy();
}

/** A figure of a gateway's metrics. */
async function figure({ url }: { url: string }, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  if (line === undefined) throw new Error(`no metric ${name}`);
  return Number(line.slice(name.length));
}
const disconnected = (of: { url: string }, reason = 'unread'): Promise<number> =>
  figure(of, `gateway_slow_clients_disconnected_total{reason="${reason}"}`);

// What waits for half a minute waits side by side.
describe.concurrent('time-outs', () => {
  test('cut off a client whose headers take too long, or that says nothing at all; others are kept', {
    timeout: 60_000,
  }, async ({ expect }) => {
    // Some end their bodies with an empty line.
    const other = open(`${HEAD}\r\n${BODY}\r\n`);
    await expect.poll(other.text).toContain(TYPENAME);
    const start = performance.now();
    const clients = [open(HEAD), open()];
    await Promise.all(clients.map((client) => client.closed));
    expect(performance.now() - start).toBeLessThan(16_000);
    for (const { text } of clients) expect(text()).toMatch(/^HTTP\/1\.1 408 /);
    expect(lines('request refused').filter(({ status }) => status === 408).length).toBeGreaterThanOrEqual(2);
    other.socket.write(`${HEAD}\r\n${BODY}`);
    await expect.poll(() => other.text().split(TYPENAME).length).toBe(3);
    expect(other.text()).not.toContain(' 408 ');
    close([other]);
  });

  test('cut off a client whose body takes too long, however often it sends a byte', {
    timeout: 60_000,
  }, async ({ expect }) => {
    const { socket, text, closed } = open(`${HEAD}\r\n`);
    const drip = setInterval(() => socket.write(' '), 1_500);
    const start = performance.now();
    await closed;
    clearInterval(drip);
    expect(performance.now() - start).toBeLessThan(40_000);
    expect(text()).toMatch(/^HTTP\/1\.1 408 /);
    expect(lines('request refused')).toContainEqual(expect.objectContaining({ status: 408, path: '/graphql' }));
  });

  /** A gateway as a process of its own, in front of an API with a large record. */
  async function startInFront() {
    const upstream = await startUpstream(() => ({ profileid: '1', source: 'S', name: 'x'.repeat(6_000_000) }));
    const instance = await startInstance({
      ...settingsOf(upstream.url),
      // A busy machine changes nothing in what is sent.
      MAX_EVENT_LOOP_DELAY_MS: '0',
      UPSTREAM_TIMEOUT_MS: '60000',
      OPERATION_TIMEOUT_MS: '60000',
    });
    return {
      instance,
      async stop(clients: readonly RawClient[]) {
        close(clients);
        await instance.kill();
        await upstream.close();
      },
    };
  }

  test('cut off a client that does not read its answer for 20 s, or reads a byte a second', {
    timeout: 120_000,
  }, async ({ expect }) => {
    const { instance, stop } = await startInFront();
    const { url } = instance;
    const small = postOf(url, getIntrospectionQuery({ descriptions: true }));
    const clients = [
      postOf(url, PROFILE),
      postOf(url, PROFILE),
      getOf(url, BY_GET),
      // Answers small enough to be sent whole, and files that are sent as streams.
      Buffer.concat(Array(90).fill(small)),
      Buffer.concat(Array(20).fill(getOf(url, `/graphiql/${EDITOR}`))),
    ].map((bytes) => silent(url, bytes));
    const drip = setInterval(() => clients[0]?.socket.read(1), 1_000);
    const start = performance.now();
    await expect.poll(() => disconnected(instance), { timeout: 60_000, interval: 500 }).toBe(clients.length);
    expect(performance.now() - start).toBeGreaterThan(15_000);
    expect(performance.now() - start).toBeLessThan(40_000);
    clearInterval(drip);
    await stop(clients);
  });

  test('leave little in memory of 150 clients that do not read 6 MB each', { timeout: 180_000 }, async ({ expect }) => {
    const { instance, stop } = await startInFront();
    const memory = () => figure(instance, 'process_resident_memory_bytes');
    await (await fetch(instance.url + BY_GET)).text();
    const before = await memory();
    const clients = Array.from({ length: 150 }, () => silent(instance.url, postOf(instance.url, PROFILE)));
    let most = 0;
    const watched = async (): Promise<number> => {
      most = Math.max(most, await memory());
      return disconnected(instance);
    };
    await expect.poll(watched, { timeout: 60_000, interval: 250 }).toBe(150);
    expect((most - before) / 1e6).toBeLessThan(400);
    await stop(clients);
  });
});

describe('a client', () => {
  test('gets its answer when it sends byte by byte', async () => {
    const { socket, text } = open();
    for (const byte of `${HEAD}\r\n${BODY}`) await new Promise((sent) => socket.write(byte, sent));
    await expect.poll(text).toContain(TYPENAME);
    socket.destroy();
  });

  test('does no harm by disconnecting in the middle of its request, nor keeps others waiting, however many there are', async () => {
    const half = Array.from({ length: 50 }, () => open(`${HEAD}\r\n${BODY.slice(0, 5)}`));
    const idle = Array.from({ length: 300 }, () => open('POST /graphql HTTP/1.1\r\n'));
    const start = performance.now();
    expect((await gateway.query('{ __typename }')).status).toBe(200);
    for (const { socket } of half) socket.resetAndDestroy();
    expect((await gateway.query('{ __typename }')).status).toBe(200);
    expect(performance.now() - start).toBeLessThan(3_000);
    close(idle);
  });
});

const startLarge = (maxWaitingBytes?: number, shortcut = true) =>
  startWithUpstream(
    () => ({ profileid: '1', source: 'S', name: 'x'.repeat(LARGE) }),
    { DATATRICS_PROFILE_SOURCES: 'S', SHARE_IN_FLIGHT: 'off' },
    { shortcut, constants: maxWaitingBytes === undefined ? {} : { maxWaitingBytes } },
  );

describe('clients that do not read their answers', () => {
  test.each([
    ['past Yoga', true],
    ['through Yoga', false],
  ])('are disconnected when all of them keep more than the limit, %s', async (_way, shortcut) => {
    const large = await startLarge(MEBIBYTE, shortcut);
    const clients = Array.from({ length: 6 }, () => silent(large.url, postOf(large.url, PROFILE)));
    // A single client may have more.
    await expect.poll(() => disconnected(large), { timeout: 30_000 }).toBe(5);
    // Others are served meanwhile.
    expect((await large.query('{ __typename }')).status).toBe(200);
    for (const { socket } of clients) socket.resume();
    const isWhole = ({ text }: RawClient): boolean => text().length > LARGE && text().endsWith('x"}}}');
    const seen = () => [clients.filter(isWhole).length, closed(clients)];
    await expect.poll(seen, { timeout: 30_000 }).toEqual([1, 5]);
    close(clients);
  });

  test.each([
    ['files of GraphiQL', `/graphiql/${EDITOR}`, 30],
    ['queries by GET', BY_GET, 4],
  ])('are disconnected whatever they asked for: %s', { timeout: 60_000 }, async (_what, target, count) => {
    const large = await startLarge(MEBIBYTE);
    // Several, so that the system's buffers do not take all of it.
    const bytes = Buffer.concat(Array(20).fill(getOf(large.url, target)));
    const clients = Array.from({ length: count }, () => silent(large.url, bytes));
    await expect.poll(() => disconnected(large), { timeout: 40_000 }).toBeGreaterThan(0);
    for (const { socket } of clients) socket.resume();
    await Promise.race(clients.map((client) => client.closed));
    close(clients);
  });
});

describe('large answers', () => {
  const SLICE = 131_072;
  const SIZES = [SLICE - 33, SLICE - 30, SLICE, SLICE + 1, 2 * SLICE - 30, 3 * SLICE, 1];

  test.each(['x', 'é', '😀', 'x😀'])('come whole, one after the other on a connection: %s', async (letters) => {
    const nameOf = (id: unknown): string => letters.repeat(Number(id));
    const { url } = await startWithUpstream(
      ({ path }) => {
        const id = /profile\/(\d+)/.exec(path)?.[1];
        return { profileid: id, source: 'S', name: nameOf(id) };
      },
      { DATATRICS_PROFILE_SOURCES: 'S' },
    );
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (query: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const headers = { 'content-type': 'application/json' };
        request(`${url}/graphql`, { method: 'POST', agent, headers }, async (res) => {
          resolve(Buffer.concat(await res.toArray()).toString());
        })
          .on('error', reject)
          .end(JSON.stringify({ query }));
      });
    for (const size of SIZES) {
      const { data } = JSON.parse(await ask(`{ profile(profileId: "${size}", source: "S") { name } }`));
      expect(data.profile.name === nameOf(size), `${size}`).toBe(true);
    }
    agent.destroy();
  });
});

describe('clients that do not finish their bodies', () => {
  test('are disconnected when all of them keep more than the limit, those that began first', async () => {
    const large = await startLarge(2 * MEBIBYTE);
    const half = Buffer.from(`${START}Content-Length: 1000000\r\n\r\n${' '.repeat(600_000)}`);
    const clients: RawClient[] = [];
    for (let i = 0; i < 8; i++) {
      clients.push(openClient(large.url, half));
      // In order, though nothing tells when a body was read.
      await sleep(50);
    }
    await expect.poll(() => closed(clients)).toBeGreaterThanOrEqual(5);
    expect([closed(clients.slice(0, 5)), clients.at(-1)?.isClosed()]).toEqual([5, false]);
    expect(await disconnected(large, 'unfinished')).toBeGreaterThanOrEqual(5);
    expect((await large.query('{ __typename }')).status).toBe(200);
    close(clients);
  });

  test('are answered when they finish, however small the pieces, up to 50,000 of them', async () => {
    const body = JSON.stringify({ query: `{ __typename } #${'x'.repeat(20_000)}` });
    const inPieces = (text: string): RawClient => {
      const pieces = [...text].map((byte) => `1\r\n${byte}\r\n`).join('');
      return open(`${START}Transfer-Encoding: chunked\r\n\r\n${pieces}0\r\n\r\n`);
    };
    const within = inPieces(body);
    await expect.poll(within.text).toContain(TYPENAME);
    const beyond = inPieces(`${body}${' '.repeat(40_000)}`);
    await expect.poll(beyond.text, { timeout: 5_000 }).toMatch(/^HTTP\/1\.1 413 /);
    close([within, beyond]);
  });
});
