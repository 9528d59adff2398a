import { writeFileSync } from 'node:fs';
import { printSchema } from 'graphql';
import { readDeclaredFields } from '../config/config.ts';
import { buildSchema } from '../graph/schema.ts';
import { readArguments, run, UsageError } from './usage.ts';

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

run('npm run schema', () => {
  const { values } = readArguments(HELP, { options: { config: { type: 'string' }, out: { type: 'string' } } } as const);
  const sdl = `${printSchema(buildSchema({ customFields: readDeclaredFields(values.config) }))}\n`;
  if (values.out === undefined) process.stdout.write(sdl);
  else write(values.out, sdl);
});

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UsageError(`--out: cannot write ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
}
