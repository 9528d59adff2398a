import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { readPlainHead } from '../../src/http/plain-head.ts';
import { anyHead } from '../helpers/heads.ts';
import { exchange } from '../helpers/raw.ts';

const HEAD = 'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 12\r\n';

describe('a plain head', () => {
  test('is read', () => {
    expect(readPlainHead(`${HEAD}X-Thing: \t a b \t\r\nConnection: Keep-Alive\r\nempty:\r\n`)).toEqual({
      path: '/graphql',
      bodyBytes: 12,
      headers: {
        host: 'a',
        'content-type': 'application/json',
        'content-length': '12',
        'x-thing': 'a b',
        connection: 'Keep-Alive',
        empty: '',
      },
    });
  });

  test('takes a name that objects have of their own as any other', () => {
    const { headers } = readPlainHead(`${HEAD}__proto__: x\r\nconstructor: y\r\n`) ?? {};
    expect(Object.keys(headers ?? {})).toContain('__proto__');
    expect(headers?.constructor).toBe('y');
    expect(headers?.toString).toBeUndefined();
  });
});

describe('what is not plain', () => {
  test.each([
    ['another method', HEAD.replace('POST', 'PUT')],
    ['another version', HEAD.replace('1.1', '1.0')],
    ['a target that is no path', HEAD.replace('/graphql', 'constructor')],
    ['no host', HEAD.replace('Host: a\r\n', '')],
    ['no length', HEAD.replace(/Content-Length.*\r\n/, '')],
    ['two lengths', `${HEAD}content-length: 12\r\n`],
    ['a length that is no number', HEAD.replace('12', '0x12')],
    ['a length with a sign', HEAD.replace('12', '+12')],
    ['a name that comes twice', `${HEAD}X: 1\r\nx: 2\r\n`],
    ['chunks', `${HEAD}Transfer-Encoding: chunked\r\n`],
    ['an upgrade', `${HEAD}Upgrade: h2c\r\n`],
    ['an expectation', `${HEAD}Expect: 100-continue\r\n`],
    ['a connection to be closed', `${HEAD}Connection: close\r\n`],
    ['a folded line', `${HEAD}X: a\r\n b\r\n`],
    ['space before the colon', `${HEAD}X : a\r\n`],
    ['a line without a colon', `${HEAD}X\r\n`],
    ['half a line end', `${HEAD}X: a\nY: b\r\n`],
    ['the other half', `${HEAD}X: a\rY: b\r\n`],
    ['a zero byte', `${HEAD}X: a\u0000\r\n`],
    ['a letter beyond ASCII', `${HEAD}X: \u00e9\r\n`],
  ])('is left to others: %s', (_what, head) => {
    expect(readPlainHead(HEAD)).not.toBeNull();
    expect(readPlainHead(head)).toBeNull();
  });

  test('takes no time that grows with the square of its length', () => {
    const start = performance.now();
    for (let i = 0; i < 200; i++) expect(readPlainHead(`${HEAD}X: ${' \t'.repeat(4_000)}\u0000\r\n`)).toBeNull();
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

describe('beside node:http', () => {
  const node = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk) => chunks.push(chunk));
    req.on('end', () => {
      res.end(JSON.stringify({ url: req.url, headers: req.headers, body: Buffer.concat(chunks).toString('latin1') }));
    });
  });
  afterAll(() => node.close());

  test('whatever is read here is read the same there', { timeout: 60_000 }, async () => {
    await new Promise<void>((resolve) => node.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(node.address() as AddressInfo).port}`;
    const bytes = fc.sample(anyHead('a'), { numRuns: 1_500, seed: Number(process.env.SEED ?? 7) });
    const plain = bytes.flatMap((sent) => {
      const end = sent.indexOf('\r\n\r\n');
      const head = end === -1 ? null : readPlainHead(sent.toString('latin1', 0, end + 2));
      return head && end + 4 + head.bodyBytes <= sent.length ? [{ sent, end, head }] : [];
    });
    expect(plain.length).toBeGreaterThan(200);
    expect(plain.length).toBeLessThan(1_200);
    for (let at = 0; at < plain.length; at += 50) {
      await Promise.all(
        plain.slice(at, at + 50).map(async ({ sent, end, head }) => {
          const whole = sent.subarray(0, end + 4 + head.bodyBytes);
          const { answers } = await exchange(url, [whole]);
          const what = JSON.stringify(sent.toString('latin1'));
          expect(answers[0]?.statusLine, what).toBe('HTTP/1.1 200 OK');
          const seen: { url: string; headers: IncomingHttpHeaders; body: string } = JSON.parse(
            answers[0]?.body as string,
          );
          expect(seen.url, what).toBe(head.path);
          // Node keeps its headers in an object that has a prototype to lose this one to.
          const { __proto__: _, ...headers } = head.headers as Record<string, string>;
          expect(seen.headers, what).toEqual(headers);
          expect(seen.body, what).toBe(whole.toString('latin1', end + 4));
        }),
      );
    }
  });
});
