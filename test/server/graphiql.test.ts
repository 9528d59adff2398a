import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { digestOfSources } from '../../graphiql/digest.ts';
import { startWithSandbox } from '../helpers/gateway.ts';

const ASSETS = new URL('../../assets/graphiql/', import.meta.url);
type Encoding = 'gzip' | 'br';
const ENDINGS = { gzip: 'gz', br: 'br' };
const manifest: {
  sources: string;
  script: string;
  files: Record<string, Record<Encoding, { bytes: number; sha256: string }>>;
} = JSON.parse(readFileSync(new URL('manifest.json', ASSETS), 'utf8'));
const names = Object.keys(manifest.files);

const gateway = await startWithSandbox();

/** A request as it stands, without what `fetch` adds and undoes. */
function raw(
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const sent = request(`${gateway.url}${path}`, { method, headers }, async (res) => {
      resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(await res.toArray()) });
    });
    sent.on('error', reject).end();
  });
}

describe('the built GraphiQL', () => {
  test('is built from the current sources: run `npm run build:graphiql` after a change', () => {
    expect(manifest.sources).toBe(digestOfSources());
  });

  test('is what its manifest says, file by file, and below 3.5 MB', () => {
    const onDisk = readdirSync(ASSETS).filter((name) => /\.(gz|br)$/.test(name));
    const endings = Object.values(ENDINGS);
    expect(onDisk.sort()).toEqual(names.flatMap((name) => endings.map((ending) => `${name}.${ending}`)).sort());
    let total = 0;
    for (const [name, encoded] of Object.entries(manifest.files)) {
      for (const [encoding, { bytes, sha256 }] of Object.entries(encoded)) {
        const content = readFileSync(new URL(`${name}.${ENDINGS[encoding as Encoding]}`, ASSETS));
        expect(content.length, name).toBe(bytes);
        expect(createHash('sha256').update(content).digest('hex'), name).toBe(sha256);
        total += bytes;
      }
    }
    expect(total).toBeLessThan(3_500_000);
  });

  test('names no address that it would load anything from, and other files relative to itself', () => {
    for (const name of names.filter((file) => /\.(js|css)$/.test(file))) {
      const text = gunzipSync(readFileSync(new URL(`${name}.gz`, ASSETS))).toString();
      if (name.endsWith('.css'))
        expect(text.match(/(url\(["']?|@import\s+["'])(https?:)?\/\/[^)"']*/g), name).toBeNull();
      expect(text.match(/["'`(]\/graphi?ql\b[^"'`)]*/g), name).toBeNull();
    }
  });
});

describe('below a path that a proxy strips', () => {
  /** The gateway's path, for an address of the proxy. */
  const behind = (address: URL): string => address.href.replace('https://proxy.example/tools/gateway/', '/');

  test.each(['graphql', 'graphql/', 'graphql?x=/', 'graphql/?x=1'])(
    'the page at …/%s names its files so that they are found',
    async (path) => {
      const address = new URL(`https://proxy.example/tools/gateway/${path}`);
      const { status, body } = await raw(behind(address), { accept: 'text/html' });
      expect(status).toBe(200);
      const links = [...body.toString().matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g)].map(([, link]) => link);
      expect(links.length).toBeGreaterThan(2);
      for (const link of links) expect((await raw(behind(new URL(link as string, address)))).status, link).toBe(200);
    },
  );

  test('the first page leads to GraphiQL, whatever path the client says the proxy has', async () => {
    const headers = { 'x-forwarded-prefix': '/other', 'x-forwarded-host': 'other.example', forwarded: 'host=other' };
    const { status, headers: answer } = await raw('/', headers);
    expect([status, answer.location]).toEqual([302, 'graphql']);
    const page = await raw('/graphql', { accept: 'text/html', ...headers });
    expect(page.body.toString()).not.toMatch(/(src|href)="[^"]*other/);
  });
});

describe('a file of GraphiQL', () => {
  test.each(names)('%s comes compressed, with its type, to be kept for good', async (name) => {
    for (const [accepted, encoding] of [
      ['gzip, deflate, br', 'br'],
      ['gzip, deflate', 'gzip'],
      ['gzip;q=1.0, br;q=0', 'gzip'],
      ['*', 'br'],
    ] as const) {
      const { status, headers, body } = await raw(`/graphiql/${name}`, { 'accept-encoding': accepted });
      expect(status).toBe(200);
      const types = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', ttf: 'font/ttf' };
      expect(headers['content-type']).toBe(types[name.split('.').at(-1) as keyof typeof types]);
      expect(headers['content-encoding']).toBe(encoding);
      expect(headers['content-length']).toBe(String(manifest.files[name]?.[encoding].bytes));
      expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(createHash('sha256').update(body).digest('hex')).toBe(manifest.files[name]?.[encoding].sha256);
    }
  });

  test('is not compressed for a client that accepts no compression', async () => {
    const path = `/graphiql/${manifest.script}`;
    const gzipped = await raw(path, { 'accept-encoding': 'gzip' });
    for (const headers of [{}, { 'accept-encoding': 'identity' }, { 'accept-encoding': 'gzip;q=0, deflate' }]) {
      const plain = await raw(path, headers as Record<string, string>);
      expect(plain.headers['content-encoding']).toBeUndefined();
      expect(plain.headers.vary).toBe('accept-encoding');
      expect(plain.body.equals(gunzipSync(gzipped.body))).toBe(true);
    }
  });

  test('answers HEAD without a body', async () => {
    const { status, headers, body } = await raw(`/graphiql/${manifest.script}`, { 'accept-encoding': 'gzip' }, 'HEAD');
    expect([status, headers['content-length'], body.length]).toEqual([
      200,
      String(manifest.files[manifest.script]?.gzip.bytes),
      0,
    ]);
  });

  test.each([
    'manifest.json',
    'LICENSES.md',
    `${manifest.script}.gz`,
    '../manifest.json',
    '..%2f..%2fpackage.json',
    'constructor',
    '__proto__',
    '',
  ])('%s does not exist', async (name) => {
    expect((await raw(`/graphiql/${name}`)).status).toBe(404);
  });

  test('that a client aborts half way does no harm', async () => {
    const size = (name: string): number => manifest.files[name]?.gzip.bytes ?? 0;
    const big = names.reduce((a, b) => (size(a) > size(b) ? a : b));
    for (let i = 0; i < 10; i++) {
      await new Promise<void>((resolve) => {
        const sent = request(`${gateway.url}/graphiql/${big}`, (res) => {
          res.once('data', () => {
            sent.destroy();
            resolve();
          });
          res.on('error', () => undefined);
        });
        sent.on('error', () => undefined);
        sent.end();
      });
    }
    expect((await gateway.query('{ __typename }')).body.data).toEqual({ __typename: 'Query' });
  });
});
