import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { startUpstream } from '../helpers/gateway.ts';
import { openPool } from '../helpers/pool.ts';

const BODY = JSON.stringify({ name: 'é😀'.repeat(5_000) });
const MAX_BODY_BYTES = 1_000_000;
const BOMBS = packed(Buffer.alloc(200_000_000));

function packed(bytes: Buffer): { gzip: Buffer; zstd: Buffer } {
  return { gzip: gzipSync(bytes, { level: 1 }), zstd: zstdCompressSync(bytes) };
}

/** Calls an upstream that answers with these bytes in this encoding. */
async function call(encoding: string, bytes: Buffer, status = 200) {
  const upstream = await startUpstream((_call, res) => {
    res.writeHead(status, { 'content-encoding': encoding, 'content-length': bytes.length }).end(bytes);
  });
  return openPool(upstream.origin, { maxBodyBytes: MAX_BODY_BYTES }).get();
}

describe('a compressed answer', () => {
  it.each([
    ['gzip', gzipSync(BODY)],
    ['x-gzip', gzipSync(BODY)],
    ['br', brotliCompressSync(BODY)],
    ['zstd', zstdCompressSync(BODY)],
    ['deflate', deflateSync(BODY)],
    ['gzip, br', brotliCompressSync(gzipSync(BODY))],
  ])('in %s is read', async (encoding, bytes) => {
    expect(await call(encoding, bytes)).toEqual({ status: 200, body: BODY });
  });

  it('at the size limit is read, and one byte more is too large', async () => {
    expect((await call('gzip', gzipSync('x'.repeat(MAX_BODY_BYTES)))).body).toHaveLength(MAX_BODY_BYTES);
    await expect(call('gzip', gzipSync('x'.repeat(MAX_BODY_BYTES + 1)))).rejects.toMatchObject({
      failure: 'too-large',
      sent: true,
    });
  });

  it.each([
    ['gzip', BOMBS.gzip],
    ['zstd', BOMBS.zstd],
    ['gzip, gzip', gzipSync(BOMBS.gzip)],
  ])('that expands beyond the limit (%s) is too large, and is not expanded to its end', async (encoding, bytes) => {
    const before = process.memoryUsage().rss;
    await expect(call(encoding, bytes)).rejects.toMatchObject({ failure: 'too-large' });
    expect(process.memoryUsage().rss - before).toBeLessThan(60_000_000);
  });

  it.each([
    ['that is not compressed at all', Buffer.from(BODY)],
    ['with broken bytes', Buffer.concat([gzipSync(BODY).subarray(0, 60), Buffer.alloc(40, 7)])],
    ['that ends too early', gzipSync(BODY).subarray(0, 60)],
  ])('%s is malformed', async (_name, bytes) => {
    await expect(call('gzip', bytes)).rejects.toMatchObject({ failure: 'malformed', sent: true });
  });
});
