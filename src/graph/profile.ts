import { checkSource } from '../datatrics/keys.ts';
import type { CustomFields } from '../datatrics/records/custom-fields.ts';
import { Profile as ProfileRecord } from '../datatrics/records/profile.ts';
import type { Builder } from './builder.ts';
import { connectionArgs, defineConnection, resolveConnection } from './connection.ts';
import { costOfFind, costOfList, costOfWrite } from './cost.ts';
import { customFields, customFilters, customInputs } from './custom-fields.ts';
import type { ListTypes } from './list-inputs.ts';
import type { MutationTypes } from './mutations.ts';

/** `Profile`, `Query.profile`, `Query.profiles`. */
export function defineProfile(builder: Builder, lists: ListTypes, custom: CustomFields) {
  const Profile = builder.objectRef<ProfileRecord>('Profile');
  Profile.implement({
    description: 'A person in one source. The same person can have one profile in each of several sources.',
    interfaces: [builder.nodeInterfaceRef()],
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Global id, for `node` and as a cache key.' }),
      profileId: t.exposeID('profileId', {
        description: 'Id in the source; unique together with `source`. REST: `profileid`.',
      }),
      source: t.exposeString('source', {
        description: 'System that the profile comes from, such as a shop or a CRM.',
      }),
      name: t.exposeString('name', { nullable: true, description: 'Full name.' }),
      firstName: t.exposeString('firstName', { nullable: true, description: 'Given name. REST: `firstname`.' }),
      lastName: t.exposeString('lastName', { nullable: true, description: 'Family name. REST: `lastname`.' }),
      email: t.exposeString('email', { nullable: true, description: 'E-mail address.' }),
      country: t.exposeString('country', { nullable: true, description: 'Country, as the source spells it.' }),
      createdAt: t.expose('createdAt', {
        type: 'DateTime',
        nullable: true,
        description: 'Time of creation. REST: `created`, or `created_at` when `created` is missing.',
      }),
      updatedAt: t.expose('updatedAt', {
        type: 'DateTime',
        nullable: true,
        description: 'Time of the last change. REST: `updated`, or `updated_at` when `updated` is missing.',
      }),
      attributes: t.expose('attributes', {
        type: 'JSONObject',
        nullable: true,
        description: 'All other fields of the profile, by their REST names, as the API sent them.',
      }),
      ...customFields(t, custom.Profile),
    }),
  });

  const ProfileConnection = defineConnection(builder, Profile);

  const ProfileOrder = lists.defineOrder(ProfileRecord, {
    CREATED_AT: { field: 'createdAt', description: 'Time of creation. The API’s default order is ascending.' },
    UPDATED_AT: { field: 'updatedAt', description: 'Time of the last change.' },
    PROFILE_ID: { field: 'profileId', description: 'Id in the source, compared as text.' },
    NAME: { field: 'name', description: 'Full name.' },
    EMAIL: { field: 'email', description: 'E-mail address.' },
  });

  const ProfileFilter = builder.inputType('ProfileFilter', {
    description: 'Conditions on profiles; a record must match all given fields.',
    fields: (t) => ({
      createdAt: t.field({ type: lists.DateTimeRange, description: 'Time of creation.' }),
      updatedAt: t.field({ type: lists.DateTimeRange, description: 'Time of the last change.' }),
      email: t.string({ description: 'Exact e-mail address; case does not matter.' }),
      ...customFilters(t, custom.Profile, lists),
    }),
  });

  builder.queryFields((t) => ({
    profile: t.field({
      type: Profile,
      nullable: true,
      extensions: costOfFind('profile'),
      description: 'One profile by its id in a source; null when not found. REST: `GET /profile/{profileid}`.',
      args: {
        profileId: t.arg.id({ required: true, description: 'Id in the source.' }),
        source: t.arg.string({
          description: 'Source of the profile. By default the gateway tries the configured sources, in order.',
        }),
      },
      resolve: (_root, args, { session }) => session.find('profile', args.profileId, checkSource(args.source)),
    }),
    profiles: t.field({
      type: ProfileConnection,
      nullable: true,
      extensions: costOfList('profile'),
      description: 'A page of the project’s profiles. REST: `GET /profile`.',
      args: {
        source: t.arg.string({ description: 'Returns only profiles from this source. Default: all sources.' }),
        ...connectionArgs(t.arg),
        orderBy: t.arg({ type: ProfileOrder, description: 'Default: oldest first.' }),
        filter: t.arg({ type: ProfileFilter, description: 'Returns only profiles that match.' }),
      },
      resolve: (_root, args, { session }) => resolveConnection(session, 'profile', args),
    }),
  }));

  return { Profile };
}

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
      profileId: t.id({ required: true, description: 'Id in the source. REST: `profileid`.' }),
      source: t.string({ required: true, description: 'System that the profile comes from.' }),
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
      description: 'Updates an existing profile. REST: `PUT /profile/{profileid}`.',
      args: { input: t.arg({ type: ProfileInput, required: true, description: 'The key, and the fields to change.' }) },
      resolve: (_root, { input }, { writer }) => writer.update('profile', input),
    }),
  }));

  defineBulk({ resource: 'profile', type: Profile, input: ProfileInput, rest: 'POST /profile/bulk' });
}
