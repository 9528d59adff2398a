import type { Profile } from '../datatrics/records/profile.ts';
import { attributes, type FieldsOf, keyFields, type RecordSpec, timestamps } from './fields.ts';

export const PROFILE: RecordSpec<'profile'> = {
  resource: 'profile',
  description: 'A person in one source. The same person can have one profile in each of several sources.',
  one: 'profile',
  many: 'profiles',
  fields: {
    ...keyFields('profile', {
      source: 'System that the profile comes from, such as a shop or a CRM.',
    }),
    name: { type: 'String', description: 'Full name.' },
    firstName: { type: 'String', description: 'Given name. REST: `firstname`.' },
    lastName: { type: 'String', description: 'Family name. REST: `lastname`.' },
    email: { type: 'String', description: 'E-mail address.' },
    country: { type: 'String', description: 'Country, as the source spells it.', input: 'Country.' },
    ...timestamps('Time of creation'),
    attributes: attributes('profile'),
  } satisfies FieldsOf<Profile>,
  order: {
    createdAt: 'Time of creation. The API’s default order is ascending.',
    updatedAt: 'Time of the last change.',
    profileId: 'Id in the source, compared as text.',
    name: 'Full name.',
    email: 'E-mail address.',
  },
  defaultOrder: 'oldest',
  filter: {
    createdAt: 'Time of creation.',
    updatedAt: 'Time of the last change.',
    email: 'Exact e-mail address; case does not matter.',
  },
  create: 'Creates a profile, or updates the one with the same id and source.',
  update: 'Updates an existing profile.',
};
