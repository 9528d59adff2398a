import type { Staleness } from '../upstream/freshness.ts';
import type { Operation } from '../upstream/operation.ts';
import type { ReadName } from './client.ts';
import { buildPath, type CallArgs } from './paths.ts';

/**
 * How the answer to a read of this operation was stale; undefined if it was fresh.
 * @param project the principal's
 */
export function stalenessOf(
  operation: Operation,
  project: string,
  name: ReadName,
  args: CallArgs,
): Staleness | undefined {
  const stale = operation.freshness?.stale;
  return stale && stale.size > 0 ? stale.get(buildPath(name, args, project)) : undefined;
}
