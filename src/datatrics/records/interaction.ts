import { type FieldValues, id, text, time } from './fields.ts';
import { type DatatricsRecord, defineRecord } from './record.ts';

export const interactionFields = {
  objectType: text('objecttype'),
  event: text('event'),
  occurredAt: time('datetime'),
  profileId: id('profileid'),
  emailId: id('emailid'),
} as const;

export type Interaction = DatatricsRecord & FieldValues<typeof interactionFields> & { readonly interactionId: string };

/** Something a person did with a message, such as opening an e-mail. Its fields come under `metadata`. */
export const Interaction = defineRecord<Interaction>({
  resource: 'interaction',
  idNames: ['interactionid'],
  fields: interactionFields,
  // The API sorts by these times, and shows them under other names or not at all.
  sorts: { createdAt: 'created', updatedAt: 'updated' },
});
