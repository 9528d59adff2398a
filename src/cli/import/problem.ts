/** Something about the command line, the settings or the file as a whole that the user has to mend: exit code 2. */
export class UsageError extends Error {}

/** The input can not be read any further, such as a gzip file that was cut off. */
export class InputError extends Error {}

/** Why a row did not go in. */
export interface RowProblem {
  /** `MALFORMED` and `TOO_LARGE` are found in the file; the rest are those of `userErrors`. */
  readonly code: 'MALFORMED' | 'TOO_LARGE' | 'INVALID' | 'REQUIRED' | 'DUPLICATE' | 'REJECTED' | 'NOT_FOUND';
  readonly message: string;
}
