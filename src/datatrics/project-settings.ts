import type { FilterMode } from './capabilities.ts';
import type { Resource } from './endpoints.ts';
import type { Masking } from './masking.ts';
import type { RecordTypes } from './records/record-types.ts';

/**
 * Whether one list call reads several records by the undocumented filter `q[profileid][$in][]=…`: never, only after a test
 * with records that were just read has succeeded, or without a test.
 */
export type BatchMode = 'off' | 'auto' | 'on';

/** A project's settings for reading and writing records. */
export interface ProjectSettings {
  /** Sources to try, in order, where a read by id or a link has no source. */
  readonly sources: Readonly<Record<Resource, readonly string[]>>;
  readonly filters: FilterMode;
  /** REST name of the field that filters conversions by profile. */
  readonly conversionProfileField: string;
  readonly timeZone: string;
  /** Most rows to request per page. */
  readonly pageLimit: number;
  readonly batchReads: BatchMode;
  readonly masking: Masking;
  /** Record types, with custom fields. Default: the documented fields only. */
  readonly recordTypes?: RecordTypes | undefined;
}
