import { ConfigError } from '../../src/config/config-error.ts';

/** A problem with the command line, the settings or the file as a whole that the user can fix: exit code 2. */
export class UsageError extends Error {}

/** The rest of the input cannot be read, as in a truncated gzip file: exit code 1. */
export class InputError extends Error {}

/** Returns what the user can do something about: usage, settings, files. Null for other errors, which are bugs. */
export function usageProblem(error: unknown): string | null {
  if (error instanceof UsageError || error instanceof ConfigError) return error.message;
  const { path, code } = error as NodeJS.ErrnoException;
  return path && code ? `${path} cannot be read or written (${code}).` : null;
}

/** Why a row was rejected. */
export interface RowProblem {
  /** The importer adds `MALFORMED` and `TOO_LARGE` to the codes of `userErrors`. */
  readonly code: 'MALFORMED' | 'TOO_LARGE' | 'INVALID' | 'REQUIRED' | 'DUPLICATE' | 'REJECTED' | 'NOT_FOUND';
  readonly message: string;
}
