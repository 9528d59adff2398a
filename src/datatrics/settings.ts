import type { FilterMode } from './capabilities.ts';
import type { Resource } from './endpoints.ts';
import type { Masking } from './masking.ts';
import type { RecordTypes } from './records/record-types.ts';

/**
 * Whether many records are fetched by one list call, `q[profileid][$in][]=…`, which the API may or may not understand:
 * `off`; `on`; or `auto`, which tries it on records just read before it relies on it.
 */
export type BatchMode = 'off' | 'auto' | 'on';

/** How a project's records are read and written. */
export interface ProjectSettings {
  /** Sources to try, in order, where a read by id or a link names none. */
  readonly sources: Readonly<Record<Resource, readonly string[]>>;
  readonly filters: FilterMode;
  /** REST name of the field by which conversions are filtered for a profile. */
  readonly conversionProfileField: string;
  /** IANA zone of the API's times. */
  readonly timeZone: string;
  /** Rows that the gateway requests from a list in one call, at most. */
  readonly pageLimit: number;
  readonly batchReads: BatchMode;
  /** How personal data comes to those without `pii:read`. */
  readonly masking: Masking;
  /** How records are read and written. Default: those with the documented fields only. */
  readonly recordTypes?: RecordTypes | undefined;
}
