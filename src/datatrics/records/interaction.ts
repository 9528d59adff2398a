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

/** An action of a person, such as opening an e-mail. The API returns its fields under `metadata`. */
export const Interaction = defineRecord<Interaction>({
  resource: 'interaction',
  idNames: ['interactionid'],
  fields: interactionFields,
  // The API sorts by these times, but returns them under other names or not at all.
  sorts: { createdAt: 'created', updatedAt: 'updated' },
});
