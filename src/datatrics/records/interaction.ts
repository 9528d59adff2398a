import { fieldTable, id, text, time } from './fields.ts';
import { ApiRecord } from './record.ts';

/** An action of a person, such as opening an e-mail. The API returns its fields under `metadata`. */
export class Interaction extends ApiRecord {
  static override readonly resource = 'interaction';
  static override readonly idNames = ['interactionid'];
  /** The API sorts by these times, but returns them under other names or not at all. */
  static override readonly sorts = { createdAt: 'created', updatedAt: 'updated' };
  static override readonly type = 'Interaction';
  static override readonly fields = fieldTable('Interaction', {
    objectType: text('objecttype'),
    event: text('event'),
    occurredAt: time('datetime'),
    profileId: id('profileid'),
    emailId: id('emailid'),
  });

  get interactionId(): string {
    return this.key.id;
  }

  get objectType(): string | null {
    return this.textOf(this.raw.objecttype, 'objectType');
  }

  get event(): string | null {
    return this.textOf(this.raw.event, 'event');
  }

  get occurredAt(): string | null {
    return this.timeOf(this.raw.datetime, 'occurredAt');
  }

  get profileId(): string | null {
    return this.textOf(this.raw.profileid, 'profileId');
  }

  get emailId(): string | null {
    return this.textOf(this.raw.emailid, 'emailId');
  }
}
