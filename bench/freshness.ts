import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { startUpstream } from './upstream.ts';
import { compareWays, readWaysOptions, serveWay } from './ways.ts';

/** What it costs to remember answers, and not to: `npm run bench:freshness`. */
const options = readWaysOptions('Q1,Q3');

async function main(): Promise<void> {
  const fixtures = makeFixtures(STANDARD_SIZE);
  const upstream = await startUpstream(fixtures);
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-freshness-'));
  const way = async (title: string, types: readonly string[]) => {
    const file = join(folder, `${types.join('-')}.json`);
    await writeFile(
      file,
      JSON.stringify({ freshness: Object.fromEntries(types.map((type) => [type, { freshFor: 60 }])) }),
    );
    const settings = types.length > 0 ? { GATEWAY_CONFIG: file } : {};
    return { title, setup: { origin: upstream.origin, settings } };
  };
  try {
    await compareWays({
      ways: [
        await way('nothing is remembered', []),
        await way('the same again, for the noise', []),
        await way('other types are remembered', ['Content', 'Interaction']),
        await way('these are remembered', ['Profile', 'Conversion']),
      ],
      program: import.meta.filename,
      fixtures,
      ...options,
    });
  } finally {
    await upstream.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

if (options.serve === undefined) await main();
else await serveWay(options.serve);
