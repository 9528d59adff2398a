import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('./', import.meta.url));

/** SHA-256 over all that the built files are made of: sources, settings and the lockfile. */
export function digestOfSources(): string {
  const sources = readdirSync(`${ROOT}src`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath.replaceAll('\\', '/')}/${entry.name}`.slice(ROOT.length));
  const names = [...sources, 'build.ts', 'patches.ts', 'vite.config.ts', 'package.json', 'package-lock.json'].sort();
  const hash = createHash('sha256');
  for (const name of names) {
    hash.update(`${name}\0`);
    hash.update(readFileSync(ROOT + name));
    hash.update('\0');
  }
  return hash.digest('hex');
}
