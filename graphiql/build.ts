import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Manifest } from 'vite';
import { digestOfSources } from './digest.ts';

/** Builds GraphiQL into gzipped files, and a manifest of them that the gateway serves them by. */
const TARGET = fileURLToPath(new URL('../assets/graphiql/', import.meta.url));
const built = mkdtempSync(join(tmpdir(), 'graphiql-'));

process.chdir(fileURLToPath(new URL('./', import.meta.url)));
await build({ logLevel: 'error', build: { outDir: built, emptyOutDir: true } });
const read = (name: string): Buffer => readFileSync(join(built, name));
const chunks = JSON.parse(read('manifest.json').toString()) as Manifest;
const boot = chunks['src/boot.ts'];
const main = chunks['src/main.tsx'];
if (!boot || !main) throw new Error('The build has no src/boot.ts or src/main.tsx.');

rmSync(TARGET, { recursive: true, force: true });
mkdirSync(TARGET, { recursive: true });
const files: Record<string, { bytes: number; sha256: string }> = {};
for (const name of readdirSync(built).sort()) {
  if (name === 'manifest.json') continue;
  if (name === 'LICENSES.md') {
    writeFileSync(TARGET + name, read(name));
    continue;
  }
  const bytes = gzipSync(read(name), { level: 9 });
  writeFileSync(`${TARGET}${name}.gz`, bytes);
  files[name] = { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}
rmSync(built, { recursive: true });

const manifest = { sources: digestOfSources(), script: boot.file, styles: boot.css ?? [], preload: main.file, files };
writeFileSync(`${TARGET}manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`);
const total = Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
process.stdout.write(`${Object.keys(files).length} files, ${Math.round(total / 1024)} KiB\n`);
