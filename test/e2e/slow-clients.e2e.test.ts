import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';

const gateway = await startWithSandbox();
afterAll(() => gateway.close());

const BODY = JSON.stringify({ query: '{ __typename }' });
const HEAD = `POST /graphql HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n`;

function open(): { socket: Socket; text: () => string; closed: Promise<void> } {
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => undefined);
  return { socket, text: () => text, closed: new Promise((resolve) => socket.once('close', () => resolve())) };
}

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

  test('gets the answers to pipelined requests in their order', async () => {
    const { socket, text } = open();
    const request = (name: string): string => {
      const body = JSON.stringify({ query: `{ ${name}: __typename }` });
      return `POST /graphql HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    };
    socket.write(['a', 'b', 'c', 'd'].map(request).join(''));
    await expect.poll(() => text().match(/"([a-d])":"Query"/g)?.length).toBe(4);
    expect([...text().matchAll(/"([a-d])":"Query"/g)].map(([, name]) => name)).toEqual(['a', 'b', 'c', 'd']);
    socket.destroy();
  });

  test('does no harm by going away in the middle of its request', async () => {
    const clients = Array.from({ length: 50 }, () => open());
    for (const { socket } of clients) socket.write(`${HEAD}\r\n${BODY.slice(0, 5)}`);
    await sleep(50);
    for (const { socket } of clients) socket.resetAndDestroy();
    expect((await gateway.query('{ __typename }')).body.data).toEqual({ __typename: 'Query' });
  });

  test('is cut off when its headers take too long, or it says nothing at all', { timeout: 60_000 }, async () => {
    const [begun, silent] = [open(), open()];
    begun.socket.write(HEAD);
    const start = performance.now();
    await Promise.all([begun.closed, silent.closed]);
    expect(performance.now() - start).toBeLessThan(16_000);
    for (const { text } of [begun, silent]) expect(text()).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('may end its bodies with an empty line, and is kept as long as any other', { timeout: 60_000 }, async () => {
    const { socket, text } = open();
    socket.write(`${HEAD}\r\n${BODY}\r\n`);
    await sleep(13_000);
    socket.write(`${HEAD}\r\n${BODY}`);
    await expect.poll(() => text().split('"__typename":"Query"').length - 1).toBe(2);
    expect(text()).not.toContain(' 408 ');
    socket.destroy();
  });

  test('is cut off when its body takes too long, however often it sends a byte', { timeout: 60_000 }, async () => {
    // In one piece a head is read on the hot path, in two by node:http.
    const [hot, parted] = [open(), open()];
    hot.socket.write(`${HEAD}\r\n`);
    parted.socket.write(HEAD);
    await sleep(50);
    parted.socket.write('\r\n');
    const drip = setInterval(() => {
      for (const { socket } of [hot, parted]) socket.write(' ');
    }, 1_500);
    const start = performance.now();
    await Promise.all([hot.closed, parted.closed]);
    clearInterval(drip);
    expect(performance.now() - start).toBeLessThan(40_000);
    for (const { text } of [hot, parted]) expect(text()).toMatch(/^HTTP\/1\.1 408 /);
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
