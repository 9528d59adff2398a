import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { AREAS } from './areas.ts';

/**
 * `npm run mutation -- auth src/graph/cost.ts`: changes the sources of these areas, or these files of them, in one place at
 * a time, and lists the changes that no test of their area notices. Default: every area.
 */
const wanted = process.argv.slice(2);
const chosen = AREAS.map((area) => ({
  ...area,
  sources: wanted.length === 0 || wanted.includes(area.name) ? area.sources : area.sources.filter(isWanted),
})).filter(({ sources }) => sources.length > 0);

function isWanted(source: string): boolean {
  return wanted.some((path) => resolve(path) === resolve(source));
}

const known = AREAS.flatMap(({ name, sources }) => [name, ...sources]).join('\n  ');
if (wanted.includes('--help')) {
  console.log(`Usage: npm run mutation -- [AREA or FILE …]\n\nAreas and files:\n  ${known}`);
  process.exit(0);
}
const unknown = wanted.filter(
  (word) =>
    !AREAS.some(({ name, sources }) => name === word || sources.some((source) => resolve(source) === resolve(word))),
);
if (unknown.length > 0) {
  console.error(`${unknown.join(', ')}: unknown; name areas or files of:\n  ${known}`);
  process.exit(2);
}
let failed = false;
for (const { name, sources, tests } of chosen) {
  console.log(`\n${name}: ${sources.join(', ')}`);
  const args = ['run', '--mutate', sources.join(','), '--testFiles', tests.join(',')];
  const { status } = spawnSync(resolve('node_modules/.bin/stryker'), args, { stdio: 'inherit' });
  failed ||= status !== 0;
}
process.exit(failed ? 1 : 0);
