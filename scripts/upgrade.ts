import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseOrExit } from '../bench/options.ts';

/**
 * `npm run upgrade` updates every lockfile of the repository to the newest versions that the package.json files allow, prints
 * what changed, regenerates the generated files, GraphiQL included, and runs all tests. It exits with 1 at the first step that fails.
 * `npm run upgrade -- --only-lockfiles` stops after the first two steps.
 */
const values = parseOrExit({ options: { 'only-lockfiles': { type: 'boolean', default: false } } });

type Versions = ReadonlyMap<string, string | undefined>;

function versionsIn(lockfile: string): Versions {
  const { packages } = JSON.parse(readFileSync(lockfile, 'utf8')) as { packages: Record<string, { version?: string }> };
  return new Map(Object.entries(packages).map(([path, { version }]) => [path, version]));
}

function run(command: string, ...args: string[]): void {
  console.log(`> ${[command, ...args].join(' ')}`);
  execFileSync(command, args, { stdio: 'inherit' });
}

const lockfiles = execFileSync('git', ['ls-files', '--', 'package-lock.json', '*/package-lock.json'], {
  encoding: 'utf8',
});
for (const lockfile of lockfiles.trim().split('\n').filter(existsSync)) {
  const before = versionsIn(lockfile);
  run('npm', 'update', '--no-save', '--no-audit', '--no-fund', '--prefix', dirname(lockfile));
  const after = versionsIn(lockfile);
  const names = new Set([...before.keys(), ...after.keys()].filter((path) => path.includes('node_modules/')));
  for (const path of names) {
    if (before.get(path) === after.get(path)) continue;
    console.log(`${lockfile}: ${path} ${before.get(path) ?? 'not installed'} → ${after.get(path) ?? 'removed'}`);
  }
}
if (!values['only-lockfiles']) {
  run('npm', 'run', 'build:graphiql');
  run('npm', 'run', 'codegen');
  run('npm', 'test');
  run('npm', 'run', 'test:e2e');
}
