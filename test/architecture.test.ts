import { readdirSync, readFileSync } from 'node:fs';
import { posix, sep } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Layers from the top down. A file may import its own layer and those below. */
const LAYERS = ['server', 'auth', 'graph', 'datatrics', 'upstream', 'lib'];
/** What `auth/` is to the layers below the server: who the caller is, and what the caller may do. */
const CALLER = ['auth/principal.ts', 'auth/scopes.ts'];
/** Puts layers together, so it sees them all. */
const TOP = ['app.ts', 'main.ts', 'config', 'packages.ts', 'projects.ts', 'start.js'];
/** Programs of their own: what they may import, and who may import them. */
const PROGRAMS: Record<string, { readonly sees: readonly string[]; readonly seenBy: readonly string[] }> = {
  sandbox: { sees: ['datatrics', 'lib'], seenBy: ['main.ts'] },
  cli: { sees: ['config', 'sandbox', 'server', 'auth', 'graph', 'datatrics', 'upstream', 'lib'], seenBy: [] },
};

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Relative imports of a module map, those of types included, by paths from `src/`. */
function importsOf(modules: ReadonlyMap<string, string>): Import[] {
  const statement = /^(?:import|export)\s+(?:[^'"]*?from\s+)?['"](\.[^'"]+)['"]|\bimport\(['"](\.[^'"]+)['"]\)/gm;
  return [...modules].flatMap(([from, text]) =>
    [...text.matchAll(statement)].map(([, fixed, dynamic]) => ({
      from,
      to: posix.join(posix.dirname(from), (fixed ?? dynamic) as string),
    })),
  );
}

const layerOf = (path: string): string => (path.includes('/') ? (path.split('/')[0] as string) : path);

/** One line per import that breaks the rule. */
function violations(imports: readonly Import[]): string[] {
  return imports
    .filter(({ from, to }) => {
      const [source, target] = [layerOf(from), layerOf(to)];
      if (source === target) return false;
      const program = PROGRAMS[target];
      if (program) return !program.seenBy.includes(from);
      if (TOP.includes(source)) return false;
      if (PROGRAMS[source]) return !PROGRAMS[source].sees.includes(target);
      if (target === 'auth' && source !== 'server') return !CALLER.includes(to);
      return LAYERS.indexOf(target) < LAYERS.indexOf(source) || !LAYERS.includes(target);
    })
    .map(({ from, to }) => `${from} must not import ${to}`);
}

/** The files of each cycle of imports. */
function cycles(imports: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
  const found = new Set<string>();
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at !== -1) found.add([...trail.slice(at), path].join(' → '));
    if (at !== -1 || done.has(path)) return;
    for (const target of next.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of next.keys()) visit(path, []);
  return [...found];
}

/** The texts of a folder's modules, by their paths below it. */
function modulesOf(folder: string): ReadonlyMap<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll(sep, '/'))
    .filter((path) => /\.(ts|js)$/.test(path) && !/node_modules|\/test\//.test(path));
  return new Map(files.map((path) => [path, readFileSync(`${folder}/${path}`, 'utf8')]));
}

const modules = modulesOf('src');
const imports = importsOf(modules);

describe('imports', () => {
  test('are found at all', () => {
    expect(modules.size).toBeGreaterThan(50);
    expect(imports.length).toBeGreaterThan(200);
    for (const { from, to } of imports) expect(modules.has(to), `${from} imports ${to}`).toBe(true);
  });

  test('point one way', () => {
    expect(violations(imports)).toEqual([]);
  });

  test('make no cycle', () => {
    expect(cycles(imports)).toEqual([]);
  });

  test('of a layer above, of a program, of the authentication, and in a cycle are reported', () => {
    const wrong = importsOf(
      new Map([
        ['lib/a.ts', "import { b } from '../upstream/b.ts';"],
        ['datatrics/c.ts', "import type { d } from '../graph/d.ts';"],
        ['graph/e.ts', "import { f } from '../auth/jwt.ts';\nimport type { p } from '../auth/principal.ts';"],
        ['auth/q.ts', "import { r } from '../server/r.ts';"],
        ['server/g.ts', "const h = await import('../sandbox/h.ts');"],
        ['sandbox/i.ts', "export { j } from '../upstream/j.ts';"],
        ['graph/k.ts', "import { l } from './l.ts';"],
        ['graph/l.ts', "import type { k } from './k.ts';"],
      ]),
    );
    expect(violations(wrong).map((line) => line.split(' ')[0])).toEqual([
      'lib/a.ts',
      'datatrics/c.ts',
      'graph/e.ts',
      'auth/q.ts',
      'server/g.ts',
      'sandbox/i.ts',
    ]);
    expect(cycles(wrong)).toEqual(['graph/k.ts → graph/l.ts → graph/k.ts']);
  });
});

const packages = modulesOf('packages');

/** The files under `src/` that name a package, or reach into `packages/`, otherwise than by `import()` in packages.ts. */
function earlyLoads(sources: ReadonlyMap<string, string>): string[] {
  return [...sources]
    .filter(([path, text]) => {
      const rest = path === 'packages.ts' ? text.replaceAll("import('@datatrics-gateway/", '') : text;
      return rest.includes("'@datatrics-gateway/") || /['"][./]*\.\.\/packages\//.test(rest);
    })
    .map(([path]) => path);
}

/** Packages that are commands, and what they may import in addition to the layers. */
const COMMANDS = ['import', 'inspect'];
const OF_COMMANDS = ['config', 'cli', 'sandbox'];

/** Relative imports of packages that lead neither to their own folder nor to a layer of the gateway. */
function strayImports(sources: ReadonlyMap<string, string>): string[] {
  return importsOf(sources)
    .filter(({ from, to }) => {
      const [, layer = ''] = /^\.\.\/src\/(\w+)\//.exec(to) ?? [];
      if (layerOf(to) === layerOf(from) || LAYERS.includes(layer)) return false;
      return !(COMMANDS.includes(layerOf(from)) && OF_COMMANDS.includes(layer));
    })
    .map(({ from, to }) => `${from} must not import ${to}`);
}

describe('packages', () => {
  test('are loaded by packages.ts alone, and not before the settings ask for them', () => {
    expect(earlyLoads(modules)).toEqual([]);
    const wrong = new Map([
      ['packages.ts', "import { a } from '@datatrics-gateway/mcp';"],
      ['server/b.ts', "const b = await import('@datatrics-gateway/mcp');"],
      ['graph/c.ts', "import type { c } from '../../packages/mcp/c.ts';"],
    ]);
    expect(earlyLoads(wrong)).toEqual([...wrong.keys()]);
  });

  test('import their own files and the layers of the gateway', () => {
    expect(packages.size).toBeGreaterThan(1);
    expect(strayImports(packages)).toEqual([]);
    const wrong = new Map([
      ['mcp/a.ts', "import { b } from '../tracing/b.ts';\nimport { c } from './c.ts';"],
      ['mcp/c.ts', "import { d } from '../../src/app.ts';\nimport { e } from '../../src/lib/e.ts';"],
      ['mcp/f.ts', "import { g } from '../../src/config/g.ts';"],
      ['import/h.ts', "import { i } from '../../src/config/i.ts';\nimport { j } from '../../src/app.ts';"],
      ['inspect/a.ts', "import { g } from '../../src/config/g.ts';"],
    ]);
    expect(strayImports(wrong)).toHaveLength(4);
  });
});

test('the picture in docs/architecture.md names every layer and program', () => {
  const picture = readFileSync('docs/architecture.md', 'utf8').split('```')[1] ?? '';
  const folders = new Set([...modules.keys()].filter((path) => path.includes('/')).map(layerOf));
  for (const folder of folders) expect(picture).toContain(`${folder}/`);
  for (const [, name] of picture.matchAll(/\b([a-z]+)\/ /g)) expect(folders).toContain(name);
});
