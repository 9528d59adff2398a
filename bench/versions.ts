import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { compareInFront, readWaysOptions, serveWay } from './ways.ts';

/**
 * What an operation costs here and in another checkout of this project, side by side:
 * `OTHER=../gateway-before npm run bench:versions`. The other one is installed by `npm ci`.
 */
const options = readWaysOptions('Q1,Q2,Q3,Q4');

async function main(): Promise<void> {
  const other = process.env.OTHER;
  const program = other && resolve(other, 'bench/access.ts');
  if (!program || !existsSync(program)) throw new Error('OTHER: needs the path of another checkout of this project');
  await compareInFront({ program: import.meta.filename, ...options }, (origin) => [
    { title: 'there', setup: { origin }, program },
    { title: 'here', setup: { origin } },
  ]);
}

if (options.serve === undefined) await main();
else await serveWay(options.serve);
