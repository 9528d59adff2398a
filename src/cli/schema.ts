import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { printSchema } from 'graphql';
import { buildSchema } from '../graph/schema.ts';
import { declaredFields, isUsageProblem, UsageError } from './usage.ts';

const HELP = `The schema that a gateway with this configuration serves, as SDL: for a team's own codegen.

Usage: npm run -s schema -- [options]

Options:
  --config FILE  configuration with custom fields (default: GATEWAY_CONFIG)
  --out FILE     where to write it (default: standard output)
  --help         this text

Exit code: 0, or 2 for wrong usage and a configuration that can't be.
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
  process.stderr.write(`${error.message}\n\nnpm run schema -- --help tells more.\n`);
  process.exitCode = 2;
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UsageError(`--out: can not write ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
}
