import { closestMatch } from 'leven';
import type { Environment } from './environment.ts';

/** Letters that differ between a misspelt name and the right one, at most. */
const MAX_DISTANCE = 2;
/** Names as long as this are hardly anything else than a setting misspelt. */
const MIN_LENGTH = 8;

/** What Kubernetes sets for a Service whose name begins with `datatrics`. */
const OF_A_SERVICE = /_(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

/** Settings that there were once, and what happened to them. */
const REMOVED: ReadonlyMap<string, string> = new Map([['UPSTREAM_CLIENT', 'removed, since undici makes every call']]);

/**
 * Finds variables that were settings once, and those that are hardly meant for any other program but are no settings.
 *
 * A name that begins with `DATATRICS_` and is close to a setting that is not set is an error: the gateway would run without
 * it. Others are worth a warning.
 *
 * @param known the settings' names
 * @param used further names that the settings refer to
 */
export function checkNames(
  env: Environment,
  known: readonly string[],
  used: ReadonlySet<string>,
): { readonly problems: string[]; readonly warnings: string[] } {
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!value || known.includes(name) || used.has(name)) continue;
    const removed = REMOVED.get(name);
    if (removed !== undefined) {
      problems.push(`${name}: ${removed}; remove it`);
      continue;
    }
    const upper = name.toUpperCase();
    const meant = name.length < MIN_LENGTH ? undefined : closestMatch(upper, known, { maxDistance: MAX_DISTANCE });
    const isOurs = upper.startsWith('DATATRICS_') && !OF_A_SERVICE.test(upper);
    if (isOurs && meant !== undefined && !env[meant])
      problems.push(`${name}: no setting has this name; needs ${meant}`);
    else if (meant !== undefined) warnings.push(`${name}: no setting has this name; ${meant} is close`);
    else if (isOurs) warnings.push(`${name}: no setting has this name`);
  }
  return { problems, warnings };
}
