import type { Capabilities } from './capabilities.ts';
import type { BoundClient } from './client.ts';
import type { Selection } from './json-selection.ts';
import type { ProjectSettings } from './project-settings.ts';
import type { RecordContext } from './records/fields.ts';
import type { RecordTypes } from './records/record-types.ts';

/** What all reads of one operation have in common. */
export interface ReadContext {
  readonly client: BoundClient;
  readonly settings: ProjectSettings;
  readonly capabilities: Capabilities;
  /** The fields to read. Default: all. */
  readonly selection?: Selection | undefined;
  readonly types: RecordTypes;
  readonly context: RecordContext;
}
