import type { Principal } from '../auth/principal.ts';
import type { Staleness } from '../upstream/freshness.ts';
import type { Operation } from '../upstream/operation.ts';
import type { Capabilities } from './capabilities.ts';
import type { BoundClient } from './client.ts';
import type { Endpoint } from './endpoints.ts';
import type { Selection } from './json-selection.ts';
import { buildPath, type CallArgs } from './paths.ts';
import type { ProjectSettings } from './project-settings.ts';
import type { RecordContext } from './records/fields.ts';
import type { RecordTypes } from './records/record-types.ts';

/** What all reads of one operation have in common. */
export interface ReadEnvironment {
  readonly client: BoundClient;
  readonly principal: Principal;
  readonly operation: Operation;
  readonly settings: ProjectSettings;
  readonly capabilities: Capabilities;
  /** The fields to read. Default: all. */
  readonly selection?: Selection | undefined;
  readonly types: RecordTypes;
  readonly context: RecordContext;
}

/** How the answer to a read of this operation was stale; undefined if it was fresh. */
export function stalenessOf(
  { operation, principal }: Pick<ReadEnvironment, 'operation' | 'principal'>,
  endpoint: Endpoint,
  args: CallArgs,
): Staleness | undefined {
  const stale = operation.freshness?.stale;
  return stale && stale.size > 0 ? stale.get(buildPath(endpoint, args, principal.project)) : undefined;
}
