import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';

// biome-ignore lint/suspicious/noExplicitAny: manifests are looked into freely
export type Manifest = any;

/** The one in the package is for Linux on x64. */
const HELM = process.platform === 'linux' && process.arch === 'x64' ? 'test/helm/node_modules/.bin/helm' : 'helm';

export function helm(...args: readonly string[]) {
  return spawnSync(HELM, args, { encoding: 'utf8' });
}

/** What the chart makes of values. @param from the name of an example, or values @throws Error with Helm's message */
export function renderChart(from: string | object): Manifest[] {
  const file = typeof from === 'string' ? `deploy/helm/examples/${from}.yaml` : '-';
  const input = typeof from === 'string' ? '' : stringify(from);
  const { status, stdout, stderr } = spawnSync(HELM, ['template', 'release', 'deploy/helm', '--values', file], {
    input,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout).map((document) => {
    if (document.errors[0]) throw document.errors[0];
    return document.toJS();
  });
}

/** Writes the content of a volume as Kubernetes does: a link to a folder, which it replaces at once when the content changes. */
export function writeVolume(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true });
  const version = `..${Math.random()}`;
  mkdirSync(join(folder, version));
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, version, name), text);
    try {
      symlinkSync(join('..data', name), join(folder, name));
    } catch {
      // The link is there already.
    }
  }
  symlinkSync(version, join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
}
