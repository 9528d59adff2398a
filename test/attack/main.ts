import { parseArgs } from 'node:util';
import { isUsageProblem, UsageError } from '../../src/cli/usage.ts';
import { FAMILIES } from './families/index.ts';
import { lineOf, markdownOf, worstOf } from './report.ts';
import { type RunOptions, runAttacks } from './run.ts';

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
  --markdown          prints the figures as a table, for docs/security.md
  --help              this text

Exit code: 0, 1 when a request failed, 2 for wrong usage. Needs Linux.
`;

function readOptions(): (RunOptions & { readonly markdown: boolean }) | 'help' {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      count: { type: 'string', default: '20' },
      seconds: { type: 'string', default: '3600' },
      memory: { type: 'string' },
      family: { type: 'string', default: '' },
      markdown: { type: 'boolean', default: false },
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
  return {
    seed: values.seed === undefined ? Math.floor(Math.random() * 1e9) : whole('seed', values.seed),
    count: whole('count', values.count),
    seconds: whole('seconds', values.seconds),
    memoryMb: values.memory === undefined ? undefined : whole('memory', values.memory),
    families,
    markdown: values.markdown,
  };
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === 'help') return void process.stdout.write(HELP);
  if (process.platform !== 'linux')
    throw new UsageError(`needs Linux, whose /proc has the figures; this is ${process.platform}.`);
  const print = (text: string): boolean => process.stdout.write(`${text}\n`);
  print(`seed ${options.seed}`);
  const findings = await runAttacks(options, (finding) => print(lineOf(finding)));
  const failed = findings.filter(({ violations }) => violations.length > 0);
  print(`\nThe worst of ${findings.length}, with seed ${options.seed}:`);
  for (const finding of worstOf(findings, 20)) print(lineOf(finding));
  print(`\n${failed.length} of ${findings.length} failed.`);
  if (options.markdown) print(`\n${markdownOf(findings)}`);
  if (failed.length > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  if (!isUsageProblem(error)) throw error;
  process.stderr.write(`${error.message}\n\nnpm run attack -- --help tells more.\n`);
  process.exitCode = 2;
}
