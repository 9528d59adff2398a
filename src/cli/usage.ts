import { readDeclaredFields } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { environment } from '../config/environment.ts';
import type { CustomFields } from '../datatrics/records/custom-fields.ts';

/** Something about the command line, the settings or the files that the user has to mend. */
export class UsageError extends Error {}

/** Whether an error is the user's to mend, as opposed to a bug. */
export function isUsageProblem(error: unknown): error is Error {
  return (
    error instanceof UsageError ||
    error instanceof ConfigError ||
    String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')
  );
}

/**
 * The custom fields that a configuration file declares.
 *
 * @param path default: what GATEWAY_CONFIG names, if anything
 * @throws ConfigError
 */
export function declaredFields(path: string | undefined): CustomFields {
  return readDeclaredFields(path ?? environment().GATEWAY_CONFIG);
}
