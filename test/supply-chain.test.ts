import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface LockedPackage {
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly inBundle?: boolean;
  readonly integrity?: string;
}
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, LockedPackage> };
const packages = Object.entries(lock.packages).filter(([path]) => path.includes('node_modules/'));
const production = packages.filter(([, { dev, link }]) => !dev && !link);

function nameOf(path: string): string {
  return path.replace(/^.*node_modules\//, '');
}

test('allows only permissive licences in production', () => {
  const free =
    /^\(?(MIT|MIT-0|ISC|Apache-2\.0|BSD-2-Clause|BSD-3-Clause|0BSD|BlueOak-1\.0\.0|Python-2\.0|CC0-1\.0|Unlicense)\b/;
  expect(production.length).toBeGreaterThan(10);
  for (const [path, { license }] of production) expect(license, path).toMatch(free);
});

test('nothing that runs in production runs at its installation', () => {
  const { allowScripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    allowScripts: Record<string, boolean>;
  };
  const withScript = production.filter(([, { hasInstallScript }]) => hasInstallScript);
  // npm is told not to run these scripts: what is optional works without, and that of protobufjs only prints a warning.
  const mayRun = withScript.filter(
    ([path, { optional }]) => !(optional || nameOf(path) === 'protobufjs') || allowScripts[nameOf(path)] !== false,
  );
  expect(mayRun.map(([path]) => path)).toEqual([]);
});

test('the image is built without scripts', () => {
  const installs = readFileSync('Dockerfile', 'utf8').match(/^RUN npm .*$/gm) ?? [];
  expect(installs.length).toBeGreaterThan(0);
  for (const line of installs) expect(line).toMatch(/^RUN npm ci .*--ignore-scripts\b/);
});

const BESIDE = [
  'bench',
  'graphiql',
  'site',
  'test/helm',
  ...readdirSync('examples')
    .map((name) => `examples/${name}`)
    .filter((folder) => existsSync(`${folder}/package.json`)),
];

test.each(['.', ...BESIDE])(
  'the lockfile of %s pins every package by its hash, and holds no address to download from',
  (folder) => {
    const { packages: locked } = JSON.parse(readFileSync(`${folder}/package-lock.json`, 'utf8')) as typeof lock;
    const fetched = Object.entries(locked).filter(
      ([path, { link, inBundle }]) => path.includes('node_modules/') && !link && !inBundle,
    );
    expect(fetched.length).toBeGreaterThan(1);
    for (const [path, { integrity }] of fetched) expect(integrity, path).toMatch(/^sha512-[\w+/]{86}==$/);
    const addressed = Object.entries(locked).filter(([, { resolved, link }]) => resolved !== undefined && !link);
    expect(addressed.map(([path]) => path)).toEqual([]);
  },
);
