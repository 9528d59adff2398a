import { closestMatch } from 'leven';
import type { Environment } from './environment.ts';

/** Edits by which a misspelt name may differ from a setting's. */
const MAX_DISTANCE = 2;
/** Shorter names are close to many others. */
const MIN_LENGTH = 8;

/** Variables that Kubernetes sets for a Service whose name begins with `datatrics`. */
const OF_A_SERVICE = /_(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

/** Settings of earlier versions, and what holds without them. */
const REMOVED: ReadonlyMap<string, string> = new Map([
  ['UPSTREAM_CLIENT', 'undici makes every call'],
  ['UPSTREAM_QUEUE', '10000 calls may wait for a connection'],
  ['MAX_WAITING_BYTES', 'slow clients may keep 67108864 bytes'],
  ['MAX_ESTIMATED_VALUES', 'an answer may have 350000 values'],
  ['ASSUMED_LIST_SIZE', 'a list without a page size counts as 10 items'],
  ['BULK_CHUNK_BYTES', 'a REST call has 1048576 bytes'],
  ['BULK_EXTRA_REQUESTS', 'finding rejected items takes 200 calls at most'],
]);

/** The problem with a setting of an earlier version; undefined for any other name. */
export function removedSetting(name: string): string | undefined {
  const instead = REMOVED.get(name);
  return instead === undefined ? undefined : `${name}: this setting was removed (${instead}); remove it`;
}

/**
 * Finds variables that are meant for the gateway and are no settings: removed ones, and misspelt ones.
 *
 * A name that begins with `DATATRICS_` and is close to a setting that is not set is a problem, because the gateway would
 * start without that setting. Other names get a warning.
 *
 * @param known names of the settings
 * @param used further variables that the settings refer to
 * @returns the warnings
 */
export function checkNames(
  env: Environment,
  known: readonly string[],
  used: readonly string[],
  problems: string[],
): readonly string[] {
  const warnings: string[] = [];
  for (const name of Object.keys(env)) {
    if (known.includes(name) || used.includes(name)) continue;
    const removed = removedSetting(name);
    if (removed !== undefined) problems.push(removed);
    const upper = name.toUpperCase();
    const meant = name.length < MIN_LENGTH ? undefined : closestMatch(upper, known, { maxDistance: MAX_DISTANCE });
    const isOurs = upper.startsWith('DATATRICS_') && !OF_A_SERVICE.test(upper);
    if (isOurs && meant !== undefined && !env[meant])
      problems.push(`${name}: no setting has this name; needs ${meant}`);
    else if (meant !== undefined) warnings.push(`${name}: no setting has this name; ${meant} is close`);
    else if (isOurs) warnings.push(`${name}: no setting has this name`);
  }
  return warnings;
}
