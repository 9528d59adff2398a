import { type FieldValues, text, time } from './fields.ts';
import { type DatatricsRecord, defineRecord } from './record.ts';

export const profileFields = {
  name: text('name'),
  firstName: text('firstname'),
  lastName: text('lastname'),
  email: text('email'),
  country: text('country'),
  createdAt: time('created', 'created_at'),
  updatedAt: time('updated', 'updated_at'),
} as const;

export type Profile = DatatricsRecord & FieldValues<typeof profileFields> & { readonly profileId: string };

export const Profile = defineRecord<Profile>({
  resource: 'profile',
  idNames: ['profileid', 'profile_id'],
  fields: profileFields,
  sorts: { profileId: 'profileid' },
});
