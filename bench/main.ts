import { parseArgs } from 'node:util';
import { compare } from './compare.ts';
import { measureGrowth } from './growth.ts';
import { ratioLines, writeReport } from './report.ts';
import { describeRun, type Results, readResults, saveResults } from './results.ts';
import { measureSoak } from './soak.ts';
import { SYSTEMS } from './systems.ts';

/** `npm run bench`: see HELP. */
const HELP = `Measures the gateway against its peers, in front of nginx and under wrk (both must be installed).

  npm run bench                          all systems on all workloads
  npm run bench -- --growth              how cost grows
  npm run bench -- --soak 600            memory under load for so many seconds

  --systems a,b      only these: ${SYSTEMS.map(({ name }) => name).join(', ')}
  --workloads Q1,Q2  only these: Q1, Q2, Q3, Q4, Q5, Q1-20ms, Q4-20ms
  --seconds 3        length of a round
  --rounds 3         rounds
  --connections 50   connections of the load
  --quick            one round of one second
  --no-save          print, and leave results and page as they are
`;

const { values } = parseArgs({
  options: {
    systems: { type: 'string' },
    workloads: { type: 'string' },
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '50' },
    quick: { type: 'boolean', default: false },
    save: { type: 'boolean', default: true },
    growth: { type: 'boolean', default: false },
    soak: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

async function main(): Promise<void> {
  if (values.help) {
    console.log(HELP);
    return;
  }
  const seconds = values.quick ? 1 : Number(values.seconds);
  const rounds = values.quick ? 1 : Number(values.rounds);
  const connections = Number(values.connections);
  const run = describeRun({ seconds, rounds, connections });
  if (values.growth) {
    save({ growth: { run, rows: await measureGrowth(seconds) } });
    return;
  }
  if (values.soak !== undefined) {
    const soak = await measureSoak(Number(values.soak), connections, run);
    console.log(soak.verdict);
    save({ soak });
    return;
  }
  const names = values.systems?.split(',');
  const unknown = names?.filter((name) => !SYSTEMS.some((it) => it.name === name)) ?? [];
  if (unknown.length > 0) throw new Error(`--systems: there is no ${unknown.join(', ')}`);
  const systems = SYSTEMS.filter(({ name }) => names?.includes(name) ?? true);
  const workloads = values.workloads?.split(',');
  const found = await compare({ systems, workloads, seconds, rounds, connections });
  const part = { ...found, run, workloads: found.workloads.map(({ operations: _, ...info }) => info) };
  console.log("\nThe gateway's rate as a multiple of others':");
  for (const line of ratioLines({ ...readResults(), ...part })) console.log(line);
  save(part);
}

function save(found: Partial<Results>): void {
  if (values.save) writeReport(saveResults(found));
}

await main();
