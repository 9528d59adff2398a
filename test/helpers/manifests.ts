import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const require = createRequire(import.meta.url);

/** Writes files below `src/` of a folder. */
function writeSources(folder: string, sources: Readonly<Record<string, string>>): void {
  mkdirSync(join(folder, 'src'), { recursive: true });
  for (const [name, text] of Object.entries(sources)) writeFileSync(join(folder, 'src', name), text);
}

/**
 * Has Apollo's tool write the manifest of an app.
 * @param folder an empty one
 * @param sources texts by file name
 * @returns the manifest's path
 */
export async function makeApolloManifest(folder: string, sources: Readonly<Record<string, string>>): Promise<string> {
  writeSources(folder, sources);
  const command = require.resolve('@apollo/generate-persisted-query-manifest/cli.js');
  await run(process.execPath, [command], { cwd: folder });
  return join(folder, 'persisted-query-manifest.json');
}

/**
 * Has relay-compiler compile the `graphql` tags of an app, against this gateway's schema.
 * @param folder an empty one
 * @param sources JavaScript by file name; a file `A.js` may hold the operation `AQuery`
 * @param algorithm of the ids; without one the documents are not persisted
 * @returns paths of the manifest, and of the folder with the compiled modules
 */
export async function compileRelay(
  folder: string,
  sources: Readonly<Record<string, string>>,
  algorithm?: 'MD5' | 'SHA256',
): Promise<{ manifest: string; artifacts: string }> {
  writeSources(folder, sources);
  const config = {
    src: './src',
    schema: resolve('schema/gateway.graphql'),
    language: 'javascript',
    eagerEsModules: true,
    ...(algorithm && { persistConfig: { file: './persisted_queries.json', algorithm } }),
  };
  writeFileSync(join(folder, 'relay.config.json'), JSON.stringify(config));
  const manifest = join(folder, 'persisted_queries.json');
  // The compiler adds to a manifest that is there, and makes none.
  writeFileSync(manifest, '{}');
  await run(process.execPath, [require.resolve('relay-compiler/cli.js'), 'relay.config.json'], { cwd: folder });
  return { manifest, artifacts: join(folder, 'src/__generated__') };
}
