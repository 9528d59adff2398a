import { type ParseArgsConfig, parseArgs } from 'node:util';
import { ConfigError } from '../config/config-error.ts';

/** A problem with the command line, the settings or the files that the user can fix. Commands exit with 2. */
export class UsageError extends Error {}

/** Whether the user can fix an error. Other errors are bugs. */
export function isUsageProblem(error: unknown): error is Error {
  return (
    error instanceof UsageError ||
    error instanceof ConfigError ||
    String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')
  );
}

/** Runs a command, such as `npm run cost`. After a problem that the user can fix, it exits with 2. */
export function run(command: string, main: () => void): void {
  try {
    main();
  } catch (error) {
    if (!isUsageProblem(error)) throw error;
    process.stderr.write(`${error.message}\n\nSee ${command} -- --help.\n`);
    process.exitCode = 2;
  }
}

/** Reads the command line. `--help` prints the help and ends the process. */
export function readArguments<T extends ParseArgsConfig>(help: string, config: T) {
  if (process.argv.slice(2).includes('--help')) {
    process.stdout.write(help);
    process.exit(0);
  }
  return parseArgs(config);
}
