import { compare } from './compare.ts';
import { measureGrowth } from './growth.ts';
import { parseOrExit } from './options.ts';
import { ratioLines } from './ratios.ts';
import { writeReport } from './report.ts';
import { describeRun, type Results, readResults, saveResults } from './results.ts';
import { measureSoak } from './soak.ts';
import { SYSTEMS } from './systems.ts';

const HELP = `Compares the gateway with other systems, on nginx as API and wrk as load (both must be installed).

Usage: npm run bench -- [options]

Options:
  --systems NAMES    measure only these systems: ${SYSTEMS.map(({ name }) => name).join(', ')}
  --workloads NAMES  measure only these workloads: Q1, Q2, Q3, Q4, Q5, Q1-20ms, Q4-20ms
  --seconds N        length of a round (default: 3)
  --rounds N         number of rounds (default: 3)
  --connections N    connections of the load (default: 50)
  --quick            one round of one second
  --growth           measure only how the gateway's cost grows
  --soak SECONDS     measure only the gateway's memory under load, at least 60 s
  --no-save          do not update bench/results.json and docs/performance.md
  --help             print this text

Examples:
  npm run bench -- --systems gateway-sharing,mercurius --workloads Q1,Q2
  npm run bench -- --soak 600
`;

const values = parseOrExit({
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
  if (unknown.length > 0)
    throw new Error(`--systems: got ${unknown.join(', ')}; allowed are ${SYSTEMS.map(({ name }) => name).join(', ')}`);
  const systems = SYSTEMS.filter(({ name }) => names?.includes(name) ?? true);
  const workloads = values.workloads?.split(',');
  const found = await compare({ systems, workloads, seconds, rounds, connections });
  const part = { ...found, run, workloads: found.workloads.map(({ operations: _, ...info }) => info) };
  console.log('\nRate of the gateway relative to other systems:');
  for (const line of ratioLines({ ...readResults(), ...part })) console.log(line);
  save(part);
}

function save(found: Partial<Results>): void {
  if (values.save) writeReport(saveResults(found));
}

await main();
