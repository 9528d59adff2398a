import { readDeclaredFields } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { environment } from '../config/environment.ts';
import type { CustomFields } from '../datatrics/records/custom-fields.ts';

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

/**
 * Returns the custom fields that a configuration file declares.
 *
 * @param path default: GATEWAY_CONFIG; without either there are no custom fields
 * @throws ConfigError
 */
export function declaredFields(path: string | undefined): CustomFields {
  return readDeclaredFields(path ?? environment().GATEWAY_CONFIG);
}
