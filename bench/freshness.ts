import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareInFront, readWaysOptions, serveWay } from './ways.ts';

/** What it costs to remember answers, and not to: `npm run bench:freshness`. */
const options = readWaysOptions('Q1,Q3');

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-freshness-'));
  const settingsOf = async (types: readonly string[]): Promise<Record<string, string>> => {
    if (types.length === 0) return {};
    const file = join(folder, `${types.join('-')}.json`);
    const freshness = Object.fromEntries(types.map((type) => [type, { freshFor: 60 }]));
    await writeFile(file, JSON.stringify({ freshness }));
    return { GATEWAY_CONFIG: file };
  };
  try {
    await compareInFront({ program: import.meta.filename, ...options }, async (origin) => {
      const way = async (title: string, types: readonly string[]) => ({
        title,
        setup: { origin, settings: await settingsOf(types) },
      });
      return [
        await way('nothing is remembered', []),
        await way('the same again, for the noise', []),
        await way('other types are remembered', ['Content', 'Interaction']),
        await way('these are remembered', ['Profile', 'Conversion']),
      ];
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (options.serve === undefined) await main();
else await serveWay(options.serve);
