import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { getIntrospectionQuery } from 'graphql';
import { describe, expect, test } from 'vitest';
import { startUpstream, startWithSandbox } from '../helpers/gateway.ts';
import { type Instance, startInstance } from '../helpers/instance.ts';
import { captureLog } from '../helpers/log-lines.ts';
import { getOf, openClient, postOf, type RawClient } from '../helpers/sockets.ts';

const { log, lines } = captureLog();
const gateway = await startWithSandbox({}, {}, { log });

const BODY = JSON.stringify({ query: '{ __typename }' });
const HEAD = `POST /graphql HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n`;

const open = (): RawClient => openClient(gateway.url);

// What waits for half a minute waits side by side.
describe('a client that is slow or rude', () => {
  test('gets its answer when it sends byte by byte', async () => {
    const { socket, text } = open();
    for (const byte of `${HEAD}\r\n${BODY}`) {
      socket.write(byte);
      if (Math.random() < 0.1) await sleep(1);
    }
    await expect.poll(text).toContain('"__typename":"Query"');
    socket.destroy();
  });

  test('does no harm by disconnecting in the middle of its request', async () => {
    const clients = Array.from({ length: 50 }, () => open());
    for (const { socket } of clients) socket.write(`${HEAD}\r\n${BODY.slice(0, 5)}`);
    await sleep(50);
    for (const { socket } of clients) socket.resetAndDestroy();
    expect((await gateway.query('{ __typename }')).body.data).toEqual({ __typename: 'Query' });
  });

  test.concurrent('is cut off when its headers take too long, or it says nothing at all', {
    timeout: 60_000,
  }, async ({ expect }) => {
    const [begun, silent] = [open(), open()];
    begun.socket.write(HEAD);
    const start = performance.now();
    await Promise.all([begun.closed, silent.closed]);
    expect(performance.now() - start).toBeLessThan(16_000);
    for (const { text } of [begun, silent]) expect(text()).toMatch(/^HTTP\/1\.1 408 /);
    expect(lines('request refused').filter(({ status }) => status === 408).length).toBeGreaterThanOrEqual(2);
  });

  test.concurrent('may end its bodies with an empty line, and is kept as long as any other', {
    timeout: 60_000,
  }, async ({ expect }) => {
    const { socket, text } = open();
    socket.write(`${HEAD}\r\n${BODY}\r\n`);
    await sleep(13_000);
    socket.write(`${HEAD}\r\n${BODY}`);
    await expect.poll(() => text().split('"__typename":"Query"').length - 1).toBe(2);
    expect(text()).not.toContain(' 408 ');
    socket.destroy();
  });

  test.concurrent('is cut off when its body takes too long, however often it sends a byte', {
    timeout: 60_000,
  }, async ({ expect }) => {
    const { socket, text, closed } = open();
    socket.write(`${HEAD}\r\n`);
    const drip = setInterval(() => socket.write(' '), 1_500);
    const start = performance.now();
    await closed;
    clearInterval(drip);
    expect(performance.now() - start).toBeLessThan(40_000);
    expect(text()).toMatch(/^HTTP\/1\.1 408 /);
    expect(lines('request refused')).toContainEqual(expect.objectContaining({ status: 408, path: '/graphql' }));
  });

  test('does not keep others waiting, however many of it there are', async () => {
    const idle = Array.from({ length: 300 }, () => open());
    for (const { socket } of idle) socket.write('POST /graphql HTTP/1.1\r\n');
    const start = performance.now();
    expect((await gateway.query('{ __typename }')).status).toBe(200);
    expect(performance.now() - start).toBeLessThan(3_000);
    for (const { socket } of idle) socket.destroy();
  });
});

/** A figure of a gateway's metrics. */
async function figure({ url }: Instance, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  if (line === undefined) throw new Error(`no metric ${name}`);
  return Number(line.slice(name.length));
}

const UNREAD = 'gateway_slow_clients_disconnected_total{reason="unread"}';
const MEMORY = 'process_resident_memory_bytes';

const SMALL = getIntrospectionQuery({ descriptions: true });
const EDITOR = readdirSync('assets/graphiql')
  .find((name) => /^monaco-editor-.*\.js\.gz$/.test(name))
  ?.slice(0, -'.gz'.length);

describe('a client that does not read', () => {
  const query = '{ profile(profileId: "1", source: "S") { name } }';

  /** In front of an API whose record is that large. */
  async function startInFrontOf(bytes: number) {
    const upstream = await startUpstream(() => ({ profileid: '1', source: 'S', name: 'x'.repeat(bytes) }));
    const instance = await startInstance({
      DATATRICS_URL: upstream.url,
      DATATRICS_PROJECT: '1',
      DATATRICS_API_KEY: 'k',
      AUTH_MODE: 'open',
      // A busy machine changes nothing in what is sent.
      MAX_EVENT_LOOP_DELAY_MS: '0',
      UPSTREAM_TIMEOUT_MS: '60000',
      OPERATION_TIMEOUT_MS: '60000',
    });
    return {
      instance,
      async stop() {
        await instance.kill();
        await upstream.close();
      },
    };
  }

  test.concurrent('is cut off when it does not read its answer for 20 s, or reads a byte a second', {
    timeout: 120_000,
  }, async ({ expect }) => {
    const { instance, stop } = await startInFrontOf(6_000_000);
    const { url } = instance;
    const clients = [
      openClient(url, postOf(url, query), { reads: false }),
      openClient(url, postOf(url, query), { reads: false }),
      openClient(url, getOf(url, `/graphql?query=${encodeURIComponent(query)}`), { reads: false }),
      // Answers small enough to be sent whole, and files that are sent as streams.
      openClient(url, Buffer.concat(Array(90).fill(postOf(url, SMALL))), { reads: false }),
      openClient(url, Buffer.concat(Array(20).fill(getOf(url, `/graphiql/${EDITOR}`))), { reads: false }),
    ];
    const [slow] = clients as [RawClient];
    const drip = setInterval(() => slow.socket.read(1), 1_000);
    const start = performance.now();
    await expect.poll(() => figure(instance, UNREAD), { timeout: 60_000, interval: 500 }).toBe(clients.length);
    expect(performance.now() - start).toBeGreaterThan(15_000);
    expect(performance.now() - start).toBeLessThan(40_000);
    clearInterval(drip);
    for (const { socket } of clients) socket.destroy();
    await stop();
  });

  test.concurrent('takes little memory, with 149 others and 6 MB for each of them', { timeout: 180_000 }, async ({
    expect,
  }) => {
    const { instance, stop } = await startInFrontOf(6_000_000);
    const { url } = instance;
    await (await fetch(`${url}/graphql?query=${encodeURIComponent(query)}`)).text();
    const before = await figure(instance, MEMORY);
    const clients = Array.from({ length: 150 }, () => openClient(url, postOf(url, query), { reads: false }));
    const start = performance.now();
    let most = 0;
    while ((await figure(instance, UNREAD)) < 150 && performance.now() - start < 120_000) {
      most = Math.max(most, await figure(instance, MEMORY));
      await sleep(250);
    }
    expect(await figure(instance, UNREAD)).toBe(150);
    expect((most - before) / 1e6).toBeLessThan(400);
    expect(performance.now() - start).toBeLessThan(60_000);
    for (const { socket } of clients) socket.destroy();
    await stop();
  });
});
