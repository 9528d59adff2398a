import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareInFront, readWaysOptions, serveWay } from './ways.ts';

/** Measures the cost of the read cache, on and off: `npm run bench:freshness`. */
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
        await way('no cache', []),
        await way('no cache, repeated to show the noise', []),
        await way('other types cached', ['Content', 'Interaction']),
        await way('these types cached', ['Profile', 'Conversion']),
      ];
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (options.serve === undefined) await main();
else await serveWay(options.serve);
