import { id, text, time } from './fields.ts';
import { recordClass } from './record.ts';

/** An action of a person, such as opening an e-mail. The API returns its fields under `metadata`. */
export class Interaction extends recordClass(
  'interaction',
  {
    objectType: text('objecttype'),
    event: text('event'),
    occurredAt: time('datetime'),
    profileId: id('profileid'),
    emailId: id('emailid'),
  },
  {
    idNames: ['interactionid'],
    // The API sorts by these times, but returns them under other names or not at all.
    sorts: { createdAt: 'created', updatedAt: 'updated' },
  },
) {}
