import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { startUpstream } from './upstream.ts';
import { compareWays, readWaysOptions, serveWay } from './ways.ts';

/**
 * What an operation costs here and in another checkout of this project, side by side:
 * `OTHER=../gateway-before npm run bench:versions`. The other one is installed by `npm ci`.
 */
const options = readWaysOptions('Q1,Q2,Q3,Q4');

async function main(): Promise<void> {
  const other = process.env.OTHER;
  const program = other && resolve(other, 'bench/access.ts');
  if (!program || !existsSync(program)) throw new Error('OTHER: needs the path of another checkout of this project');
  const fixtures = makeFixtures(STANDARD_SIZE);
  const upstream = await startUpstream(fixtures);
  const setup = { origin: upstream.origin };
  try {
    await compareWays({
      ways: [
        { title: 'there', setup, program },
        { title: 'here', setup },
      ],
      program: import.meta.filename,
      fixtures,
      ...options,
    });
  } finally {
    await upstream.stop();
  }
}

if (options.serve === undefined) await main();
else await serveWay(options.serve);
