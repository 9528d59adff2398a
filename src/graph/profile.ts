import type { CustomFields } from '../datatrics/records/custom-fields.ts';
import { Profile as ProfileRecord } from '../datatrics/records/profile.ts';
import type { Builder } from './builder.ts';
import {
  attributes,
  customFields,
  customFilters,
  defineRecord,
  type FieldsOf,
  keyFields,
  timestamps,
} from './fields.ts';
import type { MutationTypes } from './mutations.ts';
import { defineQueries } from './queries.ts';

const FIELDS = {
  ...keyFields('profile', {
    id: 'Id in the source; unique together with `source`. REST: `profileid`.',
    idInput: 'Id in the source. REST: `profileid`.',
    source: 'System that the profile comes from, such as a shop or a CRM.',
  }),
  name: { type: 'String', description: 'Full name.' },
  firstName: { type: 'String', description: 'Given name. REST: `firstname`.' },
  lastName: { type: 'String', description: 'Family name. REST: `lastname`.' },
  email: { type: 'String', description: 'E-mail address.' },
  country: { type: 'String', description: 'Country, as the source spells it.', input: 'Country.' },
  ...timestamps('Time of creation'),
  attributes: attributes('profile'),
} satisfies FieldsOf<ProfileRecord>;

export function defineProfile(builder: Builder, custom: CustomFields) {
  const fields = { ...FIELDS, ...customFields(custom.Profile) };
  const Profile = defineRecord<ProfileRecord>(
    builder,
    'Profile',
    'A person in one source. The same person can have one profile in each of several sources.',
    fields,
  );
  defineQueries(builder, Profile, {
    record: ProfileRecord,
    one: 'profile',
    many: 'profiles',
    paths: { find: '/profile/{profileid}', list: '/profile' },
    defaultOrder: 'oldest',
    order: {
      CREATED_AT: { field: 'createdAt', description: 'Time of creation. The API’s default order is ascending.' },
      UPDATED_AT: { field: 'updatedAt', description: 'Time of the last change.' },
      PROFILE_ID: { field: 'profileId', description: 'Id in the source, compared as text.' },
      NAME: { field: 'name', description: 'Full name.' },
      EMAIL: { field: 'email', description: 'E-mail address.' },
    },
    filter: {
      createdAt: { type: 'DateTimeRange', description: 'Time of creation.' },
      updatedAt: { type: 'DateTimeRange', description: 'Time of the last change.' },
      email: { type: 'String', description: 'Exact e-mail address; case does not matter.' },
      ...customFilters(custom.Profile),
    },
  });
  return { Profile, fields };
}

export function defineProfileMutations(
  { defineCreate, defineUpdate, defineBulk }: MutationTypes,
  { Profile, fields }: ReturnType<typeof defineProfile>,
): void {
  const writes = {
    resource: 'profile',
    type: Profile,
    fields,
    what: 'A profile',
    path: '/profile',
    create: 'Creates a profile, or updates the one with the same id and source.',
  } as const;
  const written = defineCreate(writes);
  defineUpdate('profile', written, 'Updates an existing profile. REST: `PUT /profile/{profileid}`.');
  defineBulk(writes, written);
}
