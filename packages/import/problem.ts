import { ConfigError } from '../../src/config/config-error.ts';
import type { InputProblem } from '../../src/datatrics/encode.ts';

/** A problem with the command line, the settings or the file as a whole that the user can fix: exit code 2. */
export class UsageError extends Error {}

/** The rest of the input cannot be read, as in a truncated gzip file: exit code 1. */
export class InputError extends Error {}

/** Why a row was rejected. */
export interface RowProblem {
  readonly code: InputProblem['code'] | 'MALFORMED' | 'TOO_LARGE';
  readonly message: string;
}

/** Runs a command, and ends the process with its exit code. Prints problems that the user can fix. */
export async function runCommand(name: string, command: () => Promise<number>): Promise<void> {
  try {
    // `process.exitCode` is not enough: an open standard input keeps the process alive.
    process.exit(await command());
  } catch (error) {
    const { message, path, code } = error as NodeJS.ErrnoException;
    const isUsage = error instanceof UsageError || error instanceof ConfigError;
    const usage = isUsage ? message : path && code ? `${path} cannot be read or written (${code}).` : null;
    if (usage === null && !(error instanceof InputError)) throw error;
    process.stderr.write(usage === null ? `${message}\n` : `${usage}\n\nSee npm run ${name} -- --help.\n`);
    process.exit(usage === null ? 1 : 2);
  }
}
