import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { compareInFront, readWaysOptions, serveWay } from './ways.ts';

/**
 * Compares the cost of operations in this checkout and in another one: `OTHER=../gateway-before npm run bench:versions`.
 * Install the other checkout with `npm ci`.
 */
const options = readWaysOptions('Q1,Q2,Q3,Q4');

async function main(): Promise<void> {
  const other = process.env.OTHER;
  const program = other && resolve(other, 'bench/access.ts');
  if (!program || !existsSync(program))
    throw new Error(`OTHER: got ${other}; needs the path of another checkout of this project`);
  await compareInFront({ program: import.meta.filename, ...options }, (origin) => [
    { title: 'other checkout', setup: { origin }, program },
    { title: 'this checkout', setup: { origin } },
  ]);
}

if (options.serve === undefined) await main();
else await serveWay(options.serve);
