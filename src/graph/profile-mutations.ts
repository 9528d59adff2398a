import type { CustomFields } from '../datatrics/custom-fields.ts';
import type { Builder } from './builder.ts';
import { costOfWrite } from './cost.ts';
import { customInputs } from './custom-fields.ts';
import type { MutationTypes } from './mutations.ts';
import type { defineProfile } from './profile.ts';

/** `createProfile`, `updateProfile`, `bulkUpsertProfiles`. */
export function defineProfileMutations(
  builder: Builder,
  { definePayload, defineBulk }: MutationTypes,
  { Profile }: ReturnType<typeof defineProfile>,
  custom: CustomFields,
): void {
  const ProfileInput = builder.inputType('ProfileInput', {
    description:
      'A profile to write. Omitted fields are not sent and keep their values. An explicit null is sent as null.',
    fields: (t) => ({
      profileId: t.id({ required: true, description: 'The id in its source. REST: `profileid`.' }),
      source: t.string({ required: true, description: 'The system that the profile comes from.' }),
      name: t.string({ description: 'Full name.' }),
      firstName: t.string({ description: 'Given name. REST: `firstname`.' }),
      lastName: t.string({ description: 'Family name. REST: `lastname`.' }),
      email: t.string({ description: 'E-mail address.' }),
      country: t.string({ description: 'Country.' }),
      createdAt: t.field({
        type: 'DateTime',
        description: 'Time of creation, to the second. REST: `created`.',
      }),
      updatedAt: t.field({
        type: 'DateTime',
        description: 'Time of the last change, to the second. REST: `updated`.',
      }),
      attributes: t.field({
        type: 'JSONObject',
        description: 'Additional fields, by their REST names. Typed fields of this input are not allowed here.',
      }),
      ...customInputs(t, custom.Profile),
    }),
  });

  const ProfilePayload = definePayload(Profile, 'profile');

  builder.mutationFields((t) => ({
    createProfile: t.field({
      type: ProfilePayload,
      nullable: true,
      extensions: costOfWrite('createProfile'),
      description: 'Creates a profile, or updates the one with the same id and source. REST: `POST /profile`.',
      args: { input: t.arg({ type: ProfileInput, required: true, description: 'The profile.' }) },
      resolve: (_root, { input }, { writer }) => writer.create('profile', input),
    }),
    updateProfile: t.field({
      type: ProfilePayload,
      nullable: true,
      extensions: costOfWrite('updateProfile'),
      description: 'Changes a profile that exists. REST: `PUT /profile/{profileid}`.',
      args: { input: t.arg({ type: ProfileInput, required: true, description: 'The key, and the fields to change.' }) },
      resolve: (_root, { input }, { writer }) => writer.update('profile', input),
    }),
  }));

  defineBulk({ resource: 'profile', type: Profile, input: ProfileInput, rest: 'POST /profile/bulk' });
}
