import { describe, expect, it } from 'vitest';
import { readAnswerHead } from '../../src/transport/answer-head.ts';

const head = (...lines: string[]) => readAnswerHead(lines.map((line) => `${line}\r\n`).join(''));

describe('a head', () => {
  it('tells status, framing and what becomes of the connection', () => {
    expect(head('HTTP/1.1 200 OK', 'Content-Length: 12', 'Date: today')).toEqual({
      status: 200,
      framing: 12,
      keepAlive: true,
      keepAliveSeconds: undefined,
      retryAfter: undefined,
    });
    expect(head('HTTP/1.1 503 Service Unavailable', 'transfer-encoding:  Chunked ', 'Retry-After: 3 ')).toMatchObject({
      status: 503,
      framing: 'chunked',
      retryAfter: '3',
    });
    expect(head('HTTP/1.1 200', 'connection: close')).toMatchObject({ framing: 'close', keepAlive: false });
    expect(head('HTTP/1.0 200 OK', 'content-length: 0')).toMatchObject({ framing: 0, keepAlive: false });
    expect(head('HTTP/1.0 200 OK', 'Connection: Keep-Alive', 'Keep-Alive: timeout=5, max=100')).toMatchObject({
      keepAlive: true,
      keepAliveSeconds: 5,
    });
  });

  it.each([100, 103, 199, 204, 304])('with status %i has no body, whatever it says', (status) => {
    expect(head(`HTTP/1.1 ${status} X`, 'content-length: 5')).toMatchObject({ status, framing: 0 });
  });

  it.each([
    ['HTTP/1.1 200 OK', 'content-length: 1', 'content-length: 1'],
    ['HTTP/1.1 200 OK', 'content-length: 1', 'Content-Length: 2'],
    ['HTTP/1.1 200 OK', 'content-length: 1, 1'],
    ['HTTP/1.1 200 OK', 'content-length: +1'],
    ['HTTP/1.1 200 OK', 'content-length: 0x1'],
    ['HTTP/1.1 200 OK', 'content-length: '],
    ['HTTP/1.1 200 OK', 'content-length: 1234567890123456'],
    ['HTTP/1.1 200 OK', 'content-length: 1', 'transfer-encoding: chunked'],
    ['HTTP/1.1 200 OK', 'transfer-encoding: gzip, chunked'],
    ['HTTP/1.1 200 OK', 'transfer-encoding: identity'],
    ['HTTP/1.1 200 OK', 'transfer-encoding: chunked', 'transfer-encoding: chunked'],
    ['HTTP/1.0 200 OK', 'transfer-encoding: chunked'],
    ['HTTP/1.1 200 OK', 'content-length : 1'],
    ['HTTP/1.1 200 OK', ' content-length: 1'],
    ['HTTP/1.1 200 OK', 'x: 1', '\tgoes on'],
    ['HTTP/1.1 200 OK', 'no colon'],
    ['HTTP/1.1 200 OK', ': no name'],
    ['HTTP/1.1 200 OK', 'x: a\0b'],
    ['HTTP/1.1 200 OK', 'x: a\nb: c'],
    ['HTTP/1.1 200 OK', 'x: a\rb: c'],
    ['HTTP/1.1 600 OK'],
    ['HTTP/1.1 20 OK'],
    ['HTTP/1.1 2000 OK'],
    ['HTTP/1.1  200 OK'],
    ['HTTP/1.2 200 OK'],
    ['HTTP/2 200'],
    ['http/1.1 200 OK'],
    ['ICY 200 OK'],
    [''],
  ])('that is not exactly HTTP/1.1 is refused: %j %j %j', (...lines) => {
    expect(head(...lines)).toBeNull();
  });

  it('is read in time that grows with its length only', () => {
    const line = `x: ${'a:'.repeat(4_000)}`;
    const start = performance.now();
    for (let i = 0; i < 200; i++) expect(head('HTTP/1.1 200 OK', line, `${'a'.repeat(8_000)}`)).toBeNull();
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});
