import type { Resource } from '../endpoints.ts';
import { Content } from './content.ts';
import { Conversion } from './conversion.ts';
import { Interaction } from './interaction.ts';
import { Profile } from './profile.ts';
import type { RecordType } from './record.ts';

export interface RecordOf {
  profile: Profile;
  content: Content;
  conversion: Conversion;
  interaction: Interaction;
}

export type RecordTypes = { readonly [R in Resource]: RecordType<RecordOf[R]> };

/** The record types with the documented fields only. */
export const RECORD_TYPES: RecordTypes = {
  profile: Profile,
  content: Content,
  conversion: Conversion,
  interaction: Interaction,
};
