import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { send } from '../test/attack/client.ts';
import { FAMILIES } from '../test/attack/families/index.ts';
import { startApi } from '../test/attack/target.ts';
import { memoryOf, resetPeak } from '../test/attack/usage.ts';
import { startInstance } from '../test/helpers/instance.ts';
import { runLoad } from './load.ts';
import { readOptions } from './options.ts';
import { tableSection, writeReport } from './report.ts';
import { saveTable, today } from './results.ts';

/**
 * Measures the gateway's memory when idle, under load, while it is attacked, and after it: `npm run bench:memory`. `--save`
 * writes the results to `docs/performance-details.md`.
 */
const values = readOptions('Measures memory when idle, under load, while the gateway is attacked, and after it.', {
  seconds: { type: 'string', default: '30' },
  attacks: { type: 'string', default: '5' },
  save: { type: 'boolean', default: false },
});
const seconds = Number(values.seconds);
const LINKS = '{ conversions(first: 100) { nodes { conversionId total profile { profileId name email } } } }';

const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-bodies-'));
const bodies = join(folder, 'bodies');
await writeFile(bodies, JSON.stringify({ query: LINKS }));
const api = await startApi();
const gateway = await startInstance({ AUTH_MODE: 'passthrough', LOG_LEVEL: 'error', ...api.settings });
const { pid, url } = gateway;
const rows: (string | number)[][] = [];

async function phase(title: string, run: () => Promise<unknown>): Promise<void> {
  resetPeak(pid);
  await run();
  const { nowMb, peakMb } = memoryOf(pid);
  rows.push([title, nowMb, peakMb]);
  console.log(`${title}: ${nowMb.toFixed(0)} MB, at most ${peakMb.toFixed(0)} MB`);
}

const load = async (): Promise<void> => {
  const { statusErrors } = await runLoad(`${url}/graphql`, bodies, 50, seconds, {
    headers: { 'x-apikey': 'sandbox-key' },
  });
  if (statusErrors > 0) throw new Error(`${statusErrors} requests failed`);
};

async function attack(): Promise<void> {
  for (let round = 0; round < Number(values.attacks); round++)
    for (const family of FAMILIES)
      for (const request of family.make(1, round).requests) await send(Number(new URL(url).port), request);
}

try {
  await phase('idle', () => sleep(5_000));
  await phase('50 connections, lists with their links', load);
  await phase('idle again', () => sleep(20_000));
  await phase('attacked', attack);
  await phase('idle after the attacks', () => sleep(20_000));
  await phase('50 connections again', load);
  await phase('idle at the end', () => sleep(20_000));
} finally {
  await gateway.kill();
  await api.close();
  await rm(folder, { recursive: true, force: true });
}

const table = {
  script: 'bench:memory',
  title: 'Memory',
  date: today(),
  about: `resident memory of one gateway without a heap limit, ${values.seconds} s of load at a time. The attacks are ${values.attacks} of each family of
\`npm run attack\`, one request at a time.`,
  columns: ['', 'At the end, MB', 'At most, MB'],
  rows,
};
console.log(tableSection(table));
if (values.save) writeReport(saveTable(table));
