import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { printSchema } from 'graphql';
import { buildSchema } from '../graph/schema.ts';
import { declaredFields, isUsageProblem, UsageError } from './usage.ts';

const HELP = `Prints the SDL of the schema that a gateway with this configuration serves, for code generation.

Usage: npm run -s schema -- [options]

Options:
  --config FILE  configuration file with custom fields (default: GATEWAY_CONFIG)
  --out FILE     write to this file (default: standard output)
  --help         print this text

Example:
  npm run -s schema -- --config gateway.yml --out schema.graphql

Exit codes:
  0  success
  2  wrong usage, or an invalid configuration
`;

try {
  const options = { config: { type: 'string' }, out: { type: 'string' }, help: { type: 'boolean' } } as const;
  const { values } = parseArgs({ options });
  if (values.help) process.stdout.write(HELP);
  else {
    const sdl = `${printSchema(buildSchema({ customFields: declaredFields(values.config) }))}\n`;
    if (values.out === undefined) process.stdout.write(sdl);
    else write(values.out, sdl);
  }
} catch (error) {
  if (!isUsageProblem(error)) throw error;
  process.stderr.write(`${error.message}\n\nSee npm run schema -- --help.\n`);
  process.exitCode = 2;
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UsageError(`--out: cannot write ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
}
