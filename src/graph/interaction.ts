import type { Interaction } from '../datatrics/records/interaction.ts';
import { attributes, type FieldsOf, keyFields, type RecordSpec } from './fields.ts';

export const INTERACTION: RecordSpec<'interaction'> = {
  resource: 'interaction',
  description: 'An event between a person and a message, such as opening an e-mail.',
  one: 'interaction',
  many: 'interactions',
  fields: {
    ...keyFields('interaction'),
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
    emailId: { type: 'ID', description: 'Id of the e-mail that the event belongs to. REST: `emailid`.' },
    attributes: attributes('interaction'),
  } satisfies FieldsOf<Interaction>,
  order: {
    createdAt: 'Time at which the API created the record. The API’s default order is descending.',
    updatedAt: 'Time of the last change.',
    occurredAt: 'Time of the event.',
    event: 'The event.',
  },
  defaultOrder: 'newest',
  filter: {
    occurredAt: 'Time of the event.',
    event: 'Exact event, such as `open`.',
    profileId: 'Exact id of the profile.',
  },
  create: 'Creates an interaction, or updates the one with the same id and source.',
};
