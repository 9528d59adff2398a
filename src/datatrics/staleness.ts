import type { Staleness } from '../upstream/freshness.ts';
import type { Operation } from '../upstream/operation.ts';
import type { ReadName } from './client.ts';
import { buildPath, type CallArgs } from './paths.ts';

/**
 * Whether, and how, a read of this operation was answered with something stale.
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
