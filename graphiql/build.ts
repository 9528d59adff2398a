import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build, type Manifest } from 'vite';
import { digestOfSources } from './digest.ts';

/** Builds GraphiQL into compressed files, and a manifest of them that the gateway serves them by. */
const TARGET = fileURLToPath(new URL('../assets/graphiql/', import.meta.url));
const BROTLI = { params: { [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS } };
const built = mkdtempSync(join(tmpdir(), 'graphiql-'));

process.chdir(fileURLToPath(new URL('./', import.meta.url)));
await build({ logLevel: 'error', build: { outDir: built, emptyOutDir: true } });
const read = (name: string): Buffer => readFileSync(join(built, name));
const chunks = JSON.parse(read('manifest.json').toString()) as Manifest;
const boot = chunks['src/boot.ts'];
if (!boot) throw new Error('The build has no src/boot.ts.');

/** The scripts that the page needs before a query can be typed, in the order in which they are imported. */
const preload = new Set<string>();
const EDITOR = /\/monaco-graphql\/esm\/(monaco-editor|lite)\.js$/;
addScripts('src/main.tsx');
for (const key of Object.keys(chunks).filter((name) => EDITOR.test(name))) addScripts(key);

function addScripts(key: string): void {
  const chunk = chunks[key];
  if (!chunk) throw new Error(`The build has no ${key}.`);
  if (chunk === boot || preload.has(chunk.file)) return;
  preload.add(chunk.file);
  for (const imported of chunk.imports ?? []) addScripts(imported);
}

rmSync(TARGET, { recursive: true, force: true });
mkdirSync(TARGET, { recursive: true });
interface File {
  bytes: number;
  sha256: string;
}
const files: Record<string, { gzip: File; br: File }> = {};
for (const name of readdirSync(built).sort()) {
  if (name === 'manifest.json') continue;
  if (name === 'LICENSES.md') {
    writeFileSync(TARGET + name, read(name));
    continue;
  }
  files[name] = {
    gzip: write(`${name}.gz`, gzipSync(read(name), { level: 9 })),
    br: write(`${name}.br`, brotliCompressSync(read(name), BROTLI)),
  };
}

function write(name: string, bytes: Buffer): File {
  writeFileSync(TARGET + name, bytes);
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}
rmSync(built, { recursive: true });

const manifest = {
  sources: digestOfSources(),
  script: boot.file,
  styles: boot.css ?? [],
  preload: [...preload],
  files,
};
writeFileSync(`${TARGET}manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`);
const total = Object.values(files).reduce((sum, { br }) => sum + br.bytes, 0);
process.stdout.write(`${Object.keys(files).length} files, ${Math.round(total / 1024)} KiB with Brotli\n`);
