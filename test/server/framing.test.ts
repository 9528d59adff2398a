import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';
import { bodiesOf, getOf, openClient } from '../helpers/sockets.ts';

const gateway = await startWithSandbox();
const { host } = new URL(gateway.url);

const BODY = JSON.stringify({ query: '{ __typename }' });
const HEAD = `POST /graphql HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`;
const LENGTH = `Content-Length: ${BODY.length}\r\n`;
const CHUNKS = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;

describe('a request that two readers could understand in two ways', () => {
  test.each([
    ['two lengths', `${HEAD}${LENGTH}Content-Length: 5\r\n\r\n${BODY}`],
    ['a length and chunks', `${HEAD}${LENGTH}Transfer-Encoding: chunked\r\n\r\n${CHUNKS}`],
    ['chunks that are not the last encoding', `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n${CHUNKS}`],
    ['a space before the colon', `${HEAD}Content-Length : ${BODY.length}\r\n\r\n${BODY}`],
    ['a length with a sign', `${HEAD}Content-Length: +${BODY.length}\r\n\r\n${BODY}`],
    ['a length that is no number', `${HEAD}Content-Length: 0x10\r\n\r\n${BODY}`],
    ['half a line end', `${HEAD}X: a\rY: b\r\n${LENGTH}\r\n${BODY}`],
    ['a zero byte', `${HEAD}X: a\u0000\r\n${LENGTH}\r\n${BODY}`],
    ['a line without a colon', `${HEAD}X\r\n${LENGTH}\r\n${BODY}`],
    ['a chunk size that is no number', `${HEAD}Transfer-Encoding: chunked\r\n\r\nx\r\n${BODY}\r\n0\r\n\r\n`],
    ['a chunk that is longer than its size', `${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\n${BODY}\r\n0\r\n\r\n`],
  ])('is refused, and the connection with it: %s', async (_what, bytes) => {
    const { text, closed } = openClient(gateway.url, Buffer.from(bytes, 'latin1'));
    await closed;
    expect(text()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(bodiesOf(text())).toEqual(['']);
  });
});

test('what comes behind a request is the next one, and no part of it', async () => {
  const bytes = Buffer.from(`${HEAD}${LENGTH}\r\n${BODY}\r\n${getOf(gateway.url, '/health')}`);
  const middle = bytes.indexOf(BODY) + 3;
  for (const pieces of [[bytes], [bytes.subarray(0, middle), bytes.subarray(middle)]]) {
    const { socket, text } = openClient(gateway.url);
    for (const piece of pieces) {
      socket.write(piece);
      await sleep(15);
    }
    await expect.poll(() => bodiesOf(text())).toEqual(['{"data":{"__typename":"Query"}}', 'ok\n']);
    socket.destroy();
  }
});
