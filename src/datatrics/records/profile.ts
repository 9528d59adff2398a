import { fieldTable, text, time } from './fields.ts';
import { ApiRecord } from './record.ts';

const fields = fieldTable('Profile', {
  name: text('name'),
  firstName: text('firstname'),
  lastName: text('lastname'),
  email: text('email'),
  country: text('country'),
  createdAt: time('created', 'created_at'),
  updatedAt: time('updated', 'updated_at'),
});

export class Profile extends ApiRecord {
  static override readonly resource = 'profile';
  static override readonly idNames = ['profileid', 'profile_id'];
  static override readonly sorts = { profileId: 'profileid' };
  static override readonly fields = fields;

  get profileId(): string {
    return this.key.id;
  }

  get name(): string | null {
    return this.text(this.raw.name, fields.name);
  }

  get firstName(): string | null {
    return this.text(this.raw.firstname, fields.firstName);
  }

  get lastName(): string | null {
    return this.text(this.raw.lastname, fields.lastName);
  }

  get email(): string | null {
    return this.text(this.raw.email, fields.email);
  }

  get country(): string | null {
    return this.text(this.raw.country, fields.country);
  }

  get createdAt(): string | null {
    return this.time(this.raw.created, fields.createdAt);
  }

  get updatedAt(): string | null {
    return this.time(this.raw.updated, fields.updatedAt);
  }
}
