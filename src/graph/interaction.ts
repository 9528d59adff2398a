import type { CustomFields } from '../datatrics/records/custom-fields.ts';
import { Interaction as InteractionRecord } from '../datatrics/records/interaction.ts';
import type { Builder } from './builder.ts';
import { attributes, customFields, customFilters, defineRecord, type FieldsOf, keyFields } from './fields.ts';
import type { MutationTypes } from './mutations.ts';
import type { defineProfile } from './profile.ts';
import { defineProfileLinks, defineQueries } from './queries.ts';

const FIELDS = {
  ...keyFields('interaction', {
    id: 'Id in the source; unique together with `source`. REST: `interactionid`.',
    idInput: 'Id in the source. REST: `interactionid`.',
  }),
  objectType: {
    type: 'String',
    description: 'Object type, as the source names it; usually `interaction`. REST: `objecttype`.',
    input: 'Object type; usually `interaction`. REST: `objecttype`.',
  },
  event: { type: 'String', description: 'The event, such as `open` or `click`.' },
  occurredAt: {
    type: 'DateTime',
    description: 'Time of the event. REST: `datetime`.',
    input: 'Time of the event, to the second. REST: `datetime`.',
  },
  profileId: { type: 'ID', description: 'Id of the profile that caused the event. REST: `profileid`.' },
  emailId: {
    type: 'ID',
    description: 'Id of the e-mail that the event belongs to. REST: `emailid`.',
  },
  attributes: attributes('interaction'),
} satisfies FieldsOf<InteractionRecord>;

export function defineInteraction(
  builder: Builder,
  { Profile }: ReturnType<typeof defineProfile>,
  custom: CustomFields,
) {
  const fields = { ...FIELDS, ...customFields(custom.Interaction) };
  const Interaction = defineRecord<InteractionRecord>(
    builder,
    'Interaction',
    'An event between a person and a message, such as opening an e-mail.',
    fields,
  );
  const connection = defineQueries(builder, Interaction, {
    record: InteractionRecord,
    one: 'interaction',
    many: 'interactions',
    paths: { find: '/interaction/{interactionId}', list: '/interaction' },
    defaultOrder: 'newest',
    order: {
      CREATED_AT: {
        field: 'createdAt',
        description: 'Time at which the API created the record. The API’s default order is descending.',
      },
      UPDATED_AT: { field: 'updatedAt', description: 'Time of the last change.' },
      OCCURRED_AT: { field: 'occurredAt', description: 'Time of the event.' },
      EVENT: { field: 'event', description: 'The event.' },
    },
    filter: {
      occurredAt: { type: 'DateTimeRange', description: 'Time of the event.' },
      event: { type: 'String', description: 'Exact event, such as `open`.' },
      profileId: { type: 'ID', description: 'Exact id of the profile.' },
      ...customFilters(custom.Interaction),
    },
  });
  defineProfileLinks(builder, Profile, 'interaction', Interaction, connection, (t) => ({
    event: t.string({ description: 'Returns only this event, such as `open`.' }),
  }));
  return { Interaction, fields };
}

export function defineInteractionMutations(
  { defineCreate, defineBulk }: MutationTypes,
  { Interaction, fields }: ReturnType<typeof defineInteraction>,
): void {
  const writes = {
    resource: 'interaction',
    type: Interaction,
    fields,
    what: 'An interaction',
    path: '/interaction',
    create: 'Creates an interaction, or updates the one with the same id and source.',
  } as const;
  defineBulk(writes, defineCreate(writes));
}
