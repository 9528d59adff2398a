import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isUsageProblem, UsageError } from '../../src/cli/usage.ts';
import { FAMILIES } from './families/index.ts';
import { type Column, lineOf, markdownOf, worstOf } from './report.ts';
import { type RunOptions, runAttacks } from './run.ts';
import { requireLinux } from './usage.ts';

const HELP = `Attacks a gateway with generated requests, and measures what each one costs it.

Usage: npm run attack -- [options]

Starts gateways as processes of their own with a heap of 384 MB, in front of an API in another process. Each request is
sent alone; then the worst one of each family is sent 50 times at once. A request fails when it occupies the event loop
for more than 0.5 s of CPU time, adds more than 100 MB, or ends the process. One that is over a limit is measured again
on a fresh process, and the lower figure counts.

Options:
  --seed N            repeats the requests of an earlier run (default: a new one, which is printed)
  --count N           attacks of each family (default: 20)
  --seconds N         starts no attack after this time (default: 3600)
  --memory N          limits each gateway to N MiB, as a container does, in place of its heap; needs a control group
  --family TEXT       only families with this in their names
  --markdown COLUMN   prints the table of docs/security.md with this run in the column "before" or "after"
  --help              this text

Exit code: 0, 1 when a request failed, 2 for wrong usage. Needs Linux.
`;

interface Options extends RunOptions {
  readonly markdown: Column | undefined;
}

function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      count: { type: 'string', default: '20' },
      seconds: { type: 'string', default: '3600' },
      memory: { type: 'string' },
      family: { type: 'string', default: '' },
      markdown: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const whole = (name: string, text: string): number => {
    if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} must be a whole number, not "${text}".`);
    return Number(text);
  };
  const families = FAMILIES.filter(({ name }) => name.includes(values.family));
  if (families.length === 0) {
    throw new UsageError(
      `No family has "${values.family}" in its name: ${FAMILIES.map(({ name }) => name).join('; ')}.`,
    );
  }
  const { markdown } = values;
  if (markdown !== undefined && markdown !== 'before' && markdown !== 'after') {
    throw new UsageError(`--markdown must be "before" or "after", not "${markdown}".`);
  }
  return {
    seed: values.seed === undefined ? Math.floor(Math.random() * 1e9) : whole('seed', values.seed),
    count: whole('count', values.count),
    seconds: whole('seconds', values.seconds),
    memoryMb: values.memory === undefined ? undefined : whole('memory', values.memory),
    families,
    markdown,
  };
}

async function main(options: Options): Promise<void> {
  requireLinux();
  process.stdout.write(`seed ${options.seed}\n`);
  const findings = await runAttacks(options, (finding) => process.stdout.write(`${lineOf(finding)}\n`));
  const failed = findings.filter(({ violations }) => violations.length > 0);
  process.stdout.write(`\nThe worst of ${findings.length}, with seed ${options.seed}:\n`);
  for (const finding of worstOf(findings, 20)) process.stdout.write(`${lineOf(finding)}\n`);
  process.stdout.write(`\n${failed.length} of ${findings.length} failed.\n`);
  if (options.markdown) {
    process.stdout.write(`\n${markdownOf(findings, options.markdown, readFileSync('docs/security.md', 'utf8'))}\n`);
  }
  if (failed.length > 0) process.exitCode = 1;
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(HELP);
  else await main(options);
} catch (error) {
  if (!isUsageProblem(error)) throw error;
  process.stderr.write(`${error.message}\n\nnpm run attack -- --help tells more.\n`);
  process.exitCode = 2;
}
