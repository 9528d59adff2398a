import { text, time } from './fields.ts';
import { recordClass } from './record.ts';

export class Profile extends recordClass(
  'profile',
  {
    name: text('name'),
    firstName: text('firstname'),
    lastName: text('lastname'),
    email: text('email'),
    country: text('country'),
    createdAt: time('created', 'created_at'),
    updatedAt: time('updated', 'updated_at'),
  },
  { idNames: ['profileid', 'profile_id'], sorts: { profileId: 'profileid' } },
) {}
