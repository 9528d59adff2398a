import { type ParseArgsConfig, type ParseArgsOptionsConfig, parseArgs } from 'node:util';

type Values<Config extends ParseArgsConfig> = ReturnType<typeof parseArgs<Config>>['values'];

/** Returns the values of a command line. A wrong one ends the process with 2 and a sentence. */
export function parseOrExit<const Config extends ParseArgsConfig>(config: Config): Values<Config> {
  try {
    return parseArgs(config).values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(2);
  }
}

/**
 * Returns the values of a benchmark's command line. `--help` prints the options, and ends the process with 0.
 *
 * @param about what the benchmark measures
 */
export function readOptions<const Options extends ParseArgsOptionsConfig>(
  about: string,
  options: Options,
): Values<{ options: Options }> {
  if (process.argv.includes('--help')) {
    const lines = Object.entries(options).map(([name, { type, default: value }]) =>
      type === 'boolean' ? `  --${name}\n` : `  --${name} VALUE  (default: ${value})\n`,
    );
    process.stdout.write(`${about}\n\nOptions:\n${lines.join('')}  --help\n`);
    process.exit(0);
  }
  return parseOrExit({ options });
}
