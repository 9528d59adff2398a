import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { NAMES, type Report, run } from './scenarios.ts';

const HELP = `Runs the gateway with faults under load, and writes the table of docs/reliability.md.

Usage: npm run chaos -- [TEXT]

With TEXT, it runs only faults with TEXT in their names, and prints their rows.
`;
const wanted = readWanted();
const FULL = { perSecond: 200, maxSeconds: 30, settleSeconds: 5 };

const rows: string[] = [];
for (const name of NAMES.filter((one) => one.includes(wanted))) {
  const row = toRow(await run(name, FULL));
  rows.push(row);
  process.stdout.write(`${row}\n`);
}
if (wanted === '') {
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
function readWanted(): string {
  try {
    const options = { help: { type: 'boolean' } } as const;
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (!values.help) return positionals[0] ?? '';
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
    .map(([outcome, count]) => `${/^[a-z]/.test(outcome) ? outcome : `\`${outcome}\``} ${percent(count, total)}`)
    .join(', ');
  const { name, seconds, slowestMs, p99Ms, amplification, healthyAfterMs, writtenTwice, lost } = report;
  const ms = [slowestMs, p99Ms].map((figure) => `${figure} ms`);
  return `| ${[name, seconds, during, ...ms, amplification, `${healthyAfterMs} ms`, writtenTwice, lost].join(' | ')} |`;
}

function percent(count: number, total: number): string {
  const share = (count / total) * 100;
  return `${share >= 99.95 || share === Math.round(share) ? Math.round(share) : share.toFixed(share > 99 || share < 1 ? 2 : 1)} %`;
}
