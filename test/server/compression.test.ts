import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';

const LARGE = '{ profiles(first: 50) { nodes { profileId name email } } }';
const SMALL = '{ __typename }';
const DECODE: Record<string, (bytes: Buffer) => Buffer> = {
  gzip: gunzipSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

const shortcut = await startWithSandbox();
const yoga = await startWithSandbox({}, {}, { shortcut: false });
const off = await startWithSandbox({ COMPRESSION: 'off', CORS_ORIGINS: 'https://app.example' });

interface Raw {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

/** Sends a request without what `fetch` adds, and gives the bytes that came. */
async function send(url: string, query: string, headers: Record<string, string>, method = 'POST'): Promise<Raw> {
  const target = method === 'GET' ? `${url}/graphql?query=${encodeURIComponent(query)}` : `${url}/graphql`;
  const req = request(target, { method, headers: { 'content-type': 'application/json', ...headers } });
  req.end(method === 'GET' ? undefined : JSON.stringify({ query }));
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk);
  return { status: res.statusCode, headers: res.headers, bytes: Buffer.concat(chunks) };
}

const plain = await send(shortcut.url, LARGE, {});

describe.each([
  ['by the short cut', shortcut, 'POST'],
  ['through Yoga', yoga, 'POST'],
] as const)('an answer %s', (_name, { url }, method) => {
  test.each([
    ['gzip', 'gzip'],
    ['br', 'br'],
    ['zstd', 'zstd'],
    ['gzip, deflate, br, zstd', 'zstd'],
    ['gzip, deflate, br', 'br'],
    ['br;q=0.5, gzip', 'gzip'],
    ['zstd;q=0, GZIP', 'gzip'],
    ['*', 'zstd'],
  ])('is compressed for a client that accepts %s: %s', async (accepted, encoding) => {
    const { headers, bytes } = await send(url, LARGE, { 'accept-encoding': accepted }, method);
    expect(headers['content-encoding']).toBe(encoding);
    expect(headers['content-length']).toBe(String(bytes.length));
    expect(headers.vary).toContain('accept-encoding');
    expect(bytes.length).toBeLessThan(plain.bytes.length / 2);
    expect(JSON.parse(String(DECODE[encoding]?.(bytes)))).toEqual(JSON.parse(String(plain.bytes)));
  });

  test.each([undefined, '', 'identity', 'deflate', 'gzip;q=0', 'gzip;q=0.1, identity', ';;;,=', 'x'.repeat(4_000)])(
    'is not compressed for a client that accepts %s',
    async (accepted) => {
      const headers = accepted === undefined ? {} : { 'accept-encoding': accepted };
      const answer = await send(url, LARGE, headers, method);
      expect(answer.headers['content-encoding']).toBeUndefined();
      expect(answer.headers.vary).toContain('accept-encoding');
      expect(JSON.parse(String(answer.bytes))).toEqual(JSON.parse(String(plain.bytes)));
    },
  );

  test('of less than 1 KiB is not compressed', async () => {
    const { headers, bytes } = await send(url, SMALL, { 'accept-encoding': 'gzip' }, method);
    expect([headers['content-encoding'], String(bytes)]).toEqual([undefined, '{"data":{"__typename":"Query"}}']);
  });
});

test.each(['gzip', 'br', 'zstd'])('a large answer is compressed in %s', async (encoding) => {
  const query =
    '{ conversions(first: 500) { nodes { id conversionId email total createdAt items { itemId name price quantity total } } } }';
  const { bytes: text } = await send(shortcut.url, query, {});
  expect(text.length).toBeGreaterThan(100_000);
  const { headers, bytes } = await send(shortcut.url, query, { 'accept-encoding': encoding });
  expect(headers['content-encoding']).toBe(encoding);
  expect(bytes.length).toBeLessThan(text.length / 4);
  expect(DECODE[encoding]?.(bytes).equals(text)).toBe(true);
});

test('no answer is compressed, or varies by that, when it is off', async () => {
  const { headers } = await send(off.url, LARGE, { 'accept-encoding': 'gzip' });
  expect([headers['content-encoding'], headers.vary]).toEqual([undefined, 'origin']);
});
