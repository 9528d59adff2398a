import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  clockJump,
  FULL,
  noFiles,
  noSuchName,
  type Report,
  redisGone,
  run,
  SCENARIOS,
  terminated,
} from './scenarios.ts';

/**
 * `npm run chaos`: every fault under load, and what it did into the table of docs/reliability.md.
 * `npm run chaos -- down` runs those with this in their names, and only prints.
 */
const HELP = `Runs the gateway with faults under load, and writes the table of docs/reliability.md.

Usage: npm run chaos -- [TEXT]

With TEXT, it runs only faults with TEXT in their names, and prints their rows.
`;
const wanted = readWanted();

const all: readonly [name: string, run: () => Promise<Report>][] = [
  ...SCENARIOS.map((scenario): [string, () => Promise<Report>] => [scenario.name, () => run(scenario, FULL)]),
  ['DNS failure', () => noSuchName(FULL)],
  ['Redis killed and back', () => redisGone(FULL)],
  ['clock', () => clockJump(FULL)],
  ['out of file descriptors', () => noFiles(FULL)],
  ['SIGTERM', () => terminated(FULL)],
];

const rows: string[] = [];
for (const [name, start] of all) {
  if (wanted !== undefined && !name.includes(wanted)) continue;
  const row = toRow(await start());
  rows.push(row);
  process.stdout.write(`${row}\n`);
}
if (wanted === undefined) {
  const text = readFileSync('docs/reliability.md', 'utf8');
  const table = [
    '| Fault | s | What reads sent meanwhile got | Slowest | p99 | Calls per request | Healthy after | Writes sent twice | Lost |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
  writeFileSync(
    'docs/reliability.md',
    text.replace(/(<!-- chaos -->\n)[\s\S]*?(<!-- \/chaos -->)/, (_all, from, to) => `${from}\n${table}\n\n${to}`),
  );
}

/** Ends the process after `--help`, and for an unknown option. */
function readWanted(): string | undefined {
  try {
    const options = { help: { type: 'boolean' } } as const;
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (!values.help) return positionals[0];
    process.stdout.write(HELP);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(2);
  }
}

function toRow(report: Report): string {
  const total = Object.values(report.during).reduce((sum, count) => sum + count, 0);
  const during = Object.entries(report.during)
    .sort(([, a], [, b]) => b - a)
    .map(
      ([outcome, count]) =>
        `${outcome === 'fresh' || outcome === 'stale' ? outcome : `\`${outcome}\``} ${percent(count, total)}`,
    )
    .join(', ');
  const cells = [
    report.name,
    report.seconds,
    during,
    `${report.slowestMs} ms`,
    `${report.p99Ms} ms`,
    report.amplification,
    `${report.healthyAfterMs} ms`,
    report.writtenTwice,
    report.lost,
  ];
  return `| ${cells.join(' | ')} |`;
}

function percent(count: number, total: number): string {
  const share = (count / total) * 100;
  return `${share >= 99.95 || share === Math.round(share) ? Math.round(share) : share.toFixed(share > 99 || share < 1 ? 2 : 1)} %`;
}
