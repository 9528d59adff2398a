import { fieldTable, text } from './fields.ts';
import { TIMES, TimedRecord } from './record.ts';

export class Profile extends TimedRecord {
  static override readonly resource = 'profile';
  static override readonly idNames = ['profileid', 'profile_id'];
  static override readonly sorts = { profileId: 'profileid' };
  static override readonly type = 'Profile';
  static override readonly fields = fieldTable('Profile', {
    name: text('name'),
    firstName: text('firstname'),
    lastName: text('lastname'),
    email: text('email'),
    country: text('country'),
    ...TIMES,
  });

  get profileId(): string {
    return this.key.id;
  }

  get name(): string | null {
    return this.textOf(this.raw.name, 'name');
  }

  get firstName(): string | null {
    return this.textOf(this.raw.firstname, 'firstName');
  }

  get lastName(): string | null {
    return this.textOf(this.raw.lastname, 'lastName');
  }

  get email(): string | null {
    return this.textOf(this.raw.email, 'email');
  }

  get country(): string | null {
    return this.textOf(this.raw.country, 'country');
  }
}
